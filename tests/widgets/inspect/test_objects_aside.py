"""Measured objects are not seen among outlines of the same colours."""

from typing import Any

import pytest
from measuring import measure
from napari.components import ViewerModel

from napari_attnseg._widgets.layers.objects_aside import ObjectsAside
from napari_attnseg._widgets.layers.own_image import is_wanted
from napari_attnseg._widgets.objects.widget import ObjectsWidget


@pytest.fixture
def measured(viewer: ViewerModel, qtbot: Any, segment: Any) -> Any:
    """The widget that measured the mask of an image, its layer of objects."""
    segment()
    widget = ObjectsWidget(viewer)
    qtbot.addWidget(widget)
    return widget, measure(widget, qtbot)


def changed(qtbot: Any, panel: Any) -> None:
    before = panel.change
    qtbot.waitUntil(lambda: panel.change is not before, timeout=20_000)


def test_objects_are_hidden_while_a_change_is_drawn(
    qtbot: Any, viewer: ViewerModel, opened: Any, measured: Any
) -> None:
    _, objects = measured
    panel = opened().whatif_panel
    panel._unfolded = True  # as if its fold was opened in a window
    assert objects.visible
    panel.rows[32].slider.setValue(1.0)
    changed(qtbot, panel)
    assert not objects.visible and is_wanted(objects)
    panel.set_in_front(False)  # where they are looked at
    assert objects.visible
    panel.set_in_front(True)
    assert not objects.visible
    panel.reset()
    qtbot.waitUntil(lambda: objects.visible)
    panel.undo()
    qtbot.waitUntil(lambda: not objects.visible)
    objects.visible = False  # nothing changes: it is hidden already
    panel.reset()
    qtbot.waitUntil(lambda: objects.visible)
    objects.visible = False  # by the user, who wants none
    panel.undo()
    changed(qtbot, panel)
    panel.reset()
    changed(qtbot, panel)
    qtbot.wait(50)
    assert not objects.visible


def test_objects_are_hidden_while_either_section_draws(
    qtbot: Any, viewer: ViewerModel, opened: Any, measured: Any
) -> None:
    _, objects = measured
    widget = opened()
    readers, panel = widget.readers_panel, widget.whatif_panel
    for one in (readers, panel):
        one._unfolded = True
    readers.show_button.click()
    qtbot.waitUntil(lambda: readers.found is not None, timeout=20_000)
    assert not objects.visible
    panel.rows[32].slider.setValue(1.0)
    changed(qtbot, panel)
    readers.show_button.click()  # hide the outlines
    qtbot.wait(50)
    assert not objects.visible
    panel.reset()
    qtbot.waitUntil(lambda: objects.visible)
    readers.show_button.click()
    qtbot.waitUntil(lambda: readers.found is not None, timeout=20_000)
    assert not objects.visible
    widget.life.end()
    assert objects.visible


def test_objects_of_a_stack_are_hidden_on_the_slice_that_is_drawn_on(
    qtbot: Any, viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment(frames=2)
    measuring = ObjectsWidget(viewer)
    qtbot.addWidget(measuring)
    objects, widget = measure(measuring, qtbot), opened()
    readers, panel = widget.readers_panel, widget.whatif_panel
    viewer.dims.set_current_step(0, 0)
    readers.show_button.click()
    qtbot.waitUntil(lambda: readers.found is not None, timeout=20_000)
    for draw in (lambda: None, lambda: panel.rows[32].slider.setValue(1.0)):
        draw()
        if panel.forced:
            readers.show_button.click()  # hide the outlines
            changed(qtbot, panel)
        qtbot.waitUntil(lambda: not objects.visible)
        viewer.dims.set_current_step(0, 1)
        assert objects.visible
        viewer.dims.set_current_step(0, 0)
        assert not objects.visible


def test_outdated_objects_do_not_come_back(
    qtbot: Any, viewer: ViewerModel, opened: Any, measured: Any
) -> None:
    _, objects = measured
    mask = viewer.layers["mask · image"]
    readers = opened().readers_panel
    readers._unfolded = True
    readers.show_button.click()
    qtbot.waitUntil(lambda: readers.found is not None, timeout=20_000)
    mask.data = 1 - mask.data
    qtbot.waitUntil(lambda: not is_wanted(objects))
    readers.show_button.click()
    qtbot.wait(100)
    assert not objects.visible


def test_objects_of_another_image_stay(
    qtbot: Any, viewer: ViewerModel, measured: Any, segment: Any
) -> None:
    _, objects = measured
    other = segment("other", translate=(0, 500))
    aside = ObjectsAside(viewer)
    aside.follow("here", other)
    assert objects.visible
    aside.follow("here", viewer.layers["image"])
    assert not objects.visible
    viewer.canvas.grid.enabled = True
    aside.follow("here", None)
    assert not objects.visible  # it would take a cell
    viewer.canvas.grid.enabled = False
    aside.follow("here", None)
    assert objects.visible


def test_a_filled_mask_is_seen_while_its_objects_are_hidden(
    qtbot: Any, viewer: ViewerModel, measured: Any
) -> None:
    widget, objects = measured
    mask, image = viewer.layers["mask · image"], viewer.layers["image"]
    mask.contour = objects.contour = 0
    widget._behind.hide(mask, objects)
    assert not mask.visible
    aside = ObjectsAside(viewer)
    for _ in range(2):
        aside.follow("here", image)
        qtbot.waitUntil(lambda: mask.visible)
        assert not objects.visible
        aside.follow("here", None)
        qtbot.waitUntil(lambda: not mask.visible)
        assert objects.visible  # two fills would mix
    objects.visible = False
    qtbot.waitUntil(lambda: mask.visible)
