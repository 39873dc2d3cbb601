"""Inspect pauses while the image of its result is not the one on screen."""

from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_attnseg._widgets.inspect.way_box import BOX, LINE


@pytest.fixture
def clicking(opened: Any, segment: Any, qtbot: Any) -> Any:
    """The widget on a result, in the mode; with one click."""
    segment()
    widget = opened()
    widget.click_panel.button.click()
    qtbot.waitUntil(lambda: "missing" in widget.click_panel.message.text())
    return widget


def test_nothing_changes_the_mask_of_a_covered_image(
    viewer: ViewerModel, clicking: Any, mouse: Any, qtbot: Any
) -> None:
    panel, mask = clicking.click_panel, viewer.layers["mask · image"]
    mouse.click((10, 10), button=2)
    corrected = mask.data.copy()
    clicking.whatif_panel.painting.paint_button.click()
    (paint,) = (one for one in viewer.layers if one.mode == "paint")

    def attack() -> None:
        mouse.click((30, 30), button=2)
        for kind in (LINE, BOX):
            panel.way_box.drag_box.setCurrentText(kind)
            mouse.drag((5, 5), (20, 10), (20, 30), button=2)
        panel.undo_button.click()
        assert np.array_equal(mask.data, corrected)

    # Not segmented, and right over it.
    other = viewer.add_image(np.zeros((40, 48, 3), np.uint8), rgb=True, name="other")
    mouse.click((30, 30), button=2)
    assert np.array_equal(mask.data, corrected)
    why = "Paused: this result is of image, and other is on screen."
    assert panel.message.text().startswith(why)
    qtbot.waitUntil(lambda: bool(clicking._in_view.why))
    attack()
    assert paint.mode == "pan_zoom" and not panel.active
    signs = viewer.layers["clicks · image"]
    assert not signs.visible
    assert clicking.pointing.now.text().startswith(why)
    parts = (clicking.mask_panel, clicking.whatif_panel, clicking.readers_panel)
    assert not any(one.isEnabled() for one in parts)
    assert not panel._undo_key.isEnabled()
    mouse.move((10, 10))
    assert clicking.pointing.now.text().startswith(why)
    # Back: clicks go on where they were.
    other.visible = False
    qtbot.waitUntil(lambda: panel.active)
    assert signs.visible and len(signs.data) == 1
    assert not clicking._in_view.why and clicking.mask_panel.isEnabled()
    mouse.move((10, 10))
    assert clicking.pointing.now.text().startswith("row 10, column 10")
    panel.undo_button.click()
    assert not panel.clicks and not np.array_equal(mask.data, corrected)
    # One through which the image is seen covers nothing.
    other.opacity, other.visible = 0.5, True
    qtbot.wait(100)
    assert panel.active
    other.opacity = 1
    qtbot.waitUntil(lambda: not panel.active)
    clicking.result_box.activated.emit(0)
    qtbot.waitUntil(lambda: panel.active)
    viewer.layers["image"].visible = False
    qtbot.waitUntil(lambda: not panel.active)


def test_a_held_reading_waits_for_its_image(
    viewer: ViewerModel, opened: Any, segment: Any, mouse: Any, qtbot: Any
) -> None:
    segment(frames=3)
    pointing = (widget := opened()).pointing
    mouse.click((0, 9, 10))
    said = pointing.held.text()
    other = viewer.add_image(np.zeros((3, 40, 48)), name="other")
    mouse.click((0, 20, 20))  # on the other image
    assert pointing.held.text() == said
    qtbot.waitUntil(pointing.held.isHidden)
    viewer.dims.set_current_step(0, 2)
    assert pointing.held.isHidden() and pointing.point == (2, 9, 10)
    viewer.layers.remove(other)
    qtbot.waitUntil(lambda: not pointing.held.isHidden())
    assert pointing.point == (2, 9, 10) and not widget.life.ended


def test_a_click_beside_the_image_says_so(
    viewer: ViewerModel, clicking: Any, mouse: Any, qtbot: Any
) -> None:
    panel, mask = clicking.click_panel, viewer.layers["mask · image"]
    before = mask.data.copy()
    mouse.click((10, 200))
    assert panel.message.text() == (
        "That click was outside image; nothing was changed."
    )
    # Another image over its right edge.
    small = np.zeros((40, 60), np.uint8)
    viewer.add_image(small, name="other", translate=(0, 40))
    qtbot.wait(100)
    for column in (44, 80):
        mouse.click((10, column))
        said = "other is here, and this result is of image."
        assert panel.message.text() == said
        mouse.move((10, column))
        assert clicking.pointing.now.text() == said
    assert np.array_equal(mask.data, before) and panel.active
    mouse.click((10, 10), button=2)
    assert not np.array_equal(mask.data, before)


def test_values_of_a_deleted_image_are_not_read_off_another_one(
    viewer: ViewerModel, opened: Any, segment: Any, mouse: Any, qtbot: Any
) -> None:
    image = segment("a")
    other = viewer.add_image(np.zeros((40, 48, 3), np.uint8), rgb=True, name="b")
    other.visible = False
    widget = opened()
    mouse.move((10, 10))
    assert widget.pointing.now.text().startswith("row 10, column 10")
    viewer.layers.remove(image)
    other.visible = True
    mouse.move((10, 10))  # before the widget is paused
    deleted = "b is here, and the image of this result was deleted."
    assert widget.pointing.now.text() == deleted
    why = "Paused: the image of this result was deleted, and b is on screen."
    qtbot.waitUntil(lambda: widget.pointing.now.text().startswith(why))
    mouse.click((10, 10))
    assert widget.pointing.point is None
    assert not widget.mask_section.isEnabled() and not widget.whatif_panel.isEnabled()
    viewer.add_image(image.data, rgb=True, name="a")  # opened once more
    qtbot.waitUntil(lambda: widget.mask_section.isEnabled())
    mouse.move((10, 10))
    assert widget.pointing.now.text().startswith("row 10, column 10")
