"""The Inspect widget without a window: arrangements, the key, what is left."""

import gc
import weakref
from pathlib import Path
from typing import Any

import numpy as np
from inspecting import shown
from napari.components import ViewerModel
from napari.utils.theme import get_theme
from qtpy.QtCore import Qt

from napari_attnseg._widgets.inspect.presets import (
    DESCRIPTIONS,
    HIDDEN,
    Preset,
    describe_preset,
)
from napari_attnseg._widgets.inspect.widget import KEY, InspectWidget
from napari_attnseg._widgets.layers.metadata import METADATA
from napari_attnseg._widgets.layers.own_image import hide
from napari_attnseg._widgets.layers.runs import find_results
from napari_attnseg._widgets.layers.source import IMAGE_FILE

ADDED = 6  # probability, four gates, mask


def test_says_what_to_do_first(opened: Any, segment: Any) -> None:
    widget = opened()
    assert not widget.hint.isHidden() and widget.body.isHidden()
    segment()
    assert widget.hint.isHidden() and not widget.body.isHidden()
    assert widget.result_box.currentText() == "image · tiny"


def test_finds_each_run_and_follows_the_layers(
    viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment("a")
    widget = opened()
    segment("b")
    assert widget.result.record.source == "b"  # the latest
    assert [result.record.source for result in find_results(viewer.layers)] == [
        "b",
        "a",
    ]
    for layer in widget.result.layers:
        viewer.layers.remove(layer)
    assert widget.result.record.source == "a"
    viewer.layers.clear()
    assert widget.result is None and not widget.hint.isHidden()


def test_presets(viewer: ViewerModel, opened: Any, segment: Any) -> None:
    segment()
    mine = viewer.add_image(np.zeros((9, 9)), name="mine", visible=False)
    widget = opened()
    gate = viewer.layers["gate 1/32 · image"]
    colours, own_name = gate.colormap.name, gate.name
    usual = viewer.canvas.overlays.scale_bar.font_size

    widget.preset_box.setCurrentText("at a glance")
    assert viewer.canvas.grid.enabled and viewer.canvas.overlays.scale_bar.visible
    assert shown(viewer) == [
        "image",
        "gate 1/16 · image",
        "gate 1/32 · image",
        "mask · image",
    ]
    assert gate.name_overlay.visible and gate.colorbar.visible
    bar = viewer.canvas.overlays.scale_bar
    assert bar.font_size < usual  # over the map of a cell

    widget.preset_box.setCurrentText("all scales")
    assert len(shown(viewer)) == 1 + ADDED and not mine.visible
    gate.contrast_limits = (0.2, 0.9)
    other = viewer.layers["gate 1/4 · image"]
    assert tuple(other.contrast_limits) == (0.2, 0.9)  # linked

    widget.preset_box.setCurrentText("published style")
    assert tuple(gate.contrast_limits) == (gate.data.min(), gate.data.max())
    # 1 − psi in jet: the lowest psi has the highest colour, which is red.
    red, _, blue, _ = gate.colormap.colors[0]
    assert red > 0.4 and blue < 0.1
    said = widget.preset_description.text()
    assert "cannot be compared" in said and "numbers beside the colours are psi" in said
    low, high = gate.data.min(), gate.data.max()
    assert f"1/32 {low:.2f} to {high:.2f}" in said
    assert gate.colorbar.size[1] > 100  # room for the seven numbers of some ranges
    assert "decorative" not in widget.preset_description.text()
    gate.metadata[METADATA]["pattern"] = "decorative"
    widget.preset_box.setCurrentText("at a glance")
    widget.preset_box.setCurrentText("published style")
    # The paper's colours as they are; what was measured is said.
    assert gate.opacity == 1
    assert "decorative in this model: 1/32." in widget.preset_description.text()
    widget.preset_box.setCurrentText("all scales")
    assert "decorative" in widget.preset_description.text()
    # Full colours, so that 0.5 is white, and the word in its cell.
    assert gate.opacity == 1 and gate.name == "gate 1/32 decorative"
    # As napari's own button does it.
    viewer.canvas.grid.enabled = False
    assert gate.opacity < 0.5 and gate.name == own_name
    assert widget.preset_box.currentText() == "overlay"
    assert shown(viewer) == ["image", "mask · image"]
    assert not bar.visible and bar.font_size == usual
    assert gate.colormap.name == colours and tuple(gate.contrast_limits) == (0, 1)
    gate.contrast_limits = (0.1, 1)
    assert tuple(other.contrast_limits) == (0, 1)  # no longer linked


def test_the_outline_is_spoken_of_where_there_is_one(
    viewer: ViewerModel, opened: Any, segment: Any, qtbot: Any
) -> None:
    image = segment(frames=2)
    widget = opened()
    said = widget.preset_description.text
    outlined = "Overlay: the outline of the mask over its image."
    assert said() == outlined
    mask = widget.result.mask
    before = mask.data.copy()
    mask.data[1] = 0
    viewer.dims.set_current_step(0, 1)
    assert said() == "The mask is empty: no outline."  # the model found something
    viewer.dims.set_current_step(0, 0)
    assert said() == outlined
    mask.data_setitem(np.nonzero(mask.data == 1), 0)
    mask.events.paint(value=[])  # as at the end of a stroke
    qtbot.waitUntil(lambda: said() == "The mask is empty: no outline.")
    widget.preset_box.setCurrentText("at a glance")
    here = "Side by side: the image, and the two coarse gates. "
    assert said().startswith(f"{here}The mask is empty: no outline.")
    widget.mask_panel.ask_about_edits = lambda: "replace"
    widget.mask_panel.threshold.setValue(1.0)
    none = f"{here}Nothing was found: no outline."
    qtbot.waitUntil(lambda: said().startswith(none))
    widget.preset_box.setCurrentText("overlay")
    assert said() == "Nothing was found: no outline."
    # One of nearly the whole frame is drawn as a fill.
    mask.data = np.ones_like(mask.data)
    qtbot.waitUntil(lambda: said() == "Overlay: the mask as a fill over its image.")
    beside = describe_preset(widget.result, Preset.COARSE_GATES, is_filled=True)
    assert beside.startswith("Side by side: the image with the mask as a fill, and th")
    mask.data = before
    qtbot.waitUntil(lambda: said() == outlined)
    viewer.layers.remove(image)
    assert said() == "The image of this result is not open."


def test_one_key_goes_there_and_back(
    viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment()
    widget = opened()
    (bound,) = (f for key, f in viewer.keymap.items() if str(key) == KEY)
    bound(viewer)
    assert widget.preset_box.currentText() == "all scales"
    bound(viewer)
    assert widget.preset_box.currentText() == "overlay"
    widget.life.end()
    assert KEY not in map(str, viewer.keymap)


def test_closing_brings_the_overlay_back(
    viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment()
    camera = viewer.scene.camera
    camera.center, camera.zoom = (0, 7, 9), 3.0
    widget = opened()
    widget.preset_box.setCurrentText("published style")
    widget.life.end()
    assert shown(viewer) == ["image", "mask · image"]
    assert not viewer.canvas.grid.enabled
    assert not viewer.canvas.overlays.scale_bar.visible
    assert tuple(camera.center) == (0, 7, 9) and camera.zoom == 3.0
    gate = viewer.layers["gate 1/32 · image"]
    assert tuple(gate.contrast_limits) == (0, 1) and not gate.name_overlay.visible


def test_closing_after_the_results_went(
    viewer: ViewerModel, opened: Any, segment: Any, qtbot: Any
) -> None:
    segment()
    widget = opened()
    widget.toggle()
    viewer.layers.clear()
    qtbot.waitUntil(lambda: not viewer.canvas.grid.enabled)
    assert widget.preset_box.currentText() == "overlay"
    widget.life.end()
    # And at once.
    segment()
    widget = opened()
    widget.toggle()
    viewer.layers.clear()
    widget.life.end()
    assert not viewer.canvas.grid.enabled


def test_a_key_of_somebody_else_stays_theirs(
    viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    pressed = []
    viewer.bind_key(KEY, pressed.append)
    opened().life.end()
    (bound,) = (f for key, f in viewer.keymap.items() if str(key) == KEY)
    bound(viewer)
    assert len(pressed) == 1


def test_the_order_of_the_layer_list_changes_nothing(
    viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment()
    widget = opened()
    before = widget.result
    widget.pointing.hold((5.0, 6.0))
    viewer.layers.move(viewer.layers.index(before.gates[4]), len(viewer.layers))
    assert widget.result.equals(before) and list(widget.result.gates) == [4, 8, 16, 32]
    assert widget.pointing.point == (5.0, 6.0)


def test_a_result_is_looked_at_on_its_own_image(
    viewer: ViewerModel, segment: Any, tmp_path: Path
) -> None:
    """Two channels of one file, or two files of one name."""
    file = tmp_path / "0001.png"
    file.touch()
    first = segment("ch1", metadata={IMAGE_FILE: str(file)})
    viewer.add_image(first.data[::-1], name="ch2", metadata={IMAGE_FILE: str(file)})
    for layer in find_results(viewer.layers)[0].layers:
        layer.metadata[IMAGE_FILE] = str(file)
    assert find_results(viewer.layers)[0].image is first
    other = tmp_path / "b.png"
    other.touch()
    second = segment("ch1", metadata={IMAGE_FILE: str(other)})
    result = find_results(viewer.layers)[0]
    assert second.name == "ch1 [1]"
    for layer in result.layers:
        layer.metadata[IMAGE_FILE] = str(other)
        layer.name = layer.name.replace("ch1 [1]", "ch1")
    assert find_results(viewer.layers)[0].image is second


def test_what_has_the_keyboard_is_framed_in_the_theme_s_own_colour(
    viewer: ViewerModel, opened: Any
) -> None:
    widget = opened()
    for theme in ("light", "dark"):
        viewer.theme = theme
        assert get_theme(theme).text.as_hex() in widget.styleSheet()
    # One stop for each slider, not one more for the frame around it.
    slider = widget.mask_panel.threshold
    assert slider.focusPolicy() == Qt.FocusPolicy.NoFocus
    before = widget.styleSheet()
    widget.life.end()
    viewer.theme = "light"
    assert widget.styleSheet() == before


def test_a_widget_may_be_collected(
    qtbot: Any, viewer: ViewerModel, segment: Any
) -> None:
    """Python's collector emptied what Qt calls at destruction: a crash."""
    InspectWidget(viewer)  # nobody holds it
    closed = InspectWidget(viewer)
    closed.life.end()
    ref = weakref.ref(closed)
    del closed
    gc.collect()
    qtbot.waitUntil(lambda: ref() is None)
    segment()


def test_nothing_stays_connected(
    viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    before = len(viewer.mouse_move_callbacks), len(viewer.mouse_drag_callbacks)
    widget = opened()
    widget.life.end()
    segment()
    assert widget.result is None
    after = len(viewer.mouse_move_callbacks), len(viewer.mouse_drag_callbacks)
    assert before == after


def test_the_mask_of_a_chosen_result_is_the_one_on_screen(
    qtbot: Any, viewer: ViewerModel, opened: Any, segment: Any, add_result: Any
) -> None:
    image = segment()
    earlier = viewer.layers["mask · image"]
    earlier.data[:5] = 1
    hide(earlier)  # as the next run does to one that was edited by hand
    later = add_result(viewer, image)[-1]
    widget = opened()
    box, said = widget.result_box, widget.preset_description
    assert said.text() == DESCRIPTIONS[Preset.OVERLAY]
    box.setCurrentIndex(1)
    assert widget.result.mask is earlier and said.text() == HIDDEN
    for index, mask, other in ((1, earlier, later), (0, later, earlier)):
        box.setCurrentIndex(index)
        box.activated.emit(index)  # a person chose it
        qtbot.waitUntil(lambda mask=mask: mask.visible)
        assert not other.visible and said.text() == DESCRIPTIONS[Preset.OVERLAY]
    later.visible = False
    assert said.text() == HIDDEN
    # Of two that are both wanted, as Keep both leaves them, none is hidden.
    later.visible = earlier.visible = True
    box.activated.emit(0)
    qtbot.wait(20)
    assert earlier.visible and later.visible
