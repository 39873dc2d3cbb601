"""Table of the measured objects, linked with the canvas, and a description of one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from napari.utils import DirectLabelColormap
from napari.utils.notifications import show_error
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from napari_attnseg._widgets.base.controls import set_tips, wrapped_label
from napari_attnseg._widgets.base.lifetime import Lifetime, weakly
from napari_attnseg._widgets.layers.metadata import record_of
from napari_attnseg._widgets.layers.record import Derivation
from napari_attnseg._widgets.objects.colours import alike, object_colours
from napari_attnseg._widgets.objects.measurement import Measurement
from napari_attnseg._widgets.objects.table import ObjectTable
from napari_attnseg._widgets.objects.watched import Watched
from napari_attnseg._widgets.objects.words import summary
from napari_attnseg.errors import AttnSegError
from napari_attnseg.io.atomic import write_text
from napari_attnseg.objects.descriptors import DESCRIPTORS, columns, csv_text, heading
from napari_attnseg.objects.sentences import sentences

#: Heading of the data's column "frame", in the word that the viewer uses.
SLICE = "slice"
NONE_CHOSEN = "Click an object in the canvas or a row of the table."


class ObjectsPanel(QWidget):
    """Table and descriptions of the objects of one Labels layer; hidden without one.

    Parameters
    ----------
    viewer : napari.Viewer
        Viewer whose camera and slider move to a chosen object; it gets a mouse
        callback.
    life : Lifetime
        Ends the connections to viewer and layer.
    """

    def __init__(self, viewer: Any, life: Lifetime) -> None:
        super().__init__()
        self._viewer = viewer
        self._measured: Measurement | None = None
        self._layer: Any = None
        self._watched: Watched | None = None
        self._rows: dict[int, int] = {}
        self.summary, self.description = wrapped_label(), wrapped_label()
        self.table = ObjectTable()
        self.all_columns = QCheckBox("More (psi, colour, texture)")
        self.alone = QCheckBox("Only the selected object")
        self.save_button = QPushButton("Save CSV…")
        set_tips(
            {
                self.table: "Each row is an object: select it to move the view there.",
                self.all_columns: "Every measurement, not only the first ones.",
                self.alone: "Hide the other objects in the viewer.",
                self.save_button: "Write every measurement of every object to a file.",
            }
        )
        below = QHBoxLayout()
        below.addWidget(self.alone)
        below.addStretch()
        below.addWidget(self.save_button)
        self.description.setAlignment(Qt.AlignmentFlag.AlignTop)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(self.description)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.summary)
        layout.addWidget(self.table, 2)
        layout.addWidget(self.all_columns)  # on a line of its own: it is long
        layout.addLayout(below)
        layout.addWidget(scroll, 3)
        self.hide()

        self.table.chosen.connect(self._row_chosen)
        self.all_columns.toggled.connect(self._show_columns)
        self.alone.toggled.connect(self._show_alone)
        self.save_button.clicked.connect(self._ask_and_save)
        click = weakly(self._clicked)
        viewer.mouse_drag_callbacks.append(click)
        life.at_end += [
            partial(viewer.mouse_drag_callbacks.remove, click),
            self.forget,
        ]

    @property
    def layer(self) -> Any:
        """The Labels layer whose objects are in the table, if there is a table."""
        return self._layer

    def show_objects(self, measured: Measurement, watched: Watched) -> None:
        """Fill the table and the layer's features, and link both."""
        self.forget()
        layer = watched.layer
        self._measured, self._layer, self._watched = measured, layer, watched
        watched.tell = self._say_what_changed
        records = measured.records
        self._rows = {record.label: row for row, record in enumerate(records)}
        table = columns(records)
        # napari knows a label by "index", and wants a first row for the background.
        background = dict.fromkeys(table, math.nan) | {"object": 0}
        layer.features = {
            "index" if name == "object" else name: np.array([background[name], *values])
            for name, values in table.items()
        }
        layer.events.selected_label.connect(self._label_selected)
        meanings = {
            heading(name, measured.task.pixel.unit): descriptor.meaning
            for name, descriptor in DESCRIPTORS.items()
        }
        meanings[SLICE] = "Slice of the stack, by the number beside napari's slider."
        shown = {SLICE if name == "frame" else name: v for name, v in table.items()}
        self.table.fill(shown, meanings)
        self._show_columns()
        self._show_alone()
        self._say_what_changed()
        self.save_button.setEnabled(bool(records))
        self.save_button.setText("Save CSV…" if records else "Nothing to save")
        self._label_selected()
        self.show()

    def forget_unless(self, layers: Sequence[Any]) -> None:
        """Disconnect from the layer, and hide the panel, if it was removed."""
        if self._layer is not None and self._layer not in layers:
            self.forget()
            self.hide()

    def forget(self) -> None:
        """Disconnect from the layer."""
        if self._layer is not None:
            self._layer.events.selected_label.disconnect(self._label_selected)
            self._set_alone(False)
        if self._watched is not None:
            self._watched.tell = lambda: None
        self._layer = self._measured = self._watched = None
        self._rows = {}

    def _show_columns(self, everything: bool = False) -> None:
        if self._measured is None or self.all_columns.isChecked():
            self.table.show_only(None)
            return
        unit = self._measured.task.pixel.unit
        size = "calibrated " if unit else ""
        model = ("mean probability", "doubt") if self._measured.task.probability else ()
        few = (*model, f"{size}area", "% of frame", f"{size}Feret diameter")
        self.table.show_only(["object", SLICE, *(heading(n, unit) for n in few)])

    def _show_alone(self, alone: bool = False) -> None:
        self._set_alone(self.alone.isChecked())

    def _set_alone(self, alone: bool) -> None:
        # Only a change: napari draws the whole layer anew.
        if self._layer is not None and self._layer.show_selected_label != alone:
            self._layer.show_selected_label = alone

    def _colour(self) -> None:
        """Highlight the selected object in a layer that this plugin made."""
        layer = self._layer
        record = record_of(layer)
        if record is not None and record.derivation is Derivation.OBJECTS:
            colours = object_colours(layer.selected_label)
            colormap = DirectLabelColormap(color_dict=colours)
            if alike(colormap, layer.colormap):
                return  # napari draws the whole layer anew for each
            # napari selects the label anew when the colours change.
            with layer.events.selected_label.blocker(self._label_selected):
                layer.colormap = colormap

    def _say_what_changed(self) -> None:
        """Say what was measured, or that it was changed since."""
        if self._measured is not None and self._watched is not None:
            changed = self._watched.sentence()
            self.summary.setText(changed or summary(self._measured))

    def _say(self, row: int) -> None:
        if self._measured is not None:
            found = sentences(self._measured.records[row])
            self.description.setText("\n".join(sentence.text for sentence in found))

    # -- both ways -------------------------------------------------------------------

    def _row_chosen(self, row: int) -> None:
        """Select the label of a table row, and centre the view on it."""
        if self._measured is None:
            return
        record, layer = self._measured.records[row], self._layer
        layer.selected_label = record.label
        self._say(row)
        frame = () if record.frame is None else (record.frame,)
        dims = self._viewer.dims
        point = list(dims.point)
        point[-layer.ndim :] = layer.data_to_world((*frame, *record.centroid))
        dims.set_point(range(dims.ndim), point)
        self._viewer.scene.camera.center = [point[axis] for axis in dims.displayed]

    def _label_selected(self, event: Any = None) -> None:
        """Choose the row of the label that was selected in napari."""
        self._colour()
        row = self._rows.get(self._layer.selected_label)
        if row is None:
            self.table.choose_none()
            self.description.setText(NONE_CHOSEN if self._rows else "")
        else:
            self.table.choose(row)
            self._say(row)

    def _clicked(self, event: Any) -> Any:
        """Select the object under a click, unless the mouse has another use."""
        layer, active = self._layer, self._viewer.layers.selection.active
        painting = active is not None and str(active.mode) != "pan_zoom"
        solid = self._viewer.dims.ndisplay == 3  # a click is on a ray then
        if layer is None or not layer.visible or painting or solid:
            return
        yield
        if event.type == "mouse_move":
            return  # a drag moves the picture
        at = tuple(np.round(layer.world_to_data(event.position)).astype(int))
        inside = all(0 <= i < n for i, n in zip(at, layer.data.shape, strict=True))
        label = int(layer.data[at]) if inside else 0
        if label in self._rows:
            layer.selected_label = label

    # -- saving ----------------------------------------------------------------------

    def _ask_and_save(self) -> None:
        if self._is_stale():
            return
        name, _ = QFileDialog.getSaveFileName(
            self, "Save CSV", f"{self._layer.name}.csv", "CSV (*.csv)"
        )
        if name:
            self.save(Path(name))

    def _is_stale(self) -> bool:
        """Whether the table is not of what is there now; says so."""
        changed = "" if self._watched is None else self._watched.sentence(True)
        if changed:
            self.summary.setText(changed)
            show_error(f"Nothing was saved. {changed}")
        return bool(changed)

    def save(self, path: Path) -> None:
        """Write a CSV file with every column of every object, unless they changed."""
        if self._measured is None or self._is_stale():
            return
        try:
            text = csv_text(self._measured.records, self._measured.task.origin)
            write_text(path, text)
        except AttnSegError as error:
            show_error(str(error))
