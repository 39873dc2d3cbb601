"""The Objects widget's wiring, on a viewer without a window."""

import csv
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from measuring import IMAGE, MASK, measure, result, segmented, shown
from napari.components import ViewerModel
from qtpy.QtCore import Qt

from napari_attnseg._widgets.layers import outline as outlines
from napari_attnseg._widgets.layers.display import add_layers, redraw
from napari_attnseg._widgets.layers.metadata import (
    METADATA,
)
from napari_attnseg._widgets.layers.new_layers import new_layers
from napari_attnseg._widgets.layers.own_image import is_wanted
from napari_attnseg._widgets.layers.source import source_of
from napari_attnseg._widgets.objects.measurement import pixel_size_of
from napari_attnseg._widgets.objects.panel import NONE_CHOSEN
from napari_attnseg._widgets.objects.watched import STALE
from napari_attnseg._widgets.objects.widget import ObjectsWidget
from napari_attnseg.hashing import array_sha256
from napari_attnseg.objects.descriptors import columns
from napari_attnseg.objects.measure import measure_segmentation


def test_a_mask_of_ours_is_measured_with_all_that_belongs_to_it(
    widget: ObjectsWidget, viewer: ViewerModel, qtbot: Any
) -> None:
    assert widget.hint.isVisibleTo(widget)
    assert not widget.bar.start_button.isEnabled()
    viewer.add_image(np.zeros((60, 80)), name="another of the same size")
    mask, (found,) = segmented(viewer, MASK)
    assert not widget.hint.isVisibleTo(widget)
    assert widget.image_box.currentText() == "a"
    layer = measure(widget, qtbot)
    assert layer is viewer.layers["objects · mask · a"] and layer is not mask
    assert sorted(np.unique(layer.data)) == [0, 1, 2]
    assert layer.data.dtype == np.uint8  # of large images napari draws it much sooner
    expected = columns(measure_segmentation(found, IMAGE))
    for name, values in expected.items():
        # The first row is the background's.
        known = "index" if name == "object" else name
        np.testing.assert_allclose(layer.features[known][1:], values, rtol=1e-4)
    heading, first, second = shown(widget)
    # What the model was unsure of stands first; psi is one click away.
    said = [name.replace(" ", "") for name in heading]  # broken to fit
    assert said[:4] == ["object", "meanprobability", "doubt(bit)", "area(px)"]
    assert not any("psi" in name for name in heading)
    assert (first[0], first[3]) == ("1", "200")
    assert (second[0], second[3]) == ("2", "600")
    assert "1 gate map" in widget.panel.summary.text()
    assert "Doubt of this case: 0.469 bit" in widget.panel.summary.text()
    widget.panel.all_columns.setChecked(True)
    assert len(shown(widget)[0]) == len(expected)
    assert any("psi" in name for name in shown(widget)[0])
    # The mask stays chosen, and its objects stay in one layer.
    assert widget.labels_box.currentText() == "mask · a"
    assert measure(widget, qtbot) is layer and len(viewer.layers) == 6
    assert "1 gate map" in widget.panel.summary.text()


