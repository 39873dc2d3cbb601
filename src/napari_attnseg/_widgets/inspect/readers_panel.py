"""Panel of the Inspect widget: the masks by one encoder alone, and by both together."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from functools import partial
from typing import Any

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import signals_blocked

from napari_attnseg._widgets.base.controls import Fold, set_tips, wrapped_label
from napari_attnseg._widgets.base.jobs import Failed, encode
from napari_attnseg._widgets.base.lifetime import Lifetime
from napari_attnseg._widgets.base.model_cache import ModelCache
from napari_attnseg._widgets.inspect.encoding import Encoding
from napari_attnseg._widgets.inspect.masks_beside import MasksBeside
from napari_attnseg._widgets.inspect.pointer import Pointing
from napari_attnseg._widgets.inspect.reader_layers import (
    OUTLINES,
    FrameReaders,
    ReaderLayers,
)
from napari_attnseg._widgets.inspect.readout import pixel_at
from napari_attnseg._widgets.inspect.section import Section
from napari_attnseg._widgets.inspect.tips import READER_TIPS
from napari_attnseg._widgets.inspect.whatif_layers import why_disabled
from napari_attnseg._widgets.layers.objects_aside import ObjectsAside
from napari_attnseg._widgets.layers.runs import ResultLayers
from napari_attnseg._widgets.layers.source import Source
from napari_attnseg.errors import AttnSegError
from napari_attnseg.reader_record import Reader, ReaderState
from napari_attnseg.reader_words import (
    psi_sentence,
    record_sentences,
    useless_sentences,
)

ASK = (
    "What does each of the two encoders, the CNN and the transformer, draw alone, and "
    "where do they disagree?"
)
POINT = "Click into a region where they disagree to read which of them draws it."
OTHER_SLICE = "These outlines are of slice {}, and none are drawn on this one."
PUT_AWAY = (
    "The mask was changed, so the outlines of the model's own masks were put away; "
    "show them again to compare."
)
_SWATCH = "background: {}; border: 1px solid gray;"


class ReadersPanel(Section):
    """Shows three outlines, and which encoder the gates favoured in a region.

    Parameters
    ----------
    viewer : napari.Viewer
        Viewer whose slider gives the shown frame; layers are added to it.
    life : Lifetime
        Ends the worker that encodes.
    pointing : Pointing
        Gives the point at which the reading is held.
    objects : ObjectsAside
        Hides measured objects while outlines are drawn.
    """

    def __init__(
        self, viewer: Any, life: Lifetime, pointing: Pointing, objects: ObjectsAside
    ) -> None:
        super().__init__(viewer, life)
        self._pointing, self._objects = pointing, objects
        self._encoding: Encoding[FrameReaders] = Encoding(read)
        self._layers = ReaderLayers(viewer)
        self._masks = MasksBeside(viewer, self._put_away, self._mask_seen)
        life.at_end += [
            self._encoding.free,
            self._layers.remove,
            self._masks.show,
            self._masks.end,
        ]
        self.show_button = QPushButton()
        self.disagreement_box = QCheckBox("Where they disagree")
        self.legend = _legend()
        self.region = wrapped_label()
        #: Whether psi tells the better encoder, with its AUROC.
        self.psi = wrapped_label()
        self.details = Fold("Details", self.psi)
        set_tips({getattr(self, name): tip for name, tip in READER_TIPS.items()})
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in (
            self.message,
            self.details,
            self.show_button,
            self.legend,
            self.disagreement_box,
            self.region,
        ):
            layout.addWidget(part)
        self.show_button.clicked.connect(self._show_or_hide)
        self.disagreement_box.toggled.connect(self._show_disagreement)
        pointing.held_at.connect(self._read)
        self.set_result(None)

    @property
    def found(self) -> FrameReaders | None:
        """Masks on screen by each encoder alone; None if there are none."""
        return self._encoding.found

    def drawn(self) -> Iterable[Any]:
        """Layers that are hidden with the section; see `Section.drawn`."""
        return self._layers.layers

    def set_result(self, result: ResultLayers | None) -> None:
        """Set the result; without image or gate maps all controls are disabled."""
        self._forget()
        why = "" if result is None else why_disabled(result)
        self._result = None if why else result
        self.show_button.setEnabled(self._result is not None)
        if why:
            self.message.setText(why)

    def _forget(self) -> None:
        """Show nothing, and remove the layers."""
        self._encoding.free()
        self._masks.end()
        # Not now: napari may be going through a list of layers to remove.
        QTimer.singleShot(0, partial(self._layers.take_away, self._layers.let_go()))
        QTimer.singleShot(0, partial(self._objects.follow, self, None))
        QTimer.singleShot(0, self._masks.show)
        self.message.setText(ASK)
        self._show_state()

    def _show_state(self) -> None:
        shown = self.found is not None
        self.show_button.setText("Hide the outlines" if shown else "Show outlines")
        self.legend.setVisible(shown)
        self.disagreement_box.setVisible(shown)
        self.region.setVisible(shown)
        self.details.setVisible(shown and bool(self.psi.text()))
        if not shown:
            with signals_blocked(self.disagreement_box):
                self.disagreement_box.setChecked(False)

    def _show_or_hide(self) -> None:
        if self.found is not None:
            self._forget()
        else:
            self._run_encoders(self._encoding, self._show)

    def _show(self, found: FrameReaders | Failed) -> None:
        result = self._result
        if isinstance(found, Failed):
            self._fail(found.message)
            return
        assert result is not None
        record = found.readers.record
        self.psi.setText(psi_sentence(record))
        self._layers.show_outlines(result, found)
        self._masks.begin(result, found.own.mask, found.frame)
        self._show_state()
        # One that is useless alone disagrees nearly everywhere, which says nothing.
        states = {record.state(reader) for reader in Reader}
        self.disagreement_box.setChecked(ReaderState.USELESS not in states)
        self._drawn_late()
        self._follow_objects()
        self._read(self._pointing.point)

    def _follow(self) -> None:
        super()._follow()
        if not self._life.ended:
            self._follow_objects()

    def follow_frame(self) -> None:
        """Show on other slices what is hidden beside the outlines, which have none."""
        if self.found is not None and not self._life.ended:
            self._follow_objects()

    def _follow_objects(self) -> None:
        """Hide what would be taken for an outline, while outlines are on the canvas.

        These are measured objects, whose white is that of the mask by both together,
        and masks that are not the model's own.
        """
        layers, result, found = self._viewer.layers, self._result, self.found
        if result is None or found is None:
            self._objects.follow(self, None)
            self._masks.show()
            return
        here = not result.stacked or self._frame() == found.frame
        drawn = any(one in layers and one.visible for one in self._layers.layers)
        self._objects.follow(self, result.image if drawn and here else None)
        if drawn and here:
            self._say(self._masks.hide())
        else:
            self._masks.show()
        if not here:
            self.message.setText(OTHER_SLICE.format(found.frame))

    def _say(self, of_masks: str) -> None:
        """Say what is known of the outlines, and which masks are hidden beside them."""
        assert self._result is not None and self.found is not None
        record = self.found.readers.record
        said = [
            *useless_sentences(record),
            f"Slice {self.found.frame}." if self._result.stacked else "",
            of_masks,
            "On this image the masks of the CNN alone and of the transformer alone "
            f"overlap with Dice {self.found.readers.dice:.2f}.",
            *record_sentences(record),
        ]
        self.message.setText(" ".join(filter(None, said)))

    def _mask_seen(self, event: Any = None) -> None:
        # Not now: side by side shows masks before it is on, and hides the outlines.
        QTimer.singleShot(0, self._keep_masks)

    def _keep_masks(self) -> None:
        """Leave a mask visible that somebody showed beside the outlines, and say so."""
        beside = self._viewer.canvas.grid.enabled
        if self.found is not None and not beside and not self._life.ended:
            self._masks.keep_shown()
            self._follow_objects()

    def _put_away(self) -> None:
        """Put the outlines away: a mask that changes now would be taken for one."""
        self._forget()
        self.message.setText(PUT_AWAY)

    def _show_disagreement(self, wanted: bool) -> None:
        self._layers.hide_disagreement()
        if wanted and self._result is not None and self.found is not None:
            self._layers.show_disagreement(self._result, self.found)

    def _read(self, point: Any) -> None:
        """Say what is known of the place where the reading is held."""
        if self._result is None or self.found is None:
            return
        at = None if point is None else pixel_at(self._result.probability[0], point)
        if at is None:
            self.region.setText(POINT)
        elif self._result.stacked and at[0] != self.found.frame:
            self.region.setText(f"These outlines are of slice {self.found.frame}.")
        else:
            said = self.found.sentences(at[-2], at[-1])
            self.region.setText(f"At the ring: {' '.join(said)}")


def read(
    source: Source, frame: int, provenance: Mapping[str, Any], models: ModelCache
) -> Generator[tuple[int, str], None, FrameReaders | Failed]:
    """Encode one frame with the weights of a run, and decode it by each reader."""
    what_if = yield from encode(source, frame, provenance, models)
    if isinstance(what_if, Failed):
        return what_if
    yield 1, "decoding"
    try:
        return FrameReaders.of(what_if.own, what_if.readers(), frame)
    except AttnSegError as error:
        return Failed(str(error))


def _legend() -> QWidget:
    """Colour and name of each outline, the uppermost first."""
    legend = QWidget()
    layout = QHBoxLayout(legend)
    layout.setContentsMargins(0, 0, 0, 0)
    for name, colour in reversed(OUTLINES):
        swatch = QLabel()
        swatch.setFixedSize(14, 12)
        swatch.setStyleSheet(_SWATCH.format(colour))
        layout.addWidget(swatch)
        # Shortened: all three in one line of a narrow dock.
        layout.addWidget(QLabel(name.removesuffix(" alone")))
    layout.addStretch()
    return legend
