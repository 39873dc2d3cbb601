"""Side by side in a real window, when images and layers go and come."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from napari.utils.notifications import notification_manager

from napari_attnseg._widgets.inspect.cells import cell_name
from napari_attnseg._widgets.layers.metadata import has_record


@pytest.fixture
def setting(
    make_napari_viewer_proxy: Callable[..., Any], add_result: Any, qtbot: Any
) -> SimpleNamespace:
    """A window with Segment and Inspect, and a function that adds an image.

    Two gate maps are enough, one with a colour bar: a window takes long for each.
    """
    viewer = make_napari_viewer_proxy(show=True)
    errors: list[str] = []
    notification_manager.notification_ready.connect(
        lambda one: errors.append(one.message) if one.severity == "error" else None
    )

    def add(name: str, segmented: bool = True, gates: int = 2) -> Any:
        rng = np.random.default_rng(len(name) + ord(name[0]))
        data = rng.integers(0, 255, (40, 48, 3), np.uint8)
        image = viewer.add_image(data, name=name, rgb=True)
        if segmented:
            add_result(viewer, image, gates=gates)
        qtbot.wait(100)
        return image

    segment, inspect = (
        viewer.window.add_plugin_dock_widget("napari-attnseg", title)[1]
        for title in ("Segment image", "Inspect side by side")
    )
    return SimpleNamespace(
        viewer=viewer, segment=segment, inspect=inspect, add=add, errors=errors
    )


def shown(viewer: Any) -> set[str]:
    return {layer.name for layer in viewer.layers if layer.visible}


def beside(setting: SimpleNamespace, qtbot: Any) -> Any:
    """Go side by side; returns the result."""
    setting.inspect.toggle()
    assert setting.viewer.canvas.grid.enabled
    qtbot.wait(100)
    return setting.inspect.result


def expect_overlay(setting: SimpleNamespace, qtbot: Any, seen: set[str]) -> None:
    """Wait until side by side has ended, without an error and without a trace."""
    viewer, inspect = setting.viewer, setting.inspect
    qtbot.waitUntil(lambda: not viewer.canvas.grid.enabled)
    qtbot.waitUntil(lambda: shown(viewer) == seen)
    qtbot.wait(150)  # what is slower than the rest
    viewer.screenshot(canvas_only=True, flash=False)
    assert shown(viewer) == seen and setting.errors == []
    assert inspect.preset_box.currentText() == "overlay"
    assert inspect.toggle_button.text() == "Side by side (G)"
    assert not any("decorative" in layer.name for layer in viewer.layers)
    assert not any(layer.name_overlay.visible for layer in viewer.layers)


def test_it_ends_with_its_image(setting: SimpleNamespace, qtbot: Any) -> None:
    viewer = setting.viewer
    # The uppermost of the others, with its own result.
    for others, left in (
        ("", set()),
        ("b", {"b", "mask · b"}),
        ("bc", {"b", "c"}),
    ):
        for name in others:
            setting.add(name, segmented=name == "b")
        image = setting.add("a")
        beside(setting, qtbot)
        viewer.layers.remove(image)
        expect_overlay(setting, qtbot, left)
        # The next one is shown whole, and side by side again.
        setting.add("d")
        assert not viewer.canvas.grid.enabled
        assert {"d", "mask · d"} <= shown(viewer)
        beside(setting, qtbot)
        setting.inspect.toggle()
        assert setting.errors == []
        viewer.layers.clear()


def test_any_of_its_layers_may_go(setting: SimpleNamespace, qtbot: Any) -> None:
    viewer, add = setting.viewer, setting.add
    add("b")
    add("a")
    result = beside(setting, qtbot)
    # A map, then the mask: the others stay side by side.
    gone = [result.gates[16], result.mask]
    for layer in gone:
        viewer.layers.remove(layer)
        qtbot.wait(150)
        viewer.screenshot(canvas_only=True, flash=False)
        assert viewer.canvas.grid.enabled and setting.errors == []
        assert "b" not in shown(viewer)
    # All that is left of the result at once: not one of another image is put there.
    viewer.layers.selection = {
        x for x in viewer.layers if has_record(x) and x.name.endswith("a")
    }
    viewer.layers.remove_selected()
    expect_overlay(setting, qtbot, {"a", "b"})
    # All layers at once, in both ways.
    for remove_all in ("clear", "selected"):
        add("e")
        beside(setting, qtbot)
        if remove_all == "clear":
            viewer.layers.clear()
        else:
            viewer.layers.selection = set(viewer.layers)
            viewer.layers.remove_selected()
        expect_overlay(setting, qtbot, set())


def test_what_comes_from_elsewhere_gets_no_cell(
    setting: SimpleNamespace, qtbot: Any
) -> None:
    """A click on it would be read as one on the image of the result."""
    viewer, inspect = setting.viewer, setting.inspect
    setting.add("a")
    for make in (
        lambda: viewer.add_labels(np.zeros((40, 48), int), name="mine"),
        lambda: viewer.add_points(np.ones((1, 2)), name="points"),
        lambda: setting.add("b", segmented=False),
    ):
        result = beside(setting, qtbot)
        own = shown(viewer)
        made = make()
        qtbot.waitUntil(lambda: not viewer.canvas.grid.enabled)
        qtbot.wait(150)
        viewer.screenshot(canvas_only=True, flash=False)
        assert made.visible and result.mask.contour > 0
        assert inspect.preset_box.currentText() == "overlay" and setting.errors == []
        assert own - shown(viewer) >= {cell_name("probability · a", "")}
    assert "and b is on screen" in inspect.pointing.now.text()
    assert not inspect.mask_section.isEnabled()
    # What it hides itself is not to be shown either, as by its eye in the list.
    b = viewer.layers["b"]
    b.visible = False
    qtbot.waitUntil(inspect.mask_section.isEnabled)
    beside(setting, qtbot)
    b.visible = True
    qtbot.waitUntil(lambda: not viewer.canvas.grid.enabled)


def test_segmenting_again_stays_side_by_side(
    setting: SimpleNamespace, qtbot: Any, tiny_weights: Any
) -> None:
    """The new result takes the place of the old one, of which nothing is left."""
    viewer, inspect = setting.viewer, setting.inspect
    setting.add("a", gates=4)  # all, as a run makes them
    before = beside(setting, qtbot)
    cells = shown(viewer)
    segment = setting.segment
    segment.inputs.use_weights(tiny_weights)
    batches: list[object] = []
    viewer.layers.events.end_batch.connect(lambda event: batches.append(event))
    segment.start()
    qtbot.waitUntil(lambda: segment.life.worker is None, timeout=60_000)
    qtbot.wait(150)
    assert not any(layer in viewer.layers for layer in before.layers)
    assert inspect.result.image.name == "a" and viewer.canvas.grid.enabled
    assert shown(viewer) == cells and len(batches) == 1


def test_an_image_that_is_opened_again_has_its_results_over_it(
    setting: SimpleNamespace, qtbot: Any
) -> None:
    """Not below it, and not what only the cells showed."""
    viewer, inspect = setting.viewer, setting.inspect
    setting.add("b")
    image = setting.add("a")
    arrangement, at_its_end = inspect._arrangement, []
    end = arrangement.end

    def watched_end() -> None:
        end()
        at_its_end.append(shown(viewer))

    arrangement.end = watched_end
    # The width of the outline follows the zoom.
    qtbot.waitUntil(lambda: viewer.layers["mask · a"].contour == 1)
    for preset in ("overlay", "all scales"):
        plain = viewer.screenshot(canvas_only=True, flash=False)
        inspect.preset_box.setCurrentText(preset)
        qtbot.wait(100)
        viewer.layers.remove(image)
        expect_overlay(setting, qtbot, {"b", "mask · b"})
        image = viewer.add_image(image.data, name="a", rgb=True)
        qtbot.waitUntil(lambda: "mask · a" in shown(viewer))
        expect_overlay(setting, qtbot, {"b", "a", "mask · a"})
        names = [layer.name for layer in viewer.layers]
        own = names[names.index("a") :]
        # The image, its two gate maps, the probability and the mask.
        assert len(own) == 5 and all(name.endswith("a") for name in own)
        assert own[-1] == "mask · a"
        assert viewer.layers["mask · a"].contour > 0
        assert setting.segment.gate_box.currentText() == "none"
        assert inspect.result.image.name == "a"
        again = viewer.screenshot(canvas_only=True, flash=False)
        assert np.array_equal(again, plain)  # with the outline
    # In the same turn of the loop: the next picture was that of "b".
    assert at_its_end[0] == {"b"}
