"""Results lie above their own image, and only those of what is looked at are seen."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_attnseg._widgets.inspect.widget import InspectWidget
from napari_attnseg._widgets.layers.own_image import images_of, looked_at
from napari_attnseg._widgets.layers.runs import find_results
from napari_attnseg._widgets.objects.widget import ObjectsWidget
from napari_attnseg._widgets.segment import SegmentWidget


def test_what_is_seen_is_of_the_image_that_is_seen(
    make_napari_viewer_proxy: Callable[..., Any],
    qtbot: Any,
    segmented: Any,
    add_result: Any,
) -> None:
    """Two images of one size, the lower one segmented last."""
    viewer = make_napari_viewer_proxy(show=True)
    rng = np.random.default_rng(0)
    first, second = (
        viewer.add_image(rng.integers(0, 255, (40, 48, 3), np.uint8), name=n, rgb=True)
        for n in "ab"
    )

    def picture() -> Any:
        return viewer.screenshot(canvas_only=True, flash=False)

    plain = picture()
    add_result(viewer, first)
    assert np.array_equal(picture(), plain)  # its results lie below the other image
    add_result(viewer, second)
    results = {result.name: result for result in find_results(viewer.layers)}
    order = list(viewer.layers)
    assert order.index(results["a"].mask) < order.index(second)
    assert not np.array_equal(picture(), plain)

    _, widget = viewer.window.add_plugin_dock_widget("napari-attnseg", "Segment image")
    mine, other = results["a"].mask, results["b"].mask
    qtbot.waitUntil(lambda: other.visible and not mine.visible)
    second.visible = False  # now the first one is looked at
    qtbot.waitUntil(lambda: mine.visible and not other.visible)
    widget.own_results.setChecked(False)
    assert mine.visible and other.visible
    widget.own_results.setChecked(True)
    assert mine.visible and not other.visible
    # Side by side each keeps its own.
    second.translate = (0, 60)
    other.translate = (0, 60)
    second.visible = True
    qtbot.waitUntil(lambda: mine.visible and other.visible)


def test_what_was_segmented_is_brought_forward(
    viewer: ViewerModel, qtbot: Any, tiny_weights: Any
) -> None:
    data = np.zeros((20, 30), np.uint8)
    below = viewer.add_image(data, name="below")
    widget = SegmentWidget(viewer)
    qtbot.addWidget(widget)
    widget.inputs.use_weights(tiny_weights)
    viewer.add_image(data, name="above")
    viewer.layers.selection.active = below
    assert looked_at(viewer.layers) != [below]
    widget.start()
    qtbot.waitUntil(lambda: find_results(viewer.layers) != [], timeout=60_000)
    qtbot.waitUntil(lambda: looked_at(viewer.layers) == [below])
    own = [layer for layer, image in images_of(viewer.layers).items() if image is below]
    assert list(viewer.layers)[2:] == own


def test_what_somebody_hid_stays_hidden(
    viewer: ViewerModel, qtbot: Any, segment: Any
) -> None:
    image = segment("a")
    mask = find_results(viewer.layers)[0].mask
    widget = SegmentWidget(viewer)
    qtbot.addWidget(widget)
    mask.visible = False
    image.visible = False
    qtbot.wait(10)
    image.visible = True
    qtbot.wait(10)
    assert not mask.visible


def test_in_a_grid_every_visible_image_has_its_mask(
    viewer: ViewerModel, qtbot: Any, segment: Any
) -> None:
    widget = SegmentWidget(viewer)
    qtbot.addWidget(widget)
    below, _ = segment("a"), segment("b")
    masks = {one.name: one.mask for one in find_results(viewer.layers)}
    qtbot.waitUntil(lambda: not masks["a"].visible)
    viewer.canvas.grid.enabled = True
    qtbot.waitUntil(lambda: masks["a"].visible and masks["b"].visible)
    below.visible = False
    viewer.canvas.grid.enabled = False
    qtbot.waitUntil(lambda: not masks["a"].visible)


def test_what_is_left_of_a_deleted_image_is_said_and_removed_on_demand(
    viewer: ViewerModel, qtbot: Any, segment: Any
) -> None:
    widget = SegmentWidget(viewer)
    qtbot.addWidget(widget)
    for name in "abc":
        segment(name)
    images = {one.name: one.image for one in find_results(viewer.layers)}
    masks = {one.name: one.mask for one in find_results(viewer.layers)}
    masks["b"].paint((5, 5), 1 - int(masks["b"].data[5, 5]))
    left = widget.left_behind
    assert not left.isVisibleTo(widget)
    viewer.layers.selection.active = images["c"]
    viewer.layers.remove(images["c"])
    # Not "a", which is covered.
    assert widget.inputs.image is images["b"]
    assert left.isVisibleTo(widget) and "6 layers" in left.said.text()
    # Its outline would lie on "b".
    qtbot.waitUntil(lambda: not masks["c"].visible)
    viewer.layers.append(images["c"])  # it is brought back
    qtbot.waitUntil(lambda: masks["c"].visible and not left.isVisibleTo(widget))
    viewer.layers.remove(images["c"])
    qtbot.waitUntil(lambda: not masks["c"].visible)
    # What is made of it later, as measured objects are, would lie on "b" too.
    made = viewer.add_labels(masks["c"].data, metadata=dict(masks["c"].metadata))
    qtbot.waitUntil(lambda: not made.visible)
    viewer.layers.remove(made)
    viewer.layers.remove(images["b"])
    assert widget.inputs.image is images["a"]
    assert "12 layers" in left.said.text() and "'b', 'c'" in left.said.text()
    assert "Edited by hand, and kept: 'mask · b'" in left.said.text()
    assert left.button.text() == "Remove 11 layers of deleted images"
    left.button.click()
    assert masks["b"] in viewer.layers and masks["c"] not in viewer.layers
    assert len(viewer.layers) == 1 + 6 + 1 and not left.button.isVisibleTo(left)


@pytest.mark.parametrize("dock", [SegmentWidget, InspectWidget, ObjectsWidget])
def test_every_dock_hides_what_a_deleted_image_left(
    dock: type[Any], viewer: ViewerModel, qtbot: Any, segment: Any
) -> None:
    """napari crashes where it stays visible and another image is opened."""
    widget = dock(viewer)
    qtbot.addWidget(widget)
    image = segment("a")
    (result,) = find_results(viewer.layers)
    viewer.layers.remove(image)
    qtbot.waitUntil(lambda: not any(layer.visible for layer in result.layers))
    viewer.layers.insert(0, image)
    qtbot.waitUntil(lambda: result.mask.visible)
    widget.life.end()
    viewer.layers.remove(image)
    qtbot.wait(10)
    assert result.mask.visible


def test_napari_outlives_that_an_image_is_opened_after_one_with_a_result_was_deleted(
    make_napari_viewer_proxy: Callable[..., Any],
    qtbot: Any,
    segmented: Any,
    add_result: Any,
) -> None:
    """In a real window, the process ended with the next picture."""
    viewer = make_napari_viewer_proxy(show=True)
    viewer.window.add_plugin_dock_widget("napari-attnseg", "Segment image")
    data = np.full((40, 48, 3), 90, np.uint8)
    first = viewer.add_image(data, name="a", rgb=True)
    add_result(viewer, first)
    (result,) = find_results(viewer.layers)
    qtbot.wait(300)  # pictures are drawn
    assert result.mask.visible
    viewer.layers.remove(first)
    qtbot.waitUntil(lambda: not result.mask.visible)
    qtbot.wait(300)
    viewer.add_image(data // 2, name="b", rgb=True)
    qtbot.wait(300)
    picture = viewer.screenshot(canvas_only=True, flash=False)
    assert (picture[..., :3] == 45).all(-1).any()
    assert not result.mask.visible
    assert viewer.layers[-1].name == "b"
