"""The Segment dock widget: image, weights, device, a start button, gate maps."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

from napari.utils.notifications import show_info
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_attnseg._widgets.base.box_control import BoxControl
from napari_attnseg._widgets.base.controls import ChoiceBox, Fold, Form, wrapped_label
from napari_attnseg._widgets.base.every_box import EveryBox
from napari_attnseg._widgets.base.frame_on_screen import FrameOnScreen
from napari_attnseg._widgets.base.gate_legend import GateLegend
from napari_attnseg._widgets.base.image_note import (
    canvas_note,
    constant_note,
    intensity_note,
)
from napari_attnseg._widgets.base.inputs import NO_IMAGE_OPEN
from napari_attnseg._widgets.base.jobs import Finished, run
from napari_attnseg._widgets.base.left_behind import LeftBehind
from napari_attnseg._widgets.base.model_widget import ModelWidget
from napari_attnseg._widgets.base.new_result import NewResult
from napari_attnseg._widgets.base.outcome_line import OutcomeLine
from napari_attnseg._widgets.base.outline_widths import OutlineWidths
from napari_attnseg._widgets.base.own_results import OwnResults
from napari_attnseg._widgets.base.preload import Preload
from napari_attnseg._widgets.base.run_menu import RunMenu
from napari_attnseg._widgets.base.scroll import scrolled
from napari_attnseg._widgets.base.segmenting import FrameDone, Looking
from napari_attnseg._widgets.base.tile_switch import TileSwitch
from napari_attnseg._widgets.base.unfinished import Settings, Unfinished
from napari_attnseg._widgets.layers.metadata import record_of
from napari_attnseg._widgets.layers.one_map import hide_explanations
from napari_attnseg._widgets.layers.own_image import images_of, layers_in_view
from napari_attnseg._widgets.layers.record import LayerRecord
from napari_attnseg._widgets.layers.runs import all_results
from napari_attnseg._widgets.layers.source import Source
from napari_attnseg._widgets.layers.stack_results import StackResults
from napari_attnseg.boxes import BOX
from napari_attnseg.engines import ASKED, STOOD_IN
from napari_attnseg.errors import AttnSegError
from napari_attnseg.gate_words import pattern_sentence
from napari_attnseg.results import GATE_LEGEND, gate_label

#: Milliseconds after which Qt has drawn the first mask. At 0 it draws all layers that
#: are added with the maps first, which takes a second.
UNTIL_DRAWN = 50
#: Seconds that a run waits for its first mask to be drawn, at most.
LONGEST_WAIT = 2.0
#: Data of the list's entry while more than one gate map is visible.
SEVERAL = "several"


class SegmentWidget(ModelWidget):
    """Segment an image layer and add its mask, probability and gate maps.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Viewer, of which only the layer list is used.
    """

    tab = "Segment"

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer, "Segment")  # napari passes it by this name
        self.box_control = BoxControl(napari_viewer, self._life)
        self.tile_switch, self.every_box = TileSwitch(), EveryBox()
        self._shown = FrameOnScreen(napari_viewer, self._life)
        self._new: NewResult | None = None
        self._unfinished = Unfinished(napari_viewer, self._life)
        #: Set once the first mask of a run is on screen.
        self._on_screen = Event()
        self._life.at_end.append(self._on_screen.set)
        self.run_menu = RunMenu(napari_viewer, self._life, segments=True)
        self.outcome = OutcomeLine(napari_viewer, self._life)
        self.own_results = OwnResults(napari_viewer, self._life)
        self.left_behind = LeftBehind(napari_viewer, self._life)
        self._outlines = OutlineWidths(napari_viewer, self._life)
        self.gate_box = ChoiceBox()
        self.gate_box.setToolTip(
            "A gate mixes the features of both encoders at one scale, from coarse "
            "(1/32) to fine (1/4). This shows the map of one gate over the image."
        )
        self.gate_row, self.gate_words = QWidget(), QWidget()
        self.gate_legend = GateLegend()
        #: What was measured of the shown map in plain words, and with numbers.
        self.gate_description, self.gate_details = wrapped_label(), wrapped_label()
        self._lay_out()

        self.gate_box.currentIndexChanged.connect(self._show_gate)
        # The one that is chosen again may have been hidden since.
        self.gate_box.activated.connect(self._show_gate)
        self.inputs.layers_changed.connect(self._layers_changed)
        self.box_control.changed.connect(self._box_changed)
        self.inputs.image_box.currentIndexChanged.connect(self._image_chosen)
        self.inputs.questions.changed.connect(self._image_chosen)
        self.preload = Preload(self._models, self._life, self._chosen_weights)
        self.inputs.weights_box.currentIndexChanged.connect(self.preload.soon)
        self.inputs.weights_box.currentIndexChanged.connect(self._image_chosen)
        self.outcome.told.connect(self._offer_run)
        self.outcome.told.connect(self._fill_gates)  # another image may be seen
        self._layers_changed()

    def _lay_out(self) -> None:
        gates = Form(self.gate_row)
        gates.setContentsMargins(0, 0, 0, 0)
        gates.addRow("Show gate map", self.gate_box)
        gates.addRow(self.gate_words)
        words = QVBoxLayout(self.gate_words)
        words.setContentsMargins(0, 0, 0, 0)
        words.addWidget(self.gate_legend)
        words.addWidget(self.gate_description)
        words.addWidget(Fold("Details", self.gate_details))
        layout = scrolled(self)
        for widget in (self.inputs, self.box_control, self.tile_switch):
            layout.addWidget(widget)
        layout.addWidget(self.every_box)
        layout.addWidget(self.bar)
        layout.addWidget(self.outcome)
        layout.addWidget(self.outcome.details)
        layout.addWidget(self.gate_row)
        layout.addWidget(self.own_results)
        layout.addWidget(self.left_behind)
        layout.addWidget(self.run_menu)
        layout.addStretch()

    def _layers_changed(self) -> None:
        self._image_chosen()
        self._fill_gates()

    def _chosen_weights(self) -> Path | None:
        return self.inputs.weights

    def _image_chosen(self, index: int = 0) -> None:
        self.outcome.follow(self.inputs.image, self.inputs.weights)
        self.box_control.follow(self.inputs.image)
        self.bar.follow(self.inputs.image)
        self.every_box.follow(self.inputs.frames)
        self._follow_needs()

    def _follow_needs(self) -> None:
        """Let a run start once there is an image, and the box that it asks for."""
        missing = self.box_control.why if self.inputs.image else NO_IMAGE_OPEN
        self.bar.set_ready(not missing, missing)

    def _box_changed(self) -> None:
        if not self._life.ended:
            self.bar.box_changed()
            self._follow_needs()

    def _offer_run(self) -> None:
        """Offer the run that the line above speaks of, and no other image's."""
        line = self.outcome
        gone = line.mask is None and line.image is not None
        if gone and self.run_menu.is_of(line.image):
            return  # its mask was removed: the run can still be repeated
        what = f"the run of {line.image.name}" if line.named else "this run"
        self.run_menu.show_run(line.mask, what)

    # -- running ---------------------------------------------------------------------

    def start(self) -> None:
        """Segment the chosen image in a thread; frames of a stack appear one by one."""
        if self._life.worker is not None:
            return
        try:
            source, path = self.inputs.chosen()
            intensity = self.inputs.intensity()
        except AttnSegError as error:
            self.bar.fail(str(error))
            return
        try:
            box = self.box_control.box(source)
        except AttnSegError as error:
            self.bar.fail(str(error), of_box=True)
            return
        tiles, every = self.tile_switch.isChecked(), self.every_box.every
        how = Looking(intensity, box, tiles, every)
        begun = self._begin(source, path, how)
        self._shown.follow(self.inputs.image, source.frames)
        self.bar.launch(
            run,
            source,
            path,
            self.inputs.device,
            self._models,
            how,
            self._shown,
            begun,
            partial(self._on_screen.wait, LONGEST_WAIT),
            total=how.steps(source.frames),
            done=self._finished,
            came=self._frame_came,
            cancelled=self._cancelled,
        )

    def _begin(
        self, source: Source, weights: Path, how: Looking
    ) -> StackResults | None:
        """Begin a result, or take the one that is gone on with; returns its stack."""
        modified = weights.stat().st_mtime_ns if weights.is_file() else -1
        settings = Settings(weights, modified, self.inputs.device, how)
        self._on_screen.clear()
        begun = self._unfinished.find(source, settings) if source.frames else None
        if begun is not None:
            self._new = begun
            begun.mask.visible = True
            self._on_screen.set()
            show_info(f"Goes on after {begun.done} of {begun.total} slices.")
            return begun.stack
        self._new = NewResult(self._viewer, source, self.run_menu.keep_both.isChecked())
        if source.frames:
            self._unfinished.add(self._new, settings)
        return None

    def _finished(self, done: Finished) -> None:
        self._ran_with(done.model)
        runs = [result.provenance for result in done.results]
        note = constant_note(done.source)
        if not any(BOX in run for run in runs):
            note = note or canvas_note(done.source, runs[0])
        note = note or intensity_note(done.source, runs)
        stood_in = STOOD_IN if any(ASKED in run for run in runs) else ""
        self.bar.warn([one for one in (note, stood_in) if one])
        image = self.inputs.image
        assert self._new is not None
        if not self._new.layers:
            self._new.add(done.results)
        self._complete()
        self._show_result(image)

    def _frame_came(self, came: FrameDone) -> None:
        """Show a frame of a stack; a run whose mask was removed is cancelled."""
        new = self._new
        assert new is not None
        if self._life.ended:
            return
        if new.removed:
            self.bar.cancel()
            return
        image, first = self.inputs.image, not new.layers
        new.take(came, self._shown())
        if first:
            self._show_result(image)
            QTimer.singleShot(UNTIL_DRAWN, self._complete)

    def _show_result(self, image: Any) -> None:
        assert self._new is not None
        if not self._new.removed:
            self.run_menu.show_run(self._new.mask)
        self._select(image)

    def _complete(self) -> None:
        self._on_screen.set()
        if self._new is not None and not self._life.ended:
            self._new.complete(self._shown())

    def _cancelled(self) -> str:
        self._complete()
        return "" if self._new is None else self._new.cancelled_words

    # -- gate maps -------------------------------------------------------------------

    @property
    def gate_layers(self) -> list[Any]:
        """Gate maps of the images in view, in the order of the layer list."""
        return [layer for layer, _ in self._gates()]

    def _gates(self) -> list[tuple[Any, LayerRecord]]:
        found = ((layer, record_of(layer)) for layer in layers_in_view(self._viewer))
        return [
            (layer, record)
            for layer, record in found
            if record is not None and record.gate is not None and record.is_run_output
        ]

    def _fill_gates(self, event: Any = None) -> None:
        if self._life.ended:
            return
        gates = list(reversed(self._gates()))
        layers = [layer for layer, _ in gates]
        names = {
            result.record.run_id: result.numbered_name
            for result in all_results(self._viewer.layers)
        }
        self.gate_row.setVisible(bool(layers))
        self.gate_box.blockSignals(True)
        self.gate_box.clear()
        self.gate_box.addItem("none", None)
        for layer, record in gates:
            assert record.gate is not None
            name = names.get(record.run_id, record.image.name)
            self.gate_box.addItem(f"{gate_label(record.gate)} of {name}", layer)
            # Its eye in the layer list, and Inspect, hide and show it too.
            layer.events.visible.disconnect(self._fill_gates)
            layer.events.visible.connect(self._fill_gates)
        shown = [i for i, layer in enumerate(layers, 1) if layer.visible]
        if len(shown) > 1:
            self.gate_box.addItem("several", SEVERAL)
            shown = [self.gate_box.count() - 1]
        self.gate_box.setCurrentIndex(shown[0] if shown else 0)
        self.gate_box.blockSignals(False)
        self._describe_gate()

    def _show_gate(self) -> None:
        """Show one gate map; hide the others, and explanations that may cover it."""
        chosen = self.gate_box.currentData()
        if chosen == SEVERAL:
            return
        for layer in self.gate_layers:
            layer.visible = layer is chosen
        if chosen is not None:
            image = images_of(self._viewer.layers).get(chosen)
            hide_explanations(self._viewer, image)
        self._fill_gates()

    def _describe_gate(self) -> None:
        """Show what the colours mean and what was measured of the shown gate map."""
        shown = self.gate_box.currentData()
        self.gate_words.setVisible(shown is not None)
        shown = None if shown == SEVERAL else shown
        gates = [g for g in self._gates() if shown in (None, g[0])]
        if not gates:
            return
        layer, record = gates[0]
        # The same two for every gate, or none are named.
        ends = {(gate.low, gate.high) for _, gate in gates}
        self.gate_legend.setVisible(len(ends) == 1)
        # Of the layer: the preference may have changed since it was made.
        self.gate_legend.show_ends(layer.colormap.name, record.low, record.high)
        self.gate_description.setVisible(shown is not None)
        self.gate_description.setText(pattern_sentence(record.pattern))
        finding = f"{record.finding}\n" if shown is not None else ""
        self.gate_details.setText(f"{finding}The colours say {GATE_LEGEND}.")
