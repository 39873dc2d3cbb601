"""The Inspect widget without a window: arrangement, mask, what-if, read-out."""

import gc
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.utils.theme import get_theme
from qtpy.QtCore import Qt

from napari_attnseg import Segmenter
from napari_attnseg._widgets import mask_panel
from napari_attnseg._widgets.cases import find_cases
from napari_attnseg._widgets.inspect import KEY, InspectWidget
from napari_attnseg._widgets.layers import METADATA, new_layers, source_of
from napari_attnseg._widgets.readout import read_out
from napari_attnseg._widgets.viewing import add_layers
from napari_attnseg._widgets.worker import Loaded

ADDED = 6  # probability, four gates, mask


@pytest.fixture
def segment(tiny_weights: Path, viewer: ViewerModel) -> Callable[..., Any]:
    """Add an image and its result, as the Segment widget does."""
    segmenter = Segmenter.from_checkpoint(tiny_weights, "cpu")
    noise = np.random.default_rng(0).integers(0, 255, (40, 48, 3), np.uint8)
    middle = round(float(np.median(segmenter(noise).probability)), 3)
    segmenter = replace(segmenter, card=replace(segmenter.card, threshold=middle))

    def add(name: str = "image", frames: int = 0, **options: Any) -> Any:
        rng = np.random.default_rng(len(viewer.layers))
        shape = (frames, 40, 48, 3) if frames else (40, 48, 3)
        data = rng.integers(0, 255, shape, np.uint8)
        layer = viewer.add_image(data, name=name, rgb=True, **options)
        source = source_of(layer)
        results = [segmenter(source.frame(i), rgb=True) for i in range(frames or 1)]
        add_layers(viewer, new_layers(source, results))
        return layer

    return add


@pytest.fixture
def opened(
    qtbot: Any, viewer: ViewerModel, tiny_weights: Path
) -> Callable[[], InspectWidget]:
    kept = []  # a window would hold it; without one it is garbage, children and all

    def open_() -> InspectWidget:
        widget = InspectWidget(viewer)
        kept.append(widget)
        qtbot.addWidget(widget)
        # As after a run of the Segment widget in this session.
        found = Segmenter.from_checkpoint(tiny_weights, "cpu")
        widget.whatif_panel._loaded = Loaded(
            tiny_weights, tiny_weights.stat().st_mtime_ns, "cpu", found
        )
        return widget

    return open_


def mask_of(viewer: ViewerModel, name: str = "image") -> Any:
    return viewer.layers[f"{name} · mask"]


def shown(viewer: ViewerModel) -> list[str]:
    return [layer.name.split(" (")[0] for layer in viewer.layers if layer.visible]


def test_says_what_to_do_first(opened: Any, segment: Any) -> None:
    widget = opened()
    assert not widget.hint.isHidden() and widget.body.isHidden()
    segment()
    assert widget.hint.isHidden() and not widget.body.isHidden()
    assert widget.case_box.currentText() == "image · tiny"


