"""The Objects dock widget: measure what was segmented, a row per object."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Labels
from napari.utils.notifications import show_error
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import signals_blocked

from napari_attnseg._widgets.inputs import follow_layers, weakly, words
from napari_attnseg._widgets.layers import METADATA, NewLayer, placement_of
from napari_attnseg._widgets.measuring import (
    Measured,
    companions_of,
    images_for,
    run_task,
    task_of,
)
from napari_attnseg._widgets.object_table import ObjectTable
from napari_attnseg._widgets.running import DockWidget, RunBar
from napari_attnseg._widgets.viewing import add_layers
from napari_attnseg.descriptors import DESCRIPTORS, columns, csv_text, heading
from napari_attnseg.doubt import DOUBT_MEANING
from napari_attnseg.errors import AttnSegError
from napari_attnseg.saving import write_text
from napari_attnseg.sentences import number, sentences

NO_LABELS = (
    "There is nothing to measure yet: segment an image (Plugins ▸ AttnSeg ▸ Segment), "
    "or paint objects in a Labels layer."
)
NONE_CHOSEN = "Click an object in the canvas or a row of the table."
STALE = "The labels were changed since they were measured."


class ObjectsWidget(DockWidget):
    """Measure the objects of a Labels layer; table and canvas are linked.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Its layers, camera and frame; a mouse callback until the widget ends.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()  # napari passes the viewer by this name
        self._viewer = napari_viewer
        self._measured: Measured | None = None
        self._layer: Any = None
        self._rows: dict[int, int] = {}
        self.hint = words(NO_LABELS)
        self.labels_box, self.image_box = QComboBox(), QComboBox()
        self.bar = RunBar("Measure", self._life)
        self.body = QWidget()
        self.summary, self.said = words(), words(NONE_CHOSEN)
        self.table = ObjectTable()
        self.all_columns = QCheckBox("All columns")
        self.only_selected = QCheckBox("Show only the selected object")
        self.save_button = QPushButton("Save CSV…")
        self._lay_out()

        self.bar.start_button.clicked.connect(self.start)
        self.labels_box.currentIndexChanged.connect(self._offer_images)
        self.table.chosen.connect(self._row_chosen)
        self.all_columns.toggled.connect(self._show_columns)
        self.only_selected.toggled.connect(self._show_objects)
        self.save_button.clicked.connect(self._ask_and_save)
        follow_layers(napari_viewer, self._life, self._follow)
        click = weakly(self._clicked)
        napari_viewer.mouse_drag_callbacks.append(click)
        self._life.at_end += [
            partial(napari_viewer.mouse_drag_callbacks.remove, click),
            self._leave,
        ]
        self._follow()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.addRow("Labels", self.labels_box)
        form.addRow("Image", self.image_box)
        below = QHBoxLayout()
        for part in (self.all_columns, self.only_selected):
            below.addWidget(part)
        below.addStretch()
        below.addWidget(self.save_button)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(self.said)
        inside = QVBoxLayout(self.body)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(self.summary)
        inside.addWidget(self.table, 1)
        inside.addLayout(below)
        inside.addWidget(scroll, 1)
        layout = QVBoxLayout(self)
        layout.addWidget(self.hint)
        layout.addLayout(form)
        layout.addWidget(self.bar)
        layout.addWidget(self.body, 1)
        layout.addStretch()

    # -- what to measure -------------------------------------------------------------

    def _follow(self, event: Any = None) -> None:
        """Offer every Labels layer, keeping the choice; forget a removed one."""
        layers = list(self._viewer.layers)
        if self._layer is not None and self._layer not in layers:
            self._leave()
        self.body.setVisible(self._measured is not None)
        chosen = self.labels_box.currentData()
        labels = [layer for layer in reversed(layers) if isinstance(layer, Labels)]
        with signals_blocked(self.labels_box):
            self.labels_box.clear()
            for layer in labels:
                self.labels_box.addItem(layer.name, layer)
            if chosen in labels:
                self.labels_box.setCurrentIndex(labels.index(chosen))
        self.hint.setVisible(not labels)
        self.bar.set_ready(bool(labels))
        self._offer_images()

    def _offer_images(self) -> None:
        labels, chosen = self.labels_box.currentData(), self.image_box.currentData()
        self.image_box.clear()
        if labels is None:
            return
        fitting = images_for(labels, self._viewer.layers)
        own = companions_of(labels, self._viewer.layers).image
        for image in fitting:
            self.image_box.addItem(image.name, image)
        self.image_box.addItem("none", None)
        wanted = chosen if chosen in fitting else own
        if wanted is not None:
            self.image_box.setCurrentIndex(fitting.index(wanted))

    def start(self) -> None:
        """Measure the chosen layer in a thread."""
        labels = self.labels_box.currentData()
        if labels is None or self._life.worker is not None:
            return
        found = companions_of(labels, self._viewer.layers)
        found = replace(found, image=self.image_box.currentData())
        try:
            task = task_of(labels, found)
        except AttnSegError as error:
            show_error(str(error))
            return
        total = len(task.data) if task.data.ndim == 3 else 0
        # The layer may go while it is measured; what is needed of it is taken now.
        place = (labels, placement_of(labels), dict(labels.metadata.get(METADATA, {})))
        self.bar.launch(
            run_task, task, total=total, done=partial(self._finished, *place)
        )

    def _finished(
        self, labels: Any, placement: Any, facts: dict[str, Any], done: Measured
    ) -> None:
        self._leave()
        if done.task.keep and labels in self._viewer.layers:
            layer = labels
        else:
            options = {
                "name": f"{done.task.name} · objects",
                **placement,
                "metadata": {METADATA: {**facts, "made_from": done.task.name}},
            }
            new = NewLayer("Labels", done.labels, options, contour=2)
            (layer,) = add_layers(self._viewer, [new])
        self._measured, self._layer = done, layer
        self._rows = {record.label: i for i, record in enumerate(done.records)}
        # napari wants a first row for the background.
        layer.features = {
            name: np.array([0 if name == "index" else math.nan, *values])
            for name, values in columns(done.records).items()
        }
        layer.events.selected_label.connect(self._label_selected)
        layer.events.paint.connect(self._say_stale)
        self._follow()
        self.labels_box.setCurrentIndex(self.labels_box.findData(layer))
        self._show()
        self._viewer.layers.selection.active = layer

    def _leave(self) -> None:
        """Let go of the layer that was measured."""
        if self._layer is not None:
            self._layer.events.selected_label.disconnect(self._label_selected)
            self._layer.events.paint.disconnect(self._say_stale)
        self._layer = self._measured = None
        self._rows = {}

    # -- table and words -------------------------------------------------------------

    def _show(self) -> None:
        done = self._measured
        if done is None:
            return
        unit = done.task.pixel.unit
        self.table.fill(
            columns(done.records),
            {heading(name, unit): d.meaning for name, d in DESCRIPTORS.items()},
        )
        self._show_columns()
        self.summary.setText(_summary(done))
        self.said.setText(NONE_CHOSEN if done.records else "")
        self.save_button.setEnabled(bool(done.records))
        if len(done.records) == 1:
            self._label_selected(label=done.records[0].label)

    def _show_columns(self) -> None:
        done = self._measured
        if done is None or self.all_columns.isChecked():
            self.table.show_only(None)
            return
        unit = done.task.pixel.unit
        size = "calibrated " if unit else ""
        few = (
            *(f"{size}area", "share of frame", f"{size}Feret diameter"),
            *("mean probability", "doubt"),
        )
        self.table.show_only(["index", "frame", *(heading(n, unit) for n in few)])

    def _say_stale(self, event: Any = None) -> None:
        self.summary.setText(STALE + " Press Measure to measure them again.")

    # -- both ways -------------------------------------------------------------------

    def _row_chosen(self, row: int) -> None:
        """From the table: select the label and bring it to the middle."""
        done, layer = self._measured, self._layer
        if done is None:
            return
        record = done.records[row]
        layer.selected_label = record.label
        self._say(row)
        frame = () if record.frame is None else (record.frame,)
        at = (*frame, *record.centroid)
        point = list(self._viewer.dims.point)
        point[-layer.ndim :] = layer.data_to_world(at)
        self._viewer.dims.point = point
        shown = self._viewer.dims.displayed
        self._viewer.scene.camera.center = [point[axis] for axis in shown]

    def _label_selected(self, event: Any = None, label: int | None = None) -> None:
        """From the canvas or the layer controls: choose the row."""
        row = self._rows.get(self._layer.selected_label if label is None else label)
        if row is None:
            self.table.choose_none()
            self.said.setText(NONE_CHOSEN)
            return
        self.table.choose(row)
        self._say(row)

    def _clicked(self, event: Any) -> Any:
        """Select the object under a click, unless the mouse has another use."""
        layer = self._layer
        active = self._viewer.layers.selection.active
        if layer is None or not layer.visible:
            return
        if active is not None and str(active.mode) != "pan_zoom":
            return
        yield
        if event.type == "mouse_move":
            return  # a drag moves the picture
        at = np.round(layer.world_to_data(event.position)).astype(int)
        data = layer.data
        if (at >= 0).all() and (at < data.shape).all():
            label = int(data[tuple(at)])
            if label in self._rows:
                layer.selected_label = label

    def _say(self, row: int) -> None:
        if self._measured is not None:
            found = sentences(self._measured.records[row])
            self.said.setText("\n".join(sentence.text for sentence in found))

    def _show_objects(self, alone: bool) -> None:
        if self._layer is not None:
            self._layer.show_selected_label = alone

    # -- saving ----------------------------------------------------------------------

    def _ask_and_save(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self, "Save CSV", f"{self._layer.name}.csv", "CSV (*.csv)"
        )
        if name:
            self.save(Path(name))

    def save(self, path: Path) -> None:
        """Write every column of every object."""
        if self._measured is None:
            return
        try:
            write_text(path, csv_text(self._measured.records))
        except AttnSegError as error:
            show_error(str(error))


def _summary(done: Measured) -> str:
    task = done.task
    n = len(done.records)
    used = [] if task.image is None else [f"image {task.image.name!r}"]
    used += ["the model's probability"] if task.probability else []
    used += [f"{len(task.gates)} gate maps"] if task.gates else []
    said = f"{n} object{'' if n == 1 else 's'}, measured with "
    said += f"{', '.join(used) or 'nothing but the labels'}."
    doubt = [d for d in done.doubt if not math.isnan(d)]
    if doubt:
        over = "" if len(done.doubt) == 1 else " on average over frames"
        said += f"\nDoubt of this case: {number(float(np.mean(doubt)))} bit{over} "
        said += f"({DOUBT_MEANING})."
    return said
