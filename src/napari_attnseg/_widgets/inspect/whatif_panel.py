"""What-if panel of the Inspect widget: force gates, and see how the mask changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_attnseg._widgets.base.controls import row_of, set_tips, timer
from napari_attnseg._widgets.base.jobs import Failed, encode
from napari_attnseg._widgets.base.lifetime import Lifetime
from napari_attnseg._widgets.inspect.encoding import Encoding
from napari_attnseg._widgets.inspect.gate_row import GateRow, GateRows, PaintControls
from napari_attnseg._widgets.inspect.pointer import Pointing
from napari_attnseg._widgets.inspect.section import Section
from napari_attnseg._widgets.inspect.tips import KEEP, KEPT, NO_KEEP, WHATIF_TIPS
from napari_attnseg._widgets.inspect.undo import History
from napari_attnseg._widgets.inspect.whatif_layers import (
    Temporary,
    describe_change,
    keep,
    mean_of,
    same_paint,
    why_disabled,
)
from napari_attnseg._widgets.layers.display import add_layers
from napari_attnseg._widgets.layers.metadata import record_of
from napari_attnseg._widgets.layers.objects_aside import ObjectsAside
from napari_attnseg._widgets.layers.one_map import MapsAside
from napari_attnseg._widgets.layers.runs import ResultLayers
from napari_attnseg.errors import AttnSegError
from napari_attnseg.results import GateKey, gate_label
from napari_attnseg.spec import STRIDES
from napari_attnseg.whatif import Change, ForcedGates, WhatIf

#: Of a slider.
UNDO, NO_UNDO = "Undo move", "No move to undo"


class WhatIfPanel(Section):
    """Controls that force psi and show which pixels the mask gains and loses.

    Fusion and decoder run again after every change, the encoders only once per frame.

    Parameters
    ----------
    viewer : napari.Viewer
        Viewer whose slider gives the shown frame; layers are added to it.
    life : Lifetime
        Ends the worker that encodes.
    pointing : Pointing
        Holds the point at which to paint without a mouse.
    objects : ObjectsAside
        Hides measured objects while a change is drawn.
    """

    def __init__(
        self, viewer: Any, life: Lifetime, pointing: Pointing, objects: ObjectsAside
    ) -> None:
        super().__init__(viewer, life)
        self._pointing, self._objects = pointing, objects
        self._encoded: Encoding[WhatIf] = Encoding(encode)
        self._layers = Temporary(viewer)
        self._maps = MapsAside(viewer)
        life.at_end += [self._encoded.free, self._maps.show, self._layers.remove]
        self._change: Change | None = None
        #: What of the paint went into it.
        self._paint: NDArray[np.float64] | None = None
        self._kept: Change | None = None
        self._history: History[Mapping[GateKey, float]] = History({})
        self.gate_rows = GateRows()
        self.legend = self.gate_rows.legend
        #: Hidden, not grey, where the message says why: they are of another result.
        self.controls = QWidget()
        self.painting = PaintControls()
        self.undo_button = QPushButton(UNDO)
        self.reset_button = QPushButton("Reset")
        self.keep_button = QPushButton(KEEP)
        set_tips({getattr(self, name): tip for name, tip in WHATIF_TIPS.items()})
        self._lay_out()
        self._soon = timer(0, self._decode)
        self._later = timer(300, self._history.settle)

        self.gate_rows.chosen.connect(self._choose)
        self.painting.paint_button.clicked.connect(self._start_painting)
        self.painting.dab_button.clicked.connect(self._dab)
        self.painting.box.activated.connect(lambda: self._soon.start())
        self.undo_button.clicked.connect(self.undo)
        self.reset_button.clicked.connect(self.reset)
        self.keep_button.clicked.connect(self.keep)
        self.set_result(None)

    def _lay_out(self) -> None:
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.controls)
        outer.addWidget(self.message)
        layout = QVBoxLayout(self.controls)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.gate_rows)
        layout.addWidget(self.painting)
        self.gate_rows.set_gates(STRIDES[::-1])
        self.painting.set_gates(STRIDES[::-1])
        layout.addLayout(row_of(self.undo_button, self.reset_button, self.keep_button))

    # -- the result --------------------------------------------------------------------

    def drawn(self) -> Iterable[Any]:
        """Layers that are hidden with the section; see `Section.drawn`."""
        return self._layers.change, self._layers.paint

    def set_result(self, result: ResultLayers | None) -> None:
        """Work on another result; without image or gate maps there are no controls."""
        self._forget()
        why = "" if result is None else why_disabled(result)
        self._result = None if why else result
        self._history.restart({})
        self.controls.setVisible(self._result is not None)
        if self._result is None:
            self.message.setText(why)
            return
        self._offer_gates(self._result)
        self._show_gates()
        self.message.setText("Move a slider to see how the model's mask would change.")

    def _offer_gates(self, result: ResultLayers) -> None:
        """Offer the gates of a result, the coarsest first, and name their ends."""
        if list(self.rows) != list(result.coarse_first):
            self.gate_rows.set_gates(result.coarse_first)
            self.painting.set_gates(result.coarse_first)
        records = {key: record_of(result.gates[key]) for key in self.rows}
        self.gate_rows.name_ends(
            {key: (one.low, one.high) for key, one in records.items() if one}
        )

    def _forget(self) -> None:
        """Free the features of the encoders, and remove the layers of the what-if."""
        self._soon.stop()
        self._encoded.free()
        self._change = self._kept = self._paint = None
        # Not now: napari may be going through a list of layers to remove.
        QTimer.singleShot(0, partial(self._layers.take_away, self._layers.let_go()))
        QTimer.singleShot(0, self._maps.show)
        QTimer.singleShot(0, partial(self._objects.follow, self, None))

    # -- changes ---------------------------------------------------------------------

    @property
    def rows(self) -> Mapping[GateKey, GateRow]:
        """Key of a gate → its controls, the coarsest first."""
        return self.gate_rows.rows

    @property
    def change(self) -> Change | None:
        """Change of the mask by the forced gates, as last computed."""
        return self._change

    @property
    def what_if(self) -> WhatIf | None:
        """The encoded frame; None before the first change, and after it was freed."""
        return self._encoded.found

    @property
    def forced(self) -> Mapping[GateKey, float]:
        """Key of a gate → psi that is forced everywhere."""
        return self._history.now

    def _choose(self, key: GateKey, psi: float | None) -> None:
        if self._result is None:
            return
        gates = dict(self.forced)
        if psi is None:
            gates.pop(key, None)
        else:
            own = mean_of(self._result, key, self._frame())
            gates[key] = own if np.isnan(psi) else float(psi)
        self._history.change(gates, by=gate_label(key))
        self._later.start()
        self._show_gates()
        self._soon.start()

    def undo(self) -> None:
        """Undo the last step of the sliders; napari itself undoes paint."""
        self._history.undo()
        self._show_gates()
        self._soon.start()

    def reset(self) -> None:
        """Undo all forced gates and all paint."""
        self._history.reset()
        self._layers.unpaint()
        self._show_gates()
        self._soon.start()

    def _show_gates(self) -> None:
        if self._result is not None:
            for key, row in self.rows.items():
                own = mean_of(self._result, key, self._frame())
                row.show_psi(self.forced.get(key), own)
        can_undo, may_keep = self._history.can_undo, self._may_keep
        self.undo_button.setEnabled(can_undo)
        self.undo_button.setText(UNDO if can_undo else NO_UNDO)
        self.keep_button.setEnabled(may_keep)
        none = NO_KEEP if self._kept is None or self._change is not self._kept else KEPT
        self.keep_button.setText(KEEP if may_keep else none)

    @property
    def _may_keep(self) -> bool:
        """Whether gates are forced, by sliders or paint, and it is not kept yet."""
        if self._change is None or self._change is self._kept:
            return False
        return bool(self._change.result.provenance["gates_forced"])

    def _decode(self) -> None:
        """Run fusion and decoder, and before them the encoders if need be."""
        if self._result is None:
            return
        if self.what_if is None or self._encoded.frame != self._frame():
            # Choices that are made meanwhile are applied later.
            self._run_encoders(self._encoded, self._was_encoded)
            return
        paint = self._layers.painted(
            self._encoded.frame if self._result.stacked else None
        )
        self._paint = paint
        try:
            self._change = self.what_if.change(
                ForcedGates(self.forced, paint, self.painting.gates)
            )
        except AttnSegError as error:
            self._fail(str(error))
            return
        self._show_change()

    def _show_change(self) -> None:
        assert self._result is not None and self._change is not None
        assert self.what_if is not None
        what = self._result, self._change, self.what_if.own, self._encoded.frame
        self._layers.show_change(*what)
        self._drawn_late()
        self._follow_maps()
        self.message.setText(describe_change(*what))
        self._show_gates()

    def _follow(self) -> None:
        super()._follow()
        if not self._life.ended:
            self._follow_maps()

    def _follow_maps(self) -> None:
        """Hide other colours on the image while those of a change are on it."""
        change, layer = self._change, self._layers.change
        forced = change is not None and change.result.provenance["gates_forced"]
        result, frame = self._result, self._encoded.frame
        # On another slice of a stack none of it is drawn.
        here = result is not None and (not result.stacked or self._frame() == frame)
        if forced and here and self._layers.has(layer) and layer.visible:
            assert self._result is not None
            self._maps.hide(self._result.image)
            self._objects.follow(self, self._result.image)
        else:
            self._maps.show()
            self._objects.follow(self, None)

    def follow_frame(self) -> None:
        """Show the gates of the frame that is shown now; the change is not decoded."""
        if self._result is not None and self._result.stacked:
            self._show_gates()
            self._follow_maps()

    def _was_encoded(self, found: WhatIf | Failed) -> None:
        if isinstance(found, Failed):
            self._history.restart({})
            self._show_gates()
            self._fail(found.message)
        else:
            self._soon.start()

    # -- painting and keeping --------------------------------------------------------

    def _start_painting(self) -> None:
        """Select the layer to paint in: label 1 is one encoder, label 2 the other."""
        if self._result is not None:
            self.message.setText(
                self._layers.start_painting(self._result, self._painted)
            )

    def _painted(self, event: Any = None) -> None:
        """Decode again if the paint differs from what was decoded last.

        napari sends the same event for an undo as for another frame that is shown.
        """
        if self._result is None:
            return
        frame = self._frame()
        paint = self._layers.painted(frame if self._result.stacked else None)
        known = self._paint if frame == self._encoded.frame else None
        if not same_paint(paint, known):
            self._soon.start()

    def _dab(self) -> None:
        """Paint once, without a mouse, where the reading is held."""
        if self._result is None:
            return
        if not self._layers.has(self._layers.paint):
            self._start_painting()
        if self._pointing.point is None:
            self.message.setText(
                "Put a ring first: click the image, or move there with arrow keys."
            )
            return
        self._layers.dab(self._pointing.point)
        self._soon.start()

    def keep(self) -> None:
        """Add the changed mask and probability as layers that stay.

        napari selects the mask, which is added last; the run menu is then for this
        mask.
        """
        if self._result is not None and self._change is not None and self._may_keep:
            add_layers(
                self._viewer,
                keep(self._result, self._change.result, self._encoded.frame),
            )
            self._kept = self._change
            self._show_gates()
