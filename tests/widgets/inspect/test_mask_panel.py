"""The Inspect widget's mask panel without a window: threshold and rules."""

from typing import Any

import numpy as np
import pytest
from inspecting import mask_of
from napari.components import ViewerModel
from qtpy.QtCore import Qt

from napari_attnseg._widgets.inspect import mask_panel
from napari_attnseg._widgets.layers.runs import find_results

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


def test_a_hidden_mask_is_told_of_whatever_changes_it(
    qtbot: Any, viewer: ViewerModel, opened: Any, segment: Any, mouse: Any
) -> None:
    segment()
    widget, mask = opened(), mask_of(viewer)
    panel, at = widget.mask_panel, (3, 3)
    own, mouse_at = mask.data.copy(), tuple(float(i) for i in at)
    mouse.click(mouse_at)
    before, read = panel.size_label.text(), widget.pointing.held.text()
    with mask.block_history():
        mask.paint(at, 1 - int(own[at]))
    qtbot.waitUntil(lambda: "Edited by hand." in panel.size_label.text())
    edited, read_then = panel.size_label.text(), widget.pointing.held.text()
    assert read_then != read
    # By napari's keys, which reach a hidden layer, and by what others set.
    mask.visible = False
    for change, text in (
        (mask.undo, before),
        (mask.redo, edited),
        (lambda: setattr(mask, "data", own.copy()), before),
    ):
        change()
        qtbot.waitUntil(lambda text=text: panel.size_label.text() == text, timeout=2000)
    assert widget.pointing.held.text() == read