def test_finds_each_run_and_follows_the_layers(
    viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment("a")
    widget = opened()
    segment("b")
    assert widget.case.facts["source"] == "b"  # the latest
    assert [case.facts["source"] for case in find_cases(viewer.layers)] == ["b", "a"]
    for layer in widget.case.layers:
        viewer.layers.remove(layer)
    assert widget.case.facts["source"] == "a"
    viewer.layers.clear()
    assert widget.case is None and not widget.hint.isHidden()


def test_presets(viewer: ViewerModel, opened: Any, segment: Any) -> None:
    segment()
    mine = viewer.add_image(np.zeros((9, 9)), name="mine", visible=False)
    widget = opened()
    gate = viewer.layers["image · gate 1/32 (transformer ↔ CNN)"]
    colours = gate.colormap.name

    widget.preset_box.setCurrentText("at a glance")
    assert viewer.canvas.grid.enabled and viewer.canvas.overlays.scale_bar.visible
    assert shown(viewer) == [
        "image",
        "image · gate 1/16",
        "image · gate 1/32",
        "image · mask",
    ]
    assert gate.name_overlay.visible and gate.colorbar.visible

    widget.preset_box.setCurrentText("all scales")
    assert len(shown(viewer)) == 1 + ADDED and not mine.visible
    gate.contrast_limits = (0.2, 0.9)
    other = viewer.layers["image · gate 1/4 (transformer ↔ CNN)"]
    assert tuple(other.contrast_limits) == (0.2, 0.9)  # linked

    widget.preset_box.setCurrentText("published style")
    assert tuple(gate.contrast_limits) == (gate.data.min(), gate.data.max())
    # 1 − psi in jet: the lowest psi has the highest colour, which is red.
    red, _, blue, _ = gate.colormap.colors[0]
    assert red > 0.4 and blue < 0.1
    assert "relative" in widget.preset_words.text()
    assert "decoration" not in widget.preset_words.text()
    gate.metadata[METADATA]["decorative"] = True
    widget.preset_box.setCurrentText("all scales")
    assert "decoration" in widget.preset_words.text()

    widget.toggle()
    assert shown(viewer) == ["image", "image · mask"]
    assert not viewer.canvas.grid.enabled
    assert not viewer.canvas.overlays.scale_bar.visible
    assert gate.colormap.name == colours and tuple(gate.contrast_limits) == (0, 1)
    gate.contrast_limits = (0.1, 1)
    assert tuple(other.contrast_limits) == (0, 1)  # no longer linked


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
    widget._life.end()
    assert KEY not in map(str, viewer.keymap)


def test_closing_brings_the_overlay_back(
    viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment()
    camera = viewer.scene.camera
    camera.center, camera.zoom = (0, 7, 9), 3.0
    widget = opened()
    widget.preset_box.setCurrentText("published style")
    widget._life.end()
    assert shown(viewer) == ["image", "image · mask"]
    assert not viewer.canvas.grid.enabled
    assert not viewer.canvas.overlays.scale_bar.visible
    assert tuple(camera.center) == (0, 7, 9) and camera.zoom == 3.0
    gate = viewer.layers["image · gate 1/32 (transformer ↔ CNN)"]
    assert tuple(gate.contrast_limits) == (0, 1) and not gate.name_overlay.visible


def test_closing_leaves_a_grid_that_was_there(
    viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment()
    viewer.canvas.grid.enabled = True
    widget = opened()
    widget.preset_box.setCurrentText("all scales")
    widget._life.end()
    assert viewer.canvas.grid.enabled


def test_closing_after_the_results_went(
    viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment()
    widget = opened()
    widget.toggle()
    viewer.layers.clear()
    assert not viewer.canvas.grid.enabled
    widget._life.end()


def test_a_key_of_somebody_else_stays_theirs(
    viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    pressed = []
    viewer.bind_key(KEY, pressed.append)
    opened()._life.end()
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
    probability = viewer.layers["image · probability"].data
    cut = float(np.quantile(probability, 0.8))
    for step in (0.1, 0.3, cut):  # one drag
        panel.threshold.setValue(step)
    cut = panel.threshold.value()
    qtbot.waitUntil(
        lambda: np.array_equal(mask_of(viewer).data, probability >= cut), timeout=2000
    )
    area = int((probability >= cut).sum())
    assert panel.size_words.text().startswith(f"{area:,} px (")
    qtbot.waitUntil(lambda: panel._history.settled)
    panel.largest.setChecked(True)
    qtbot.waitUntil(lambda: panel.size_words.text().endswith(", 1 object"))
    panel.undo()
    assert np.array_equal(mask_of(viewer).data, probability >= cut)
    panel.undo()
    assert np.array_equal(mask_of(viewer).data, own)
    assert panel.threshold.value() == pytest.approx(own_threshold, abs=1e-3)
    assert not panel.undo_button.isEnabled()


@pytest.mark.parametrize("answer", [mask_panel.COPY, mask_panel.STOP])
def test_edits_by_hand_are_never_lost_unasked(
    qtbot: Any,
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
    qtbot.wait(50)
    if answer == mask_panel.STOP:
        assert np.array_equal(mask.data, edited)
        assert panel.threshold.value() == before
        return
    probability = viewer.layers["image · probability"].data
    assert np.array_equal(mask.data, probability >= 0.3)
    assert np.array_equal(viewer.layers["image · mask (edited)"].data, edited)
    assert len(find_cases(viewer.layers)) == 1


def test_a_stack_changes_in_every_frame(
    qtbot: Any, viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment(frames=3)
    panel = opened().mask_panel
    assert not panel._editor.edited(range(3))
    viewer.dims.set_current_step(0, 1)
    probability = viewer.layers["image · probability"].data
    panel.threshold.setValue(0.4)
    expected = probability.astype(np.float32) >= 0.4
    qtbot.waitUntil(lambda: np.array_equal(mask_of(viewer).data[1], expected[1]))
    qtbot.waitUntil(lambda: np.array_equal(mask_of(viewer).data, expected))


# -- what if -------------------------------------------------------------------------


def changed(qtbot: Any, panel: Any) -> Any:
    before = panel._change
    qtbot.waitUntil(lambda: panel._change is not before, timeout=20_000)
    return panel._change


def test_what_if_shows_what_is_gained_and_lost(
    qtbot: Any, viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    image = segment(scale=(2, 3), translate=(10, 20))
    widget = opened()
    panel = widget.whatif_panel
    for stride in (4, 8, 16, 32):
        panel.rows[stride].slider.setValue(1.0)
    change = changed(qtbot, panel)
    assert set(change.result.provenance["gates_forced"]) == {
        f"1/{s}" for s in (4, 8, 16, 32)
    }
    layer = viewer.layers["image · what if (green gained, pink lost)"]
    assert (layer.data == 1).sum() == change.gained
    assert (layer.data == 2).sum() == change.lost
    assert np.allclose(layer.extent.world, image.extent.world)
    assert f"{change.overlap:.3f}" in panel.said.text()
    assert np.array_equal(mask_of(viewer).data > 0, change_own(panel) > 0)

    panel.keep()
    kept = viewer.layers[-1]
    assert np.array_equal(kept.data, change.result.mask)
    assert kept.metadata[METADATA]["gates_forced"]["1/4"] == 1.0
    assert len(find_cases(viewer.layers)) == 1  # no new run

    panel.reset()
    assert changed(qtbot, panel).overlap == 1.0
    panel.undo()
    assert changed(qtbot, panel).overlap == change.overlap
    viewer.layers.remove(image)
    assert panel._encoded.what_if is None  # features are freed with their image
    assert not panel.controls.isEnabled() and panel.said.isEnabled()
    assert "not open" in panel.said.text()


def change_own(panel: Any) -> Any:
    return panel._encoded.what_if.own.mask


def test_a_brush_forces_psi_where_it_paints(
    qtbot: Any, viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment()
    panel = opened().whatif_panel
    panel.paint_button.click()
    paint = viewer.layers["image · gate paint"]
    assert paint.mode == "paint"
    paint.brush_size = 20
    paint.paint((20, 24), 2)
    paint.events.paint(value=[])  # as at the end of a stroke
    change = changed(qtbot, panel)
    fine = next(g for g in change.result.attention if g.level == 4).values
    assert fine[fine.shape[0] // 2, fine.shape[1] // 2] == 0  # label 2: transformer
    assert change.result.provenance["gates_forced"]["1/4"] == "array"


@pytest.fixture
def double(weights_of: Callable[[str], Path]) -> Path:
    return weights_of("tiny-double-weighted")


def test_both_gates_of_a_level_have_a_slider_of_their_own(
    qtbot: Any, viewer: ViewerModel, opened: Any, segment: Any, double: Path
) -> None:
    image = segment()
    panel = opened().whatif_panel
    segmenter = Segmenter.from_checkpoint(double, "cpu")
    source = source_of(image)
    add_layers(viewer, new_layers(source, [segmenter(source.frame(0), rgb=True)]))
    case = find_cases(viewer.layers)[0]
    panel._loaded = Loaded(double, double.stat().st_mtime_ns, "cpu", segmenter)
    panel.set_case(case)
    assert len(panel.rows) == 8 == len(case.gates)
    panel.rows[32, "transformer"].slider.setValue(1.0)
    change = changed(qtbot, panel)
    assert change.result.provenance["gates_forced"] == {"1/32 transformer": 1.0}
    assert "1/32 transformer 0." in read_out(case, (20, 24))
    panel.set_case(find_cases(viewer.layers)[1])
    assert list(panel.rows) == [32, 16, 8, 4]


def test_weights_that_are_gone_are_said(
    qtbot: Any, viewer: ViewerModel, opened: Any, segment: Any, messages: list[str]
) -> None:
    segment()
    for layer in viewer.layers:
        if METADATA in layer.metadata:
            layer.metadata[METADATA]["weights_sha256"] = "0" * 64
    panel = opened().whatif_panel
    panel.rows[4].slider.setValue(1.0)
    qtbot.waitUntil(lambda: bool(messages), timeout=20_000)
    assert "segment the image with them again" in messages[0]
    assert panel.forced == {}


# -- read-out ------------------------------------------------------------------------


def test_the_reading_names_what_is_there(
    viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment(scale=(2, 2), translate=(100, 0))
    (case,) = find_cases(viewer.layers)
    at = (30, 40)
    text = read_out(case, (100 + 2 * 30, 2 * 40))
    p = viewer.layers["image · probability"].data[at]
    gate = viewer.layers["image · gate 1/4 (transformer ↔ CNN)"].data
    rows, columns = (int(i * n / m) for i, n, m in zip(at, gate.shape, (40, 48)))
    psi = gate[rows, columns]
    side = "CNN" if psi > 0.5 else "transformer"
    assert text.startswith(f"row 30, column 40 · probability {p:.2f} · ")
    assert f"1/4 {side} {psi:.2f}" in text
    inside = mask_of(viewer).data[at]
    assert ("not in the mask" in text) == (not inside)
    assert read_out(case, (0, 0)) == ""


def test_a_click_holds_the_reading_and_a_drag_does_not(
    viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment()
    widget = opened()  # kept: Qt deletes a window that nobody holds
    pointing = widget.pointing
    event = SimpleNamespace(position=(10.0, 12.0), type="mouse_press")

    def press(moves: int) -> None:
        steps = pointing._press(event)
        next(steps)
        for _ in range(moves):
            event.type = "mouse_move"
            next(steps)
        event.type = "mouse_release"
        next(steps, None)

    press(moves=2)
    assert pointing.held.isHidden()
    press(moves=0)
    assert "row 10, column 12" in pointing.held.text()
    pointing._move(SimpleNamespace(position=(1.0, 2.0)))
    assert "row 1, column 2" in pointing.now.text()
    assert "row 10, column 12" in pointing.held.text()


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


def test_all_layers_may_be_deleted_at_once(
    qtbot: Any, viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    """While napari goes through them, none may go by other means."""
    segment()
    panel = opened().whatif_panel
    panel.rows[32].slider.setValue(1.0)
    changed(qtbot, panel)
    panel.paint_button.click()
    viewer.layers.selection = set(list(viewer.layers)[1:])
    viewer.layers.remove_selected()
    assert [layer.name for layer in viewer.layers] == ["image"]
    assert panel._encoded.what_if is None

    segment("second")
    panel.rows[32].slider.setValue(1.0)
    changed(qtbot, panel)
    viewer.layers.remove(viewer.layers["second"])
    qtbot.waitUntil(lambda: not any("what if" in x.name for x in viewer.layers))


def test_closing_takes_away_what_is_not_kept(
    qtbot: Any, viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    """Paint without its panel would do nothing; a change would be of nothing."""
    segment()
    widget = opened()
    panel = widget.whatif_panel
    panel.rows[32].slider.setValue(1.0)
    changed(qtbot, panel)
    panel.keep()
    panel.paint_button.click()
    paint = viewer.layers[-1]
    assert len(viewer.layers) == 1 + ADDED + 4
    widget._life.end()
    names = [layer.name for layer in viewer.layers]
    assert len(names) == 1 + ADDED + 2 and paint not in viewer.layers
    assert "image · mask, what if 1/32=1.00" in names


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
    widget._life.end()
    viewer.theme = "light"
    assert widget.styleSheet() == before


def test_a_widget_may_be_collected(
    qtbot: Any, viewer: ViewerModel, segment: Any
) -> None:
    """Python's collector emptied what Qt calls at destruction: a crash."""
    InspectWidget(viewer)  # nobody holds it
    closed = InspectWidget(viewer)
    closed._life.end()
    ref = weakref.ref(closed)
    del closed
    gc.collect()
    qtbot.wait(10)
    assert ref() is None
    segment()


def test_nothing_stays_connected(
    viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    before = len(viewer.mouse_move_callbacks), len(viewer.mouse_drag_callbacks)
    widget = opened()
    widget._life.end()
    segment()
    assert widget.case is None
    after = len(viewer.mouse_move_callbacks), len(viewer.mouse_drag_callbacks)
    assert before == after