def test_a_fill_hides_behind_the_fill_of_its_objects(
    widget: ObjectsWidget, viewer: ViewerModel, qtbot: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(outlines, "_AFFORDED", 0)  # as of a large image
    mask, _ = segmented(viewer, MASK.copy())
    assert mask.contour == 0 and mask.visible
    objects = measure(widget, qtbot)
    assert objects.contour == 0 and objects.visible and not mask.visible
    assert is_wanted(mask)
    objects.visible = False
    qtbot.waitUntil(lambda: mask.visible)
    objects.visible = True
    widget.labels_box.setCurrentIndex(widget.labels_box.findData(mask))
    again = measure(widget, qtbot)
    assert not mask.visible
    redraw(mask, 1 - MASK)  # by a click, while it is hidden
    qtbot.waitUntil(lambda: mask.visible and not again.visible)
    assert measure(widget, qtbot) is again
    assert again.visible and not mask.visible
    viewer.layers.remove(again)
    qtbot.waitUntil(lambda: mask.visible)


def test_table_and_canvas_are_linked_both_ways(
    widget: ObjectsWidget, viewer: ViewerModel, qtbot: Any, mouse: Any
) -> None:
    segmented(viewer, MASK, scale=(2, 3), translate=(5, 7))
    layer = measure(widget, qtbot)
    panel = widget.panel
    panel.table.sortByColumn(0, Qt.SortOrder.DescendingOrder)
    assert [row[0] for row in shown(widget)[1:]] == ["2", "1"]
    panel.table.selectRow(0)  # label 2, after sorting
    assert layer.selected_label == 2
    assert panel.description.text().startswith("Object 2 covers 600 px")
    np.testing.assert_allclose(
        viewer.scene.camera.center[-2:], layer.data_to_world((39.5, 54.5))
    )
    layer.selected_label = 1
    assert [i.row() for i in panel.table.selectionModel().selectedRows()] == [1]
    assert panel.description.text().startswith("Object 1 covers 200 px")
    one, two = layer.colormap.map(np.array([1, 2]))
    assert np.abs(one - two).max() > 0.5  # the selected one stands out
    layer.selected_label = 7
    assert panel.description.text() == NONE_CHOSEN
    mouse.click(layer.data_to_world((40, 50)))
    assert layer.selected_label == 2
    mouse.click(layer.data_to_world((12, 12)), moves=1)
    mouse.click(layer.data_to_world((0, 0)))
    mouse.click((-100, -100))
    assert layer.selected_label == 2
    layer.mode = "paint"
    mouse.click(layer.data_to_world((12, 12)))
    assert layer.selected_label == 2
    panel.alone.setChecked(True)
    assert layer.show_selected_label


def test_a_stack_has_a_row_per_object_and_frame(
    widget: ObjectsWidget, viewer: ViewerModel, qtbot: Any
) -> None:
    segmented(viewer, MASK, np.zeros_like(MASK), MASK, scale=(4, 1, 1))
    layer = measure(widget, qtbot)
    rows = shown(widget)
    assert rows[0][:2] == ["object", "slice"]
    assert [row[:2] for row in rows[1:]] == [
        ["1", "0"],
        ["2", "0"],
        ["3", "2"],
        ["4", "2"],
    ]
    assert [int(layer.data[i, 40, 50]) for i in range(3)] == [2, 0, 4]
    widget.panel.table.selectRow(3)
    assert viewer.dims.current_step[0] == 2 and layer.selected_label == 4


def test_labels_of_a_person_are_used_as_they_are(
    widget: ObjectsWidget, viewer: ViewerModel, qtbot: Any
) -> None:
    photo = viewer.add_image(IMAGE, name="photo", rgb=True)
    data = np.zeros((60, 80), int)
    data[5:15, 5:15], data[30:40, 30:40] = 4, 9
    painted = viewer.add_labels(data, name="painted")
    assert widget.image_box.currentText() == photo.name
    assert measure(widget, qtbot) is painted
    assert [row[0] for row in shown(widget)[1:]] == ["4", "9"]
    assert list(painted.features["index"]) == [0, 4, 9]
    assert "probability" not in widget.panel.summary.text()
    painted.selected_label = 4
    assert "no probability of the model was given" in widget.panel.description.text()
    painted.paint((50, 50), 4)
    qtbot.waitUntil(lambda: widget.panel.summary.text() == STALE)


def test_features_of_a_person_are_not_overwritten(
    widget: ObjectsWidget, viewer: ViewerModel, qtbot: Any
) -> None:
    data = np.zeros((60, 80), int)
    data[5:15, 5:15], data[30:40, 30:40] = 1, 2
    features = {"index": [0, 1, 2], "grade": [0, 3, 1]}
    painted = viewer.add_labels(data, name="painted", features=features)
    assert measure(widget, qtbot) is not painted
    assert list(painted.features.columns) == ["index", "grade"]


def test_csv(
    widget: ObjectsWidget,
    viewer: ViewerModel,
    qtbot: Any,
    tmp_path: Path,
    messages: list[str],
) -> None:
    segmented(viewer, MASK, scale=(0.5, 0.5), units=("mm", "mm"))
    measure(widget, qtbot)
    assert shown(widget)[0][3] == "area (mm²)"
    widget.panel.save(tmp_path / "objects.csv")
    text = (tmp_path / "objects.csv").read_text("utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    assert [float(row["area (mm²)"]) for row in rows] == [50, 150]
    for row in rows:  # where it comes from
        said = [row[name] for name in ("image", "source", "weights", "threshold")]
        assert said == ["a", "a", "compact", "0.4"]
        assert datetime.fromisoformat(row["date"]).tzinfo is not None
    (tmp_path / "file").touch()
    widget.panel.save(tmp_path / "file" / "objects.csv")
    assert "cannot be written" in messages[-1]


def test_brightness_is_that_of_the_runs_intensities(
    widget: ObjectsWidget, viewer: ViewerModel, qtbot: Any
) -> None:
    deep = np.where(MASK, 1200, 200).astype(np.uint16)
    deep[0, 0] = 65_535  # from lowest to highest all else is black
    facts = {
        "model": "m",
        "date": "now",
        "source": "a",
        "image_sha256": array_sha256(deep),
        "intensity_rule": {"rule": "window", "low": 200, "high": 2200},
    }
    image = viewer.add_image(deep, name="a", contrast_limits=(0, 65_535))
    found = replace(result(), provenance=facts)
    add_layers(viewer, new_layers(source_of(image), [found]))
    layer = measure(widget, qtbot)
    found = layer.features["mean brightness (%)"][1:]  # 0 is background
    np.testing.assert_allclose(found, [50, 50], rtol=1e-5)


def test_an_empty_mask_has_no_rows(
    widget: ObjectsWidget, viewer: ViewerModel, qtbot: Any
) -> None:
    segmented(viewer, np.zeros_like(MASK))
    measure(widget, qtbot)
    assert len(shown(widget)) == 1
    assert widget.panel.summary.text().startswith("0 objects")
    assert not widget.panel.save_button.isEnabled()


def test_layers_may_go_while_they_are_measured_and_afterwards(
    widget: ObjectsWidget, viewer: ViewerModel, qtbot: Any
) -> None:
    segmented(viewer, *[MASK] * 4)
    widget.bar.start_button.click()
    viewer.layers.clear()
    qtbot.waitUntil(lambda: widget.life.worker is None, timeout=60_000)
    assert [layer.name for layer in viewer.layers] == ["objects · mask · a"]
    assert widget.panel.isVisibleTo(widget)
    viewer.layers.clear()
    assert not widget.panel.isVisibleTo(widget) and widget.panel.layer is None


def test_what_is_hidden_of_a_layer_is_shown_when_it_is_let_go(
    widget: ObjectsWidget, viewer: ViewerModel, qtbot: Any
) -> None:
    segmented(viewer, MASK)
    layer = measure(widget, qtbot)
    widget.panel.alone.setChecked(True)
    assert layer.show_selected_label
    widget.panel.forget()
    assert not layer.show_selected_label


def test_tab_leaves_the_table(widget: ObjectsWidget) -> None:
    assert not widget.panel.table.tabKeyNavigation()


def test_bad_input_is_one_sentence(
    widget: ObjectsWidget, viewer: ViewerModel, qtbot: Any, messages: list[str]
) -> None:
    viewer.add_labels(np.ones((2, 2, 8, 8), int), name="4d")
    measure(widget, qtbot)
    assert "4 axes" in messages[-1]
    viewer.layers.clear()
    viewer.add_image(np.full((8, 8), np.nan), contrast_limits=(0, 1))
    viewer.add_labels(np.ones((8, 8), int))
    assert measure(widget, qtbot) is None
    assert "NaN" in messages[-1]


def test_a_calibration_is_a_length_that_a_person_gave(viewer: ViewerModel) -> None:
    def size(**placement: Any) -> tuple[float, float, str | None]:
        found = pixel_size_of(viewer.add_labels(MASK, **placement))
        return round(found.height, 9), round(found.width, 9), found.unit

    assert size() == (1, 1, None)
    assert size(scale=(2, 3)) == (2, 3, None)
    assert size(scale=(2, 3), units=("mm", "mm"), rotate=30) == (2, 3, "mm")
    assert size(scale=(2, 3), units=("um", "um"))[2] == "µm"
    assert size(scale=(2, 3), units=("s", "s")) == (2, 3, None)
    affine = np.diag([5.0, 7.0, 1.0])
    assert size(affine=affine, units=("mm", "mm")) == (5, 7, "mm")
    assert size(shear=[0.5], units=("mm", "mm")) == (1, 1, None)


def test_nothing_is_left_connected(viewer: ViewerModel, qtbot: Any) -> None:
    before = len(viewer.mouse_drag_callbacks)
    widget = ObjectsWidget(viewer)
    qtbot.addWidget(widget)
    mask, _ = segmented(viewer, MASK)
    layer = measure(widget, qtbot)
    assert len(viewer.mouse_drag_callbacks) == before + 1
    widget.life.end()
    assert len(viewer.mouse_drag_callbacks) == before
    count = widget.labels_box.count()
    viewer.add_labels(MASK)
    layer.selected_label = 2
    assert widget.labels_box.count() == count and METADATA in mask.metadata
    assert widget.panel.description.text().startswith("Object 1")
