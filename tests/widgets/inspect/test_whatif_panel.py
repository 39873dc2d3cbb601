"""The what-if panel of the Inspect widget, without a window."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from napari_attnseg._widgets.base.jobs import encode
from napari_attnseg._widgets.base.model_cache import MODELS, ModelCache
from napari_attnseg._widgets.inspect.readout import read_out
from napari_attnseg._widgets.layers.display import add_layers
from napari_attnseg._widgets.layers.metadata import METADATA
from napari_attnseg._widgets.layers.new_layers import explanation_layer, new_layers
from napari_attnseg._widgets.layers.one_map import add_explanation
from napari_attnseg._widgets.layers.runs import find_results
from napari_attnseg._widgets.layers.source import source_of
from napari_attnseg.explanations import explain as explanation_of
from napari_attnseg.whatif import ForcedGates

ADDED = 6  # probability, four gates, mask


def changed(qtbot: Any, panel: Any) -> Any:
    before = panel.change
    qtbot.waitUntil(lambda: panel.change is not before, timeout=20_000)
    return panel.change


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
    layer = viewer.layers["gained and lost · image"]
    assert (layer.data == 1).sum() == change.gained
    assert (layer.data == 2).sum() == change.lost
    assert np.allclose(layer.extent.world, image.extent.world)
    assert f"{change.overlap:.3f}" in panel.message.text()
    assert np.array_equal(viewer.layers["mask · image"].data > 0, change_own(panel) > 0)

    panel.keep()
    kept = viewer.layers[-1]
    assert np.array_equal(kept.data, change.result.mask)
    assert kept.metadata[METADATA]["gates_forced"]["1/4"] == 1.0
    assert len(find_results(viewer.layers)) == 1  # no new run

    panel.reset()
    assert "is not what is compared" not in panel.message.text()
    viewer.layers["mask · image"].data = 1 - np.minimum(change_own(panel), 1)
    assert changed(qtbot, panel).overlap == 1.0
    assert "The mask over the image was changed since" in panel.message.text()
    panel.undo()
    assert changed(qtbot, panel).overlap == change.overlap
    viewer.layers.remove(image)
    assert panel.what_if is None  # features are freed with their image
    assert panel.controls.isHidden() and not panel.message.isHidden()
    assert "not open" in panel.message.text()


def change_own(panel: Any) -> Any:
    return panel.what_if.own.mask


def test_a_brush_forces_psi_where_it_paints(
    qtbot: Any, viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment()
    panel = opened().whatif_panel
    panel.painting.paint_button.click()
    paint = viewer.layers["gate paint · image"]
    assert paint.mode == "paint"
    paint.brush_size = 20
    paint.paint((20, 24), 2)
    paint.events.paint(value=[])  # as at the end of a stroke
    change = changed(qtbot, panel)
    fine = next(g for g in change.result.attention if g.level == 4).values
    assert fine[fine.shape[0] // 2, fine.shape[1] // 2] == 0  # label 2: transformer
    assert change.result.provenance["gates_forced"]["1/4"] == "array"


def test_an_undone_stroke_is_decoded_again(
    qtbot: Any, viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment()
    panel = opened().whatif_panel
    panel.painting.paint_button.click()
    paint = viewer.layers["gate paint · image"]
    paint.brush_size = 20
    paint.paint((20, 24), 2)
    paint.events.paint(value=[])
    assert changed(qtbot, panel).result.provenance["gates_forced"]
    paint.undo()
    qtbot.waitUntil(lambda: not panel.change.result.provenance["gates_forced"])
    before = panel.change
    paint.refresh()  # as when another frame is shown
    QApplication.processEvents()  # it would be decoded as soon as Qt is idle
    assert panel.change is before


def test_a_change_is_kept_once(
    qtbot: Any, viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment()
    panel = opened().whatif_panel
    panel.rows[8].slider.setValue(0.0)
    changed(qtbot, panel)
    panel.keep_button.click()
    count = len(viewer.layers)
    panel.keep_button.click()
    assert len(viewer.layers) == count and not panel.keep_button.isEnabled()
    assert panel.keep_button.text() == "Kept"
    first = panel.change
    panel.rows[8].slider.setValue(1.0)
    qtbot.waitUntil(lambda: panel.change is not first)
    assert panel.keep_button.isEnabled()


def test_a_map_lies_below_the_mask_whatever_is_kept(
    qtbot: Any, viewer: ViewerModel, opened: Any, segment: Any, tiny_segmenter: Any
) -> None:
    source = source_of(segment())
    mask = viewer.layers["mask · image"]
    panel = opened().whatif_panel
    panel.rows[8].slider.setValue(0.0)
    changed(qtbot, panel)
    panel.keep_button.click()
    kept = [layer for layer in viewer.layers if layer.name.startswith("what if")]
    probability, outline = kept
    found = explanation_of(tiny_segmenter, source.frame(0), "entropy")
    add_explanation(viewer, explanation_layer(source, found, 0), "entropy")
    (added,) = [x for x in viewer.layers if x.name.startswith("entropy")]
    place = viewer.layers.index
    assert place(added) < place(mask) < place(outline)
    assert place(probability) < place(mask)  # it too is a map, and may be shown
    assert place("image") < min(place(probability), place(added))


def test_a_map_lies_below_labels_that_the_user_drew_between(
    viewer: ViewerModel, segment: Any, tiny_segmenter: Any
) -> None:
    source = source_of(segment("a"))
    below = viewer.add_labels(np.ones((40, 48), np.uint8), name="drawn")
    viewer.layers.move(viewer.layers.index(below), 3)
    found = explanation_of(tiny_segmenter, source.frame(0), "entropy")
    add_explanation(viewer, explanation_layer(source, found, 0), "entropy")
    (added,) = [x for x in viewer.layers if x.name.startswith("entropy")]
    place = viewer.layers.index
    assert place("a") < place(added) < place(below) < place("mask · a")


def test_the_brush_works_without_a_mouse(
    qtbot: Any, viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment(frames=2)
    viewer.dims.set_point(0, 1)
    widget = opened()
    panel = widget.whatif_panel
    panel.painting.dab_button.click()
    assert "Put a ring first" in panel.message.text()
    qtbot.keyClick(widget.pointing, Qt.Key.Key_Down)
    paint = viewer.layers["gate paint · image"]
    paint.brush_size, paint.selected_label = 20, 2
    panel.painting.dab_button.click()
    assert paint.data[1, 20, 24] == 2 and not paint.data[0].any()
    change = changed(qtbot, panel)
    assert change.result.provenance["gates_forced"]["1/4"] == "array"


@pytest.fixture
def double(weights_of: Callable[[str], Path]) -> Path:
    return weights_of("tiny-double-weighted")


def test_both_gates_of_a_level_have_a_slider_of_their_own(
    qtbot: Any, viewer: ViewerModel, opened: Any, segment: Any, double: Path
) -> None:
    image = segment()
    panel = opened().whatif_panel
    segmenter = MODELS.load(double, "cpu").segmenter
    source = source_of(image)
    add_layers(viewer, new_layers(source, [segmenter(source.frame(0), rgb=True)]))
    result = find_results(viewer.layers)[0]
    panel.set_result(result)
    assert len(panel.rows) == 8 == len(result.gates)
    panel.rows[32, "transformer"].slider.setValue(1.0)
    change = changed(qtbot, panel)
    assert change.result.provenance["gates_forced"] == {"1/32 transformer": 1.0}
    assert "1/32 transformer: psi 0." in read_out(result, (20, 24))
    panel.set_result(find_results(viewer.layers)[1])
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
    # A drag asks many times; napari is told once of a result.
    for psi in (0.9, 0.8):
        panel.message.setText("")
        panel.rows[4].slider.setValue(psi)
        qtbot.waitUntil(lambda: panel.message.text() == messages[0], timeout=20_000)
    assert len(messages) == 1
    panel.set_result(find_results(viewer.layers)[0])
    panel.rows[4].slider.setValue(1.0)
    qtbot.waitUntil(lambda: len(messages) == 2, timeout=20_000)


@pytest.mark.parametrize(
    ("changed_facts", "said"),
    [
        ({"gates_forced": {"1/4": 0.5}}, "forced gates"),
        ({"flip_augmented": True}, "flips"),
        ({"image_sha256": "another"}, "does not hold the pixels"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    viewer: ViewerModel,
    segment: Any,
    models: ModelCache,
    changed_facts: dict[str, Any],
    said: str,
) -> None:
    source = source_of(segment())
    provenance = {**find_results(viewer.layers)[0].record.provenance, **changed_facts}
    assert said in ended(encode(source, 0, provenance, models)).message


def test_results_of_another_machine_run_on_this_one(
    viewer: ViewerModel, segment: Any, models: ModelCache, tiny_weights: Path
) -> None:
    source = source_of(segment())
    sha256 = models.load(tiny_weights, "cpu").segmenter.sha256
    record = find_results(viewer.layers)[0].record
    provenance = {**record.provenance, "device": "cuda:7"}
    what_if = ended(encode(source, 0, provenance, models))
    assert what_if.change(ForcedGates({})).overlap == 1.0
    assert models.find(sha256, "cuda:7") is None and len(models) == 1


def ended(steps: Any) -> Any:
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value


def test_all_layers_may_be_deleted_at_once(
    qtbot: Any, viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    """While napari goes through them, none may go by other means."""
    segment()
    panel = opened().whatif_panel
    panel.rows[32].slider.setValue(1.0)
    changed(qtbot, panel)
    panel.painting.paint_button.click()
    viewer.layers.selection = set(list(viewer.layers)[1:])
    viewer.layers.remove_selected()
    assert [layer.name for layer in viewer.layers] == ["image"]
    assert panel.what_if is None

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
    panel.painting.paint_button.click()
    paint = viewer.layers[-1]
    assert len(viewer.layers) == 1 + ADDED + 4
    widget.life.end()
    names = [layer.name for layer in viewer.layers]
    assert len(names) == 1 + ADDED + 2 and paint not in viewer.layers
    assert "what if 1/32=1.00 · mask · image" in names


def test_nothing_forced_is_no_what_if(
    qtbot: Any, viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment()
    panel = opened().whatif_panel
    panel.rows[8].slider.setValue(0.0)
    changed(qtbot, panel)
    assert panel.keep_button.isEnabled()
    forced, count = panel.change, len(viewer.layers)
    panel.reset_button.click()
    qtbot.waitUntil(lambda: panel.change is not forced)
    assert not panel.keep_button.isEnabled()
    panel.keep()
    assert len(viewer.layers) == count


def test_explanations_are_hidden_while_a_change_is_drawn(
    qtbot: Any, viewer: ViewerModel, opened: Any, segment: Any, tiny_segmenter: Any
) -> None:
    """Green and violet of a map would be read as gained and lost."""
    source = source_of(segment())
    panel = opened().whatif_panel
    panel._unfolded = True  # as if its fold was opened in a window

    def explain(method: str) -> Any:
        found = explanation_of(tiny_segmenter, source.frame(0), method)
        add_explanation(viewer, explanation_layer(source, found, 0), method)
        (new,) = [x for x in viewer.layers if x.name.startswith(method)]
        return new

    first = explain("CNN contribution")
    panel.rows[32].slider.setValue(1.0)
    changed(qtbot, panel)
    drawn = viewer.layers["gained and lost · image"]
    assert drawn.visible and not first.visible
    panel.set_in_front(False)  # where explanations are made
    assert first.visible and not drawn.visible
    panel.set_in_front(True)
    assert drawn.visible and not first.visible
    panel.reset()
    qtbot.waitUntil(lambda: first.visible)
    assert "No gate is forced: nothing is gained or lost" in panel.message.text()
    panel.undo()
    qtbot.waitUntil(lambda: not first.visible)
    assert "Gained (green)" in panel.message.text()
    # The later explanation hides the change; the change it, not the earlier one too.
    second = explain("entropy")
    assert second.visible and not drawn.visible and not first.visible
    panel.rows[32].slider.setValue(0.0)
    changed(qtbot, panel)
    assert drawn.visible and not second.visible
    panel.reset()
    qtbot.waitUntil(lambda: first.visible or second.visible)
    assert second.visible and not first.visible


def test_no_brush_is_left_when_the_dock_closes(
    make_napari_viewer_proxy: Any, qtbot: Any, add_result: Any, tiny_weights: Path
) -> None:
    viewer = make_napari_viewer_proxy(show=True)
    image = viewer.add_image(
        np.random.default_rng(0).integers(0, 255, (40, 48, 3), np.uint8), rgb=True
    )
    *_, mask = add_result(viewer, image)
    add = viewer.window.add_plugin_dock_widget
    dock, widget = add("napari-attnseg", "Inspect side by side")
    widget.whatif_panel.painting.paint_button.click()
    paint = viewer.layers.selection.active
    assert paint.mode == "paint" and viewer.cursor.style == "circle"
    viewer.layers.selection.active = mask
    mask.mode = "paint"
    viewer.window.remove_dock_widget(dock)
    assert paint not in viewer.layers
    assert mask.mode == "pan_zoom" and viewer.cursor.style == "standard"
