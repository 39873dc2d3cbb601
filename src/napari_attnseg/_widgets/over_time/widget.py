"""The Time dock widget: curves of each frame's numbers, flicker and smoothing."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from napari.utils.notifications import show_error, show_info
from qtpy.QtWidgets import (
    QFileDialog,
    QPushButton,
    QVBoxLayout,
)
from superqt.utils import signals_blocked

from napari_attnseg._widgets.base.controls import (
    ChoiceBox,
    Form,
    halt,
    repeating,
    row_of,
    set_tips,
    wrapped_label,
)
from napari_attnseg._widgets.base.dock import DockWidget
from napari_attnseg._widgets.base.frame_on_screen import FrameOnScreen
from napari_attnseg._widgets.base.lifetime import follow_layers
from napari_attnseg._widgets.base.scroll import scrolled
from napari_attnseg._widgets.base.threads import work
from napari_attnseg._widgets.layers.metadata import FRAME_NUMBERS
from napari_attnseg._widgets.layers.own_image import spoken_of
from napari_attnseg._widgets.layers.runs import ResultLayers
from napari_attnseg._widgets.layers.source import Source, placement_of, source_of
from napari_attnseg._widgets.over_time.curves import panels_of, place_of, square_mm
from napari_attnseg._widgets.over_time.measuring import Came, Measured, measure_frames
from napari_attnseg._widgets.over_time.plot import OverTime
from napari_attnseg._widgets.over_time.smoothing_control import SmoothingControl
from napari_attnseg._widgets.over_time.stacked import StackedMask, stacked_masks
from napari_attnseg.errors import AttnSegError, InputError
from napari_attnseg.frame_rows import table_text
from napari_attnseg.how_many import how_many
from napari_attnseg.io.atomic import write_text

NO_STACK = (
    "There is nothing to plot yet: segment a stack or a film (Plugins ▸ AttnSeg ▸ "
    "Segment image), or open results of one."
)
#: Milliseconds between two looks for frames that came or changed.
_LOOK = 400
#: Seconds between two drawings while frames are still measured.
_REDRAW = 2.0


class OverTimeWidget(DockWidget):
    """Curves over the frames of a stack, linked with the slider.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Viewer whose stacks are measured and whose slider is linked with the curves.
    """

    tab = "Time"

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer)  # napari passes the viewer by this name
        self._results: list[ResultLayers] = []
        self._known: WeakKeyDictionary[Any, Measured] = WeakKeyDictionary()
        self._worker: Any = None
        self._drawn: tuple[Any, int] | None = None
        self._drawn_at = 0.0
        self.hint = wrapped_label(NO_STACK)
        self.mask_box, self.plot = ChoiceBox(), OverTime()
        self.flicker, self.state = wrapped_label(), wrapped_label()
        self.export_button = QPushButton("Save as CSV…")
        self.smoothing = SmoothingControl(napari_viewer, self._life)
        self._lay_out()
        self._shown = FrameOnScreen(napari_viewer, self._life, self.plot.show_frame)
        self.plot.follow_theme(napari_viewer, self._life)
        self.plot.picked.connect(self._go_to)
        self.mask_box.currentIndexChanged.connect(self._chosen)
        self.export_button.clicked.connect(self._ask_where)
        self._timer = repeating(_LOOK, self.look)
        self._life.at_end += [partial(halt, self._timer), self._stop]
        follow_layers(napari_viewer, self._life, self._follow)
        self._follow()

    def _lay_out(self) -> None:
        set_tips(
            {
                self.mask_box: "The mask whose slices are plotted.",
                self.plot: "Click or drag to go to a slice; the line marks the one "
                "on screen.",
                self.export_button: "Save the numbers of every slice as a table.",
            }
        )
        form = Form()
        form.addRow("Mask", self.mask_box)
        layout: QVBoxLayout = scrolled(self)
        layout.addWidget(self.hint)
        layout.addLayout(form)
        layout.addWidget(self.plot, 1)
        layout.addWidget(self.state)
        layout.addWidget(self.flicker)
        layout.addLayout(row_of(self.export_button))
        layout.addWidget(self.smoothing)

    # -- which mask --------------------------------------------------------------------

    @property
    def result(self) -> ResultLayers | None:
        """The chosen mask with its layers."""
        at = self.mask_box.currentIndex()
        return self._results[at] if 0 <= at < len(self._results) else None

    def _follow(self, event: Any = None) -> None:
        """Offer the masks of all stacks, and keep the choice."""
        if self._life.ended:
            return
        before = None if self.result is None else self.result.mask
        self._results = stacked_masks(self._viewer.layers)
        masks = [one.mask for one in self._results]
        image, _ = spoken_of(self._viewer, None)
        seen = [one.mask for one in self._results if one.image is image]
        wanted = before if before in masks else next(iter([*seen, *masks]), None)
        with signals_blocked(self.mask_box):
            self.mask_box.clear()
            for mask in masks:
                self.mask_box.addItem(mask.name)
            self.mask_box.setCurrentIndex(-1 if wanted is None else masks.index(wanted))
        self.hint.setVisible(not masks)
        for part in (self.plot, self.flicker, self.state):
            part.setVisible(bool(masks))
        self.export_button.setEnabled(bool(masks))
        self._chosen()

    def _chosen(self, index: int = 0) -> None:
        result = self.result
        mask = None if result is None else result.mask
        self._shown.follow(mask, None if mask is None else len(mask.data))
        self.smoothing.follow(result)
        self._stop()
        self._drawn = None
        self.look()

    # -- measuring ---------------------------------------------------------------------

    def look(self) -> None:
        """Measure frames that are new or have changed, and draw what is measured."""
        if self._life.ended:
            return
        result = self.result
        if result is None or result.mask not in self._viewer.layers:
            self.plot.show_panels((), (), 1)
            return
        mask = StackedMask.of(result)
        known = self._known_of(result, mask)
        outdated = known.outdated(mask, self._shown())
        if outdated and self._worker is None and self.isVisible():
            self._measure(result, mask, known, outdated)
        self._draw(result, mask, known, len(outdated))

    def _known_of(self, result: ResultLayers, mask: StackedMask) -> Measured:
        if result.mask not in self._known:
            saved = result.mask.metadata.get(FRAME_NUMBERS, {})
            self._known[result.mask] = Measured.of_saved(mask, saved)
        return self._known[result.mask]

    def _measure(
        self,
        result: ResultLayers,
        mask: StackedMask,
        known: Measured,
        frames: list[int],
    ) -> None:
        pixel = square_mm(placement_of(result.mask))
        image = self._source(result)
        worker = work(
            measure_frames, mask, image, frames, known.rows, self._shown, pixel
        )
        layer = result.mask

        def took(came: Came) -> None:
            if layer in self._known:
                self._known[layer].take(came)

        def ended() -> None:
            if self._worker is worker:
                self._worker = None

        worker.yielded.connect(took)
        worker.finished.connect(ended)
        self._worker = worker
        worker.start()

    @staticmethod
    def _source(result: ResultLayers) -> Source | None:
        if result.image is None or result.image.ndim != 3:
            return None
        try:
            found = source_of(result.image)
        except InputError:
            return None
        return found if found.frames == len(result.mask.data) else None

    def _stop(self) -> None:
        if self._worker is not None:
            self._worker.quit()
            self._worker = None

    def _draw(
        self, result: ResultLayers, mask: StackedMask, known: Measured, waiting: int
    ) -> None:
        total, done = len(mask.data), len(mask.frames)
        said = (
            [f"{done} of {total} slices {_is(done)} segmented."] if done < total else []
        )
        said += [f"{waiting} {_is(waiting)} still to be measured."] if waiting else []
        self.state.setText(" ".join(said))
        self.state.setVisible(bool(said))
        key = (result.mask, known.version)
        fresh = waiting and time.monotonic() - self._drawn_at < _REDRAW
        of_this = self._drawn is not None and self._drawn[0] is result.mask
        if key == self._drawn or (fresh and of_this):
            return
        self._drawn, self._drawn_at = key, time.monotonic()
        pixel = square_mm(placement_of(result.mask))
        frames, panels = panels_of(known, pixel is not None)
        self.plot.show_panels(frames, panels, total)
        self.flicker.setText(known.flicker().words)

    # -- the slider --------------------------------------------------------------------

    def _go_to(self, frame: int) -> None:
        """Show a frame of the chosen mask."""
        if self.result is None:
            return
        mask, dims = self.result.mask, self._viewer.dims
        point = [frame, *(0.0 for _ in range(mask.ndim - 1))]
        dims.set_point(dims.ndim - mask.ndim, mask.data_to_world(point)[0])

    # -- table -------------------------------------------------------------------------

    def _ask_where(self) -> None:
        kind = "Table (*.csv)"
        name, _ = QFileDialog.getSaveFileName(self, "Save as CSV", "frames.csv", kind)
        if name:
            try:
                self.export(Path(name))
            except AttnSegError as error:
                show_error(str(error))

    def export(self, path: Path) -> None:
        """Write the numbers of every measured frame as a table.

        Raises
        ------
        InputError
            If it cannot be written.
        """
        result = self.result
        assert result is not None
        mask, known = StackedMask.of(result), self._known[result.mask]
        place = place_of(result.mask, result.image)
        rows = known.table(mask, place)
        write_text(path, table_text(rows))
        missing = len(mask.frames) - len(rows)
        rest = f"; {missing} {_is(missing)} not measured yet" if missing else ""
        show_info(f"{how_many(len(rows), 'slice')} written to {path.name}{rest}.")

    @property
    def measuring(self) -> bool:
        """Whether frames are being measured."""
        return self._worker is not None

    def showEvent(self, event: Any) -> None:  # noqa: N802 (Qt's name)
        """Measure frames that changed meanwhile."""
        super().showEvent(event)
        self.look()


def _is(number: int) -> str:
    return "is" if number == 1 else "are"
