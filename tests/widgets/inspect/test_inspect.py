"""The Inspect widget without a window: arrangement and mask."""

import gc
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.utils.theme import get_theme
from qtpy.QtCore import Qt

from napari_attnseg._widgets.inspect import mask_panel
from napari_attnseg._widgets.inspect.cells import CELL_NAME
from napari_attnseg._widgets.inspect.widget import KEY, InspectWidget
from napari_attnseg._widgets.layers.metadata import METADATA
from napari_attnseg._widgets.layers.runs import find_results
from napari_attnseg._widgets.layers.source import IMAGE_FILE

ADDED = 6  # probability, four gates, mask


def mask_of(viewer: ViewerModel, name: str = "image") -> Any:
    return viewer.layers[f"mask · {name}"]


def shown(viewer: ViewerModel) -> list[str]:
    return [layer.name.split(" (")[0] for layer in viewer.layers if layer.visible]


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


def cells(viewer: ViewerModel) -> dict[tuple[int, int], list[str]]:
    """What is in each cell, the lowest layer first."""
    layers, grid = viewer.layers, viewer.canvas.grid
    return {
        position: [layers[i].name.split(" · ")[0] for i in inside]
        for position, inside in grid.iter_viewboxes(layers)
    }


def test_cells_are_full_and_in_reading_order(
    viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment()
    more = viewer.add_points(np.ones((1, 2)), name="more", visible=False)
    grid = viewer.canvas.grid
    grid.stride, grid.shape = 2, (1, 5)
    widget = opened()
    widget.preset_box.setCurrentText("all scales")
    gates = ["gate 1/32", "gate 1/16", "gate 1/8", "gate 1/4"]
    mask = mask_of(viewer)
    expected = [["image", "mask"], *([gate] for gate in gates), ["probability"]]
    assert list(cells(viewer).values()) == expected
    assert mask.contour > 0  # an outline, over the image
    # What somebody shows and hides fits too.
    more.visible = True
    assert all(cells(viewer).values())
    assert mask.contour == 0 and ["mask"] in cells(viewer).values()
    more.visible = False
    for layer in viewer.layers:
        layer.visible = layer.visible and "1/4" not in layer.name
    assert all(cells(viewer).values())
    widget.preset_box.setCurrentText("overlay")
    assert (grid.stride, tuple(grid.shape)) == (2, (1, 5))


@pytest.mark.parametrize(
    "size",
    [(1030, 1184), (700, 620), (650, 1000), (400, 1500), (1400, 500), (300, 300)],
)
def test_the_first_cell_is_the_outlined_image_in_every_window(
    viewer: ViewerModel, opened: Any, segment: Any, size: tuple[int, int]
) -> None:
    segment()
    viewer.canvas.size = size
    widget = opened()
    for preset, others in (
        ("at a glance", ["gate 1/32", "gate 1/16"]),
        ("published style", ["gate 1/32", "gate 1/16", "gate 1/8", "gate 1/4"]),
        ("all scales", ["gate 1/32", "gate 1/16", "gate 1/8", "gate 1/4"]),
    ):
        widget.preset_box.setCurrentText(preset)
        last = [] if preset == "at a glance" else [["probability"]]
        assert list(cells(viewer).values()) == [
            ["image", "mask"],
            *([name] for name in others),
            *last,
        ]
        assert mask_of(viewer).contour > 0 and viewer.layers["image"].visible
        said = widget.preset_description.text()
        assert said.startswith("Side by side: the image with the outline of the mask")
        assert ("probability" in said) == bool(last)


def test_layers_are_arranged_while_there_are_no_cells(
    viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    """With cells, napari builds all of them anew for each layer: seconds."""
    segment()
    camera, grid = viewer.scene.camera, viewer.canvas.grid
    camera.center, camera.zoom = (0, 7, 9), 3.0
    widget = opened()
    costly: list[str] = []

    def see(event: Any) -> None:
        if grid.enabled:
            costly.append(event.source.name)

    for layer in viewer.layers:
        layer.events.visible.connect(see)
    for preset in ("at a glance", "published style", "all scales", "at a glance"):
        widget.preset_box.setCurrentText(preset)
        assert grid.enabled and widget.preset_box.currentText() == preset
    widget.preset_box.setCurrentText("overlay")
    assert costly == [] and not grid.enabled
    assert tuple(camera.center) == (0, 7, 9) and camera.zoom == 3.0


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


def test_closing_leaves_a_grid_that_was_there(
    viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment()
    viewer.canvas.grid.enabled = True
    widget = opened()
    widget.preset_box.setCurrentText("all scales")
    assert mask_of(viewer).contour == 0  # alone in a cell of theirs
    widget.life.end()
    assert viewer.canvas.grid.enabled and mask_of(viewer).contour > 0


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


# -- mask ----------------------------------------------------------------------------


def test_threshold_remakes_the_mask_and_undo_gives_it_back(
    qtbot: Any, viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment()
    panel = opened().mask_panel
    own_threshold = panel.threshold.value()
    own = mask_of(viewer).data.copy()
    probability = viewer.layers["probability · image"].data
    cut = float(np.quantile(probability, 0.8))
    for step in (0.1, 0.3, cut):  # one drag
        panel.threshold.setValue(step)
    cut = panel.threshold.value()
    qtbot.waitUntil(
        lambda: np.array_equal(mask_of(viewer).data, probability >= cut), timeout=2000
    )
    area = int((probability >= cut).sum())
    assert panel.size_label.text().endswith(f" ({area:,} px)")
    qtbot.waitUntil(lambda: panel.settled)
    panel.largest.setChecked(True)
    qtbot.waitUntil(lambda: panel.size_label.text().startswith("1 object, "))
    panel.undo()
    assert np.array_equal(mask_of(viewer).data, probability >= cut)
    panel.undo()
    assert np.array_equal(mask_of(viewer).data, own)
    assert panel.threshold.value() == pytest.approx(own_threshold, abs=1e-3)
    assert not panel.undo_button.isEnabled()


@pytest.mark.parametrize("answer", [mask_panel.COPY, mask_panel.STOP])
def test_edits_by_hand_are_never_lost_unasked(
    viewer: ViewerModel,
    opened: Any,
    segment: Any,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
) -> None:
    segment()
    mask = mask_of(viewer)
    mask.data[:5] = 7  # painted before the widget was opened
    edited = mask.data.copy()
    panel = opened().mask_panel
    before = panel.threshold.value()
    monkeypatch.setattr(panel, "ask_about_edits", lambda: answer)
    panel.threshold.setValue(0.3)
    panel.finish()
    if answer == mask_panel.STOP:
        assert np.array_equal(mask.data, edited)
        assert panel.threshold.value() == before
        return
    probability = viewer.layers["probability · image"].data
    assert np.array_equal(mask.data, probability >= 0.3)
    assert np.array_equal(viewer.layers["edited · mask · image"].data, edited)
    assert len(find_results(viewer.layers)) == 1


def test_a_stack_changes_in_every_frame(
    qtbot: Any, viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment(frames=3)
    panel = opened().mask_panel
    assert not panel.edited
    viewer.dims.set_current_step(0, 1)
    probability = viewer.layers["probability · image"].data
    panel.threshold.setValue(0.4)
    expected = probability.astype(np.float32) >= 0.4
    qtbot.waitUntil(lambda: np.array_equal(mask_of(viewer).data[1], expected[1]))
    qtbot.waitUntil(lambda: np.array_equal(mask_of(viewer).data, expected))


# -- read-out ------------------------------------------------------------------------


def test_what_is_painted_while_a_stack_is_remade_stays(
    viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment(frames=4)
    widget = opened()
    panel, mask = widget.mask_panel, mask_of(viewer)
    panel.threshold.setValue(0.4)
    panel.apply()
    mask.data[2, :5, :5] = 7
    panel.finish()
    assert (mask.data[2, :5, :5] == 7).all()
    probability = viewer.layers["probability · image"].data.astype(np.float32)
    for frame in (0, 1, 3):
        assert np.array_equal(mask.data[frame], probability[frame] >= 0.4)
    assert panel.edited


@pytest.mark.parametrize("how", ["scrolled", "closed", "another result"])
def test_every_frame_gets_the_rules_that_the_layer_names(
    viewer: ViewerModel, opened: Any, segment: Any, how: str
) -> None:
    segment("stack", frames=4)
    widget = opened()
    mask = mask_of(viewer, "stack")
    widget.mask_panel.threshold.setValue(0.4)
    widget.mask_panel.apply()
    if how == "scrolled":
        viewer.dims.set_current_step(0, 2)
        widget.mask_panel.settle()
        widget.mask_panel.finish()
    elif how == "closed":
        widget.life.end()
    else:
        segment("b")
    probability = viewer.layers["probability · stack"].data.astype(np.float32)
    assert np.array_equal(mask.data, probability >= 0.4)


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


def test_side_by_side_and_back_shows_what_was_shown(
    viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment()
    widget = opened()
    panel = widget.whatif_panel
    panel.painting.paint_button.click()
    viewer.layers["gate 1/8 · image"].visible = True
    before = shown(viewer)
    widget.toggle()
    widget.preset_box.setCurrentText("at a glance")
    assert "gate paint · image" not in shown(viewer)
    widget.toggle()
    assert shown(viewer) == before
    paint = viewer.layers["gate paint · image"]
    paint.visible = False
    panel.painting.paint_button.click()
    assert paint.visible and paint.mode == "paint"


def test_sliders_move_by_keys(
    qtbot: Any, viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    """The threshold is a slider's only control; superqt's takes no keys."""
    segment()
    widget = opened()
    slider = widget.mask_panel.threshold
    slider.setValue(0.5)
    qtbot.keyClick(slider.bar, Qt.Key.Key_Right)
    assert slider.value() == pytest.approx(0.51)
    qtbot.keyClick(slider.bar, Qt.Key.Key_PageDown)
    assert slider.value() == pytest.approx(0.41)
    qtbot.keyClick(slider.bar, Qt.Key.Key_End)
    assert slider.value() == 1
    qtbot.waitUntil(lambda: not mask_of(viewer).data.any())
    slider = widget.whatif_panel.rows[32].slider
    qtbot.keyClick(slider.bar, Qt.Key.Key_Home)
    assert widget.whatif_panel.forced == {32: 0.0}


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


def test_a_result_that_is_chosen_again_has_the_rules_of_its_mask(
    viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment("a")
    segment("b")
    widget = opened()
    panel = widget.mask_panel
    own = panel.threshold.value()
    panel.threshold.setValue(0.9)
    panel.finish()
    widget.result_box.setCurrentIndex(1)
    assert panel.threshold.value() == pytest.approx(own)
    widget.result_box.setCurrentIndex(0)
    assert panel.threshold.value() == pytest.approx(0.9) and not panel.edited


def test_cells_say_first_what_tells_them_apart(
    viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment("an image with a name of many letters")
    names = {layer.unique_id: layer.name for layer in viewer.layers}
    for layer in viewer.layers:
        if layer.name.startswith("gate"):
            layer.metadata[METADATA]["pattern"] = "decorative"
    widget = opened()
    widget.toggle()
    beside = [layer.name for layer in viewer.layers][1:-1]  # without image and mask
    assert [name[:9] for name in beside[1:]] == [
        "gate 1/4 ",
        "gate 1/8 ",
        "gate 1/16",
        "gate 1/32",
    ]
    assert all("decorative" in name for name in beside[1:])
    assert max(map(len, beside)) <= CELL_NAME
    widget.toggle()
    assert names == {layer.unique_id: layer.name for layer in viewer.layers}


def test_thumbnails_stay_bright_after_side_by_side(
    viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment()
    widget = opened()
    for preset in ("all scales", "at a glance", "published style"):
        widget.preset_box.setCurrentText(preset)
        widget.preset_box.setCurrentText("overlay")
        gates = [layer for layer in viewer.layers if layer.name.startswith("gate")]
        assert all(gate.opacity < 0.5 for gate in gates)
        assert min(gate.thumbnail[..., :3].max() for gate in gates) > 120
