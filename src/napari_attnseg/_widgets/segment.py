"""The Segment dock widget: image, weights, device, a start button, gate maps."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

from napari.utils.notifications import show_info
from qtpy.QtWidgets import QFormLayout, QVBoxLayout, QWidget

from napari_attnseg._widgets.base.box_control import BoxControl
from napari_attnseg._widgets.base.controls import ChoiceBox, Fold, wrapped_label
from napari_attnseg._widgets.base.gate_legend import GateLegend
from napari_attnseg._widgets.base.image_note import canvas_note, constant_note
from napari_attnseg._widgets.base.inputs import NO_IMAGE_OPEN
from napari_attnseg._widgets.base.jobs import Finished, run
from napari_attnseg._widgets.base.model_widget import ModelWidget
from napari_attnseg._widgets.base.outcome_line import OutcomeLine
from napari_attnseg._widgets.base.outline_widths import OutlineWidths
from napari_attnseg._widgets.base.own_results import OwnResults
from napari_attnseg._widgets.base.preload import Preload
from napari_attnseg._widgets.base.run_menu import RunMenu
from napari_attnseg._widgets.base.scroll import scrolled
from napari_attnseg._widgets.base.segmenting import Looking
from napari_attnseg._widgets.base.tile_switch import TileSwitch
from napari_attnseg._widgets.layers.display import (
    add_layers,
    first_gate_of,
    show_source,
)
from napari_attnseg._widgets.layers.earlier import (
    Output,
    earlier_results,
    is_edited,
    made_from_results,
    output_of,
)
from napari_attnseg._widgets.layers.metadata import record_of
from napari_attnseg._widgets.layers.new_layers import new_layers
from napari_attnseg._widgets.layers.own_image import (
    bring_forward,
    hide,
    is_wanted,
    layers_in_view,
)
from napari_attnseg._widgets.layers.record import LayerRecord
from napari_attnseg._widgets.layers.runs import all_results
from napari_attnseg._widgets.layers.source import Source
from napari_attnseg.boxes import BOX
from napari_attnseg.engines import ASKED, STOOD_IN
from napari_attnseg.errors import AttnSegError
from napari_attnseg.gate_words import pattern_sentence
from napari_attnseg.intensity_warnings import warnings_of
from napari_attnseg.results import GATE_LEGEND, gate_label

#: Data of the list's entry while more than one gate map is visible.
SEVERAL = "several"


class SegmentWidget(ModelWidget):
    """Segment an image layer and add its mask, probability and gate maps.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Only its layer list is used.
    """

    tab = "Segment"

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer, "Segment")  # napari passes it by this name
        self.box_control = BoxControl(napari_viewer, self._life)
        self.tile_switch = TileSwitch()
        self.run_menu = RunMenu(napari_viewer, self._life, segments=True)
        self.outcome = OutcomeLine(napari_viewer, self._life)
        self.own_results = OwnResults(napari_viewer, self._life)
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
        self.inputs.image_box.currentIndexChanged.connect(self._image_chosen)
        self.preload = Preload(self._models, self._life, self._chosen_weights)
        self.inputs.weights_box.currentIndexChanged.connect(self.preload.soon)
        self.inputs.weights_box.currentIndexChanged.connect(self._image_chosen)
        self.outcome.told.connect(self._offer_run)
        self.outcome.told.connect(self._fill_gates)  # another image may be seen
        self._layers_changed()

    def _lay_out(self) -> None:
        gates = QFormLayout(self.gate_row)
        gates.setContentsMargins(0, 0, 0, 0)
        gates.addRow("Show gate map", self.gate_box)
        gates.addRow(self.gate_words)
        words = QVBoxLayout(self.gate_words)
        words.setContentsMargins(0, 0, 0, 0)
        words.addWidget(self.gate_legend)
        words.addWidget(self.gate_description)
        words.addWidget(Fold("Details", self.gate_details))
        layout = scrolled(self)
        for widget in (self.inputs, self.box_control, self.tile_switch, self.bar):
            layout.addWidget(widget)
        layout.addWidget(self.outcome)
        layout.addWidget(self.outcome.details)
        layout.addWidget(self.gate_row)
        layout.addWidget(self.own_results)
        layout.addWidget(self.run_menu)
        layout.addStretch()

    def _layers_changed(self) -> None:
        self.bar.set_ready(self.inputs.image is not None, NO_IMAGE_OPEN)
        self._image_chosen()
        self._fill_gates()

    def _chosen_weights(self) -> Path | None:
        return self.inputs.weights

    def _image_chosen(self, index: int = 0) -> None:
        self.outcome.follow(self.inputs.image, self.inputs.weights)
        self.box_control.follow(self.inputs.image)
        self.bar.follow(self.inputs.image)

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
        """Segment the chosen image in a thread; results are added when all is done."""
        if self._life.worker is not None:
            return
        try:
            source, path = self.inputs.chosen()
            how = Looking(
                self.inputs.intensity(),
                self.box_control.box(source),
                self.tile_switch.isChecked(),
            )
        except AttnSegError as error:
            self.bar.fail(str(error))
            return
        self.bar.launch(
            run,
            source,
            path,
            self.inputs.device,
            self._models,
            how,
            total=how.steps(source.frames),
            done=self._finished,
        )

    def _finished(self, done: Finished) -> None:
        self._ran_with(done.model)
        of_frames = (warnings_of(result.provenance) for result in done.results)
        warnings = list(dict.fromkeys(chain.from_iterable(of_frames)))
        note = constant_note(done.source)
        if not any(BOX in result.provenance for result in done.results):
            note = note or canvas_note(done.source)
        stood_in = any(ASKED in result.provenance for result in done.results)
        self.bar.warn(warnings, note, [STOOD_IN] if stood_in else [])
        image = self.inputs.image
        source = show_source(self._viewer, done.source)
        visible: dict[Output, bool] = {}
        if not self.run_menu.keep_both.isChecked():
            visible = self._take_away(source)
        added = add_layers(self._viewer, new_layers(source, done.results))
        first = first_gate_of(added)
        for layer in added:
            shown = layer.visible or layer is first
            layer.visible = visible.get(output_of(layer), shown)
        bring_forward(self._viewer, self._image_of(source))
        self.run_menu.show_run(added[-1])
        self._select(image)

    def _take_away(self, source: Source) -> dict[Output, bool]:
        """Remove earlier results, but none that was edited by hand: those are hidden.

        So is what was made from them, which would look like a part of the new result.
        Returns what was visible of those that were removed.
        """
        visible: dict[Output, bool] = {}
        for result in earlier_results(self._viewer.layers, source):
            if result.mask is not None and is_edited(result.mask):
                for layer in result.layers:
                    hide(layer)
                show_info(
                    f"The earlier result of {result.name} was edited by hand: it is "
                    "kept, and hidden."
                )
                continue
            for layer in result.layers:
                visible[output_of(layer)] = is_wanted(layer)
                self._viewer.layers.remove(layer)
        made = made_from_results(self._viewer.layers, source)
        outdated = [layer for layer in made if is_wanted(layer)]
        for layer in outdated:
            hide(layer)
        if outdated:
            names = ", ".join(layer.name for layer in outdated)
            show_info(
                f"Layers made from the earlier result are kept, and hidden: {names}."
            )
        return visible

    def _image_of(self, source: Source) -> Any:
        """The image layer of a source, if it is still there."""
        layers = self._viewer.layers
        return next((x for x in layers if str(x.unique_id) == source.layer_id), None)

    # -- gate maps -------------------------------------------------------------------

    @property
    def gate_layers(self) -> list[Any]:
        """Gate maps of the images that are seen, in the order of the layer list."""
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
        """Show one gate map and hide the others."""
        chosen = self.gate_box.currentData()
        if chosen == SEVERAL:
            return
        for layer in self.gate_layers:
            layer.visible = layer is chosen
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
