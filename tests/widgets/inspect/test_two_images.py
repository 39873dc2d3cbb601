"""Side by side while a second image is open: only the chosen result is shown."""

from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Layer

from napari_attnseg._widgets.layers.metadata import METADATA
from napari_attnseg._widgets.layers.own_image import HIDDEN
from napari_attnseg._widgets.layers.runs import find_results
from napari_attnseg._widgets.segment import SegmentWidget

COARSE = ["gate 1/32", "gate 1/16"]
ALL = [*COARSE, "gate 1/8", "gate 1/4", "probability"]
EXPECTED = {"at a glance": COARSE, "published style": ALL, "all scales": ALL}


def cells(viewer: ViewerModel) -> list[list[str]]:
    """Names in each cell, the lowest layer first, without what napari cut of them."""
    layers, grid = viewer.layers, viewer.canvas.grid
    return [
        [layers[i].name.replace(" decorative", "") for i in inside]
        for _, inside in grid.iter_viewboxes(layers)
    ]


def state(viewer: ViewerModel) -> list[tuple[str, bool]]:
    return [(layer.name, layer.visible) for layer in viewer.layers]


def segment_again(viewer: ViewerModel, result: Any) -> None:
    """A second run's layers, as napari names them."""
    place = viewer.layers.index(result.mask) + 1
    for layer in reversed(result.layers):
        data, options, kind = layer.as_layer_data_tuple()
        facts = {**options["metadata"][METADATA], "date": "later"}
        options |= {"name": layer.name, "metadata": {METADATA: facts}}
        viewer.layers.insert(place, Layer.create(data, options, kind))


@pytest.mark.parametrize("size", [(1030, 1184), (700, 620), (400, 1500)])
@pytest.mark.parametrize("chosen", ["a", "b"])
@pytest.mark.parametrize("twice", [False, True])
def test_cells_are_those_of_one_image(
    viewer: ViewerModel,
    opened: Any,
    segment: Any,
    qtbot: Any,
    size: tuple[int, int],
    chosen: str,
    twice: bool,
) -> None:
    viewer.canvas.size = size
    segment("a")
    viewer.add_points(np.ones((1, 2)), name="on a")
    segment("b")
    viewer.add_points(np.ones((1, 2)), name="on b")
    viewer.layers["on " + chosen].visible = False  # it would have a cell
    if twice:
        segment_again(viewer, find_results(viewer.layers)[-1])
    segmenting = SegmentWidget(viewer)  # it hides results of an image in the back
    qtbot.addWidget(segmenting)
    widget = opened()
    qtbot.waitUntil(lambda: not viewer.layers["mask · a"].visible)
    qtbot.wait(60)
    before = state(viewer)
    index = [x.name for x in widget.results].index(chosen)
    titles = [one.mask for one in widget.results]
    widget.result_box.setCurrentIndex(index)
    for preset, others in EXPECTED.items():
        widget.preset_box.setCurrentText(preset)
        qtbot.wait(60)  # what follows the visible images does so later
        seen = cells(viewer)
        assert seen[0] == [chosen, titles[index].name]
        assert [[name.split(" · ")[0] for name in one] for one in seen[1:]] == [
            [name] for name in others
        ]
        assert titles[index].contour > 0
    # Another result in the same cells, and back.
    widget.result_box.setCurrentIndex(len(titles) - 1 - index)
    widget.result_box.setCurrentIndex(index)
    assert cells(viewer)[0] == [chosen, titles[index].name]
    widget.preset_box.setCurrentText("overlay")
    qtbot.wait(60)
    assert state(viewer) == before
    widget.life.end()
    segmenting.life.end()


def test_what_was_hidden_with_its_image_comes_back_with_it(
    viewer: ViewerModel, opened: Any, segment: Any, qtbot: Any
) -> None:
    """A result that its image's going hid is not shown in a cell of another run."""
    image = segment("a")
    segment_again(viewer, find_results(viewer.layers)[0])
    above = segment("b")
    segmenting = SegmentWidget(viewer)
    qtbot.addWidget(segmenting)
    widget = opened()
    masks = [one.mask for one in widget.results if one.image is image]
    qtbot.waitUntil(lambda: all(HIDDEN in mask.metadata for mask in masks))
    assert [one.name for one in widget.results] == ["a", "b", "a"]
    widget.result_box.setCurrentIndex(2)
    widget.preset_box.setCurrentText("at a glance")
    qtbot.wait(60)
    assert [mask.visible for mask in masks].count(True) == 1
    viewer.canvas.grid.enabled = False  # as napari's own button does it
    qtbot.wait(60)
    assert above.visible and not any(mask.visible for mask in masks)
    above.visible = False
    qtbot.waitUntil(lambda: all(mask.visible for mask in masks))
    widget.life.end()
    segmenting.life.end()


def test_a_mask_that_somebody_hid_stays_hidden(
    viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment("a")
    segment("b")
    viewer.layers["mask · a"].visible = False
    widget = opened()
    for index in (1, 0):
        widget.result_box.setCurrentIndex(index)
        widget.preset_box.setCurrentText("at a glance")
    widget.preset_box.setCurrentText("overlay")
    assert not viewer.layers["mask · a"].visible
    widget.life.end()


def test_other_images_come_back_at_the_end(
    viewer: ViewerModel, opened: Any, segment: Any, qtbot: Any
) -> None:
    segment("a")
    other = viewer.add_image(np.zeros((40, 48)), name="other")
    before = state(viewer)
    for end in ("widget", "result"):
        widget = opened()
        widget.preset_box.setCurrentText("at a glance")
        assert not other.visible
        if end == "widget":
            widget.life.end()
            assert state(viewer) == before
        else:
            for layer in widget.result.layers:
                viewer.layers.remove(layer)
            qtbot.waitUntil(lambda: other.visible and viewer.layers["a"].visible)
            widget.life.end()
