"""Which mask the Objects widget measures, and what it says of changes in it."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from measuring import IMAGE, MASK, measure, result, segmented, shown
from napari.components import ViewerModel

from napari_attnseg._widgets.base.new_result import NewResult
from napari_attnseg._widgets.layers.display import add_layers, redraw
from napari_attnseg._widgets.layers.metadata import (
    metadata_of,
    record_of,
    set_record,
)
from napari_attnseg._widgets.layers.new_layers import new_layers
from napari_attnseg._widgets.layers.record import Derivation, LayerRecord
from napari_attnseg._widgets.layers.runs import find_results
from napari_attnseg._widgets.layers.source import source_of
from napari_attnseg._widgets.objects.origin import edited_words
from napari_attnseg._widgets.objects.watched import STALE_MASK, STALE_OBJECTS
from napari_attnseg._widgets.objects.widget import ObjectsWidget
from napari_attnseg.corrections.clicks import Click, clicks_to_json
from napari_attnseg.hashing import array_sha256


def test_the_mask_of_the_image_in_view_is_offered_first(
    viewer: ViewerModel, segment: Any, qtbot: Any
) -> None:
    segment("a")
    top = segment("b")
    result, other = find_results(viewer.layers)
    assert {result.name, other.name} == {"a", "b"}
    for derivation in (Derivation.CHANGE, Derivation.READER):
        record = LayerRecord({}, record_of(result.mask).image, derivation=derivation)
        viewer.add_labels(np.ones((40, 48), int), metadata=metadata_of(record))
    for visible, wanted in ((True, "mask · b"), (False, "mask · a")):
        top.visible = visible
        widget = ObjectsWidget(viewer)
        qtbot.addWidget(widget)
        assert widget.labels_box.currentText() == wanted
        widget.life.end()


def test_what_is_measured_is_of_the_image_that_is_looked_at(
    widget: ObjectsWidget, viewer: ViewerModel, segment: Any, qtbot: Any
) -> None:
    segment("a")
    qtbot.waitUntil(lambda: widget.labels_box.currentText() == "mask · a")
    measure(widget, qtbot)
    assert widget.panel.summary.text().split(",")[0].endswith("of 'mask · a'")
    assert not widget.table_of.isVisibleTo(widget)
    top = segment("b")
    qtbot.waitUntil(lambda: widget.labels_box.currentText() == "mask · b")
    assert widget.image_box.currentText() == "b"
    assert widget.table_of.isVisibleTo(widget) and "'a'" in widget.table_of.text()
    top.visible = False
    qtbot.waitUntil(lambda: not widget.table_of.isVisibleTo(widget))
    assert widget.labels_box.currentText() == "mask · a"
    top.visible = True
    qtbot.waitUntil(lambda: widget.labels_box.currentText() == "mask · b")
    assert record_of(measure(widget, qtbot)).image.name == "b"
    # An image without a mask: what is offered is said to be another's.
    viewer.add_image(IMAGE[:40, :48], rgb=True, name="c")
    qtbot.waitUntil(lambda: widget.not_seen.isVisibleTo(widget))
    assert "'b', which is not the image on screen" in widget.not_seen.text()


def test_of_two_masks_the_one_that_is_seen_is_measured(
    widget: ObjectsWidget, viewer: ViewerModel, qtbot: Any
) -> None:
    first, _ = segmented(viewer, MASK)
    image = viewer.layers["a"]
    other = replace(result(), provenance={**result().provenance, "date": "later"})
    second = add_layers(viewer, new_layers(source_of(image), [other]))[-1]
    names = {first: "mask · a", second: "mask · a [1]"}
    assert [names[x] for x in (first, second)] == [first.name, second.name]
    first.visible = False
    qtbot.waitUntil(lambda: widget.labels_box.currentData() is second)
    first.visible, second.visible = True, False
    qtbot.waitUntil(lambda: widget.labels_box.currentData() is first)
    assert not widget.not_seen.isVisibleTo(widget)
    # Who wants the other one gets it, and is told.
    index = widget.labels_box.findData(second)
    widget.labels_box.setCurrentIndex(index)
    widget.labels_box.activated.emit(index)
    qtbot.wait(120)
    assert widget.labels_box.currentData() is second
    said = widget.not_seen.text()
    assert said == "This mask is hidden. What is seen is 'mask · a'."


def test_what_a_person_changed_in_a_mask_is_told(
    widget: ObjectsWidget,
    viewer: ViewerModel,
    segment: Any,
    qtbot: Any,
    tmp_path: Path,
) -> None:
    segment("a")
    mask = find_results(viewer.layers)[0].mask

    def told() -> list[str]:
        widget.labels_box.setCurrentIndex(widget.labels_box.findData(mask))
        measure(widget, qtbot)
        widget.panel.save(tmp_path / "o.csv")
        rows = csv.DictReader((tmp_path / "o.csv").read_text("utf-8").splitlines())
        (said,) = {row["mask edited"] for row in rows}
        return [said, *widget.panel.summary.text().split("\n")]

    assert told()[0] == "" and "edited" not in widget.panel.summary.text()
    mask.paint((5, 5), 1 - int(mask.data[5, 5]))
    found = told()
    assert found[0] == "edited by hand"
    assert "This mask was edited by hand." in found
    clicks = [Click(1, 2, True), Click(3, 4, False)]
    facts = {"clicks": clicks_to_json(clicks)}
    set_record(mask, record_of(mask).with_provenance(clicks=facts))
    assert told()[0] == "corrected by 2 clicks, and perhaps painted by hand"
    # The layer of its objects knows it, too, and what is painted in itself.
    layer = widget.panel.layer
    assert edited_words(layer) == "corrected by 2 clicks, and perhaps painted by hand"


def choose(widget: ObjectsWidget, layer: Any) -> None:
    """Choose a layer in the box by hand."""
    index = widget.labels_box.findData(layer)
    widget.labels_box.setCurrentIndex(index)
    widget.labels_box.activated.emit(index)


def test_a_corrected_mask_is_measured_again_not_its_old_copy(
    widget: ObjectsWidget,
    viewer: ViewerModel,
    segment: Any,
    qtbot: Any,
    tmp_path: Path,
    messages: list[str],
) -> None:
    segment("a")
    mask = find_results(viewer.layers)[0].mask
    objects = measure(widget, qtbot)
    qtbot.wait(120)  # the box follows what is seen
    assert widget.labels_box.currentData() is mask and objects is not mask
    before, made = widget.panel.summary.text(), mask.data.copy()
    corrected = np.zeros_like(made)
    corrected[3:13, 3:13] = 1
    redraw(mask, corrected)
    assert widget.panel.summary.text() == STALE_MASK
    assert objects.visible  # not while the mouse is pressed
    qtbot.waitUntil(lambda: not objects.visible)
    widget.panel.save(tmp_path / "o.csv")
    assert STALE_MASK in messages[-1] and not (tmp_path / "o.csv").exists()
    redraw(mask, made)  # undone
    assert widget.panel.summary.text() == before
    qtbot.waitUntil(lambda: objects.visible)
    redraw(mask, corrected)
    qtbot.waitUntil(lambda: not objects.visible)
    qtbot.wait(120)
    assert widget.labels_box.currentData() is mask
    assert measure(widget, qtbot) is objects and objects.visible
    assert np.array_equal(objects.data, corrected)
    assert [row[0] for row in shown(widget)[1:]] == ["1"]
    assert "This mask was edited by hand." in widget.panel.summary.text()
    widget.panel.save(tmp_path / "o.csv")
    assert "edited by hand" in (tmp_path / "o.csv").read_text("utf-8")
    mask.visible = False  # only its objects are seen
    qtbot.wait(120)
    assert widget.labels_box.currentData() is mask
    redraw(mask, made)  # by a click: napari says nothing of hidden layers
    assert widget.panel.summary.text() == STALE_MASK


def test_objects_that_a_person_split_are_measured_as_they_are(
    widget: ObjectsWidget, viewer: ViewerModel, qtbot: Any
) -> None:
    mask, _ = segmented(viewer, MASK.copy())
    objects = measure(widget, qtbot)
    split = objects.data.copy()
    split[40:50, 40:70] = 3
    objects.data = split
    assert widget.panel.summary.text() == STALE_OBJECTS.format(name=objects.name)
    choose(widget, objects)
    qtbot.wait(120)
    assert measure(widget, qtbot) is objects
    assert [row[0] for row in shown(widget)[1:]] == ["1", "2", "3"]
    said = widget.panel.summary.text()
    assert said.startswith("3 objects of 'objects · mask · a'")
    assert "This mask was edited by hand." in said
    # The mask's own objects do not replace what a person painted.
    choose(widget, mask)
    again = measure(widget, qtbot)
    assert again is not objects and (objects.data == 3).any()
    redraw(mask, np.ones_like(MASK))
    qtbot.waitUntil(lambda: not (objects.visible or again.visible))


def test_a_change_in_one_frame_is_told_in_all(
    widget: ObjectsWidget, viewer: ViewerModel, qtbot: Any
) -> None:
    mask, _ = segmented(viewer, MASK.copy(), MASK.copy())
    objects = measure(widget, qtbot)
    viewer.dims.set_current_step(0, 0)
    redraw(mask, np.zeros_like(MASK), 0)
    qtbot.waitUntil(lambda: not objects.visible)
    viewer.dims.set_current_step(0, 1)
    qtbot.wait(50)
    assert widget.panel.summary.text() == STALE_MASK and not objects.visible


def test_another_image_of_that_name_is_not_measured(
    widget: ObjectsWidget, viewer: ViewerModel, qtbot: Any
) -> None:
    image = viewer.add_image(IMAGE, name="a", rgb=True)
    facts = {"model": "m", "date": "now", "image_sha256": array_sha256(IMAGE)}
    own = replace(result(), provenance=facts)
    add_layers(viewer, new_layers(source_of(image), [own]))
    assert measure(widget, qtbot) is not None
    viewer.layers.remove(image)
    viewer.add_image(np.zeros_like(IMAGE), name="a", rgb=True)
    widget.labels_box.setCurrentText("mask · a")
    widget.image_box.setCurrentText("a")
    widget.bar.start_button.click()
    qtbot.waitUntil(lambda: widget.life.worker is None, timeout=60_000)
    assert "does not hold the pixels" in widget.bar.error.text()
    widget.image_box.setCurrentText("none")
    assert measure(widget, qtbot) is not None


def test_an_undone_stroke_is_a_change_too(
    widget: ObjectsWidget, viewer: ViewerModel, qtbot: Any
) -> None:
    labels = viewer.add_labels(MASK.astype(np.int32) * 3, name="mine")
    layer = measure(widget, qtbot)
    viewer.layers.selection.active = layer
    layer.refresh()
    said = STALE_OBJECTS.format(name="objects · mine")
    assert widget.panel.summary.text() != said
    layer.data = np.zeros_like(layer.data)
    assert widget.panel.summary.text() == said
    assert labels.data.any()


def test_the_mask_of_a_deleted_image_is_not_measured_on_another_one(
    widget: ObjectsWidget, viewer: ViewerModel, segment: Any, qtbot: Any
) -> None:
    first = segment("a")
    qtbot.waitUntil(lambda: widget.labels_box.currentText() == "mask · a")
    second = viewer.add_image(IMAGE[:40, :48], rgb=True, name="b")
    viewer.layers.remove(first)
    qtbot.waitUntil(lambda: widget.not_seen.isVisibleTo(widget))
    assert "'a', which is not the image on screen" in widget.not_seen.text()
    assert widget.image_box.currentText() == "none"
    viewer.layers.remove(second)
    segment("c")
    qtbot.waitUntil(lambda: widget.labels_box.currentText() == "mask · c")
    assert widget.image_box.currentText() == "c"
    assert not widget.not_seen.isVisibleTo(widget)


def test_that_a_mask_is_kept_is_told_after_what_is_outdated(
    qtbot: Any, viewer: ViewerModel, segment: Any, segmented: Any, messages: list[str]
) -> None:
    image = segment()
    viewer.layers["mask · image"].data[:5] = 1
    widget = ObjectsWidget(viewer)
    qtbot.addWidget(widget)
    objects = measure(widget, qtbot)
    source = source_of(image)
    NewResult(viewer, source, keep_both=False).add([segmented(source.frame(0))])
    outdated, kept = messages  # the later one lies on top
    assert objects.name in outdated and "is kept, and hidden" in kept
