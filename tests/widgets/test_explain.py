"""The Explain widget's wiring, on a viewer without a window."""

import dataclasses
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_attnseg import Segmenter
from napari_attnseg._widgets.base.pace import Pace, expected_seconds
from napari_attnseg._widgets.base.run_bar import CANCELLING
from napari_attnseg._widgets.base.scroll import WIDTH, VerticalScroll
from napari_attnseg._widgets.explain import OTHER_WEIGHTS, OWN_MASK, ExplainWidget
from napari_attnseg._widgets.inspect.marker import Mark
from napari_attnseg._widgets.layers.metadata import METADATA, metadata_of, record_of
from napari_attnseg._widgets.layers.own_image import looked_at
from napari_attnseg._widgets.layers.record import Derivation
from napari_attnseg._widgets.layers.runs import find_results
from napari_attnseg.cards import read_card
from napari_attnseg.explanations import EXPLAINERS, explain
from napari_attnseg.gate_words import pattern_sentence
from napari_attnseg.models.decoder import UnetDecoder
from napari_attnseg.results import NOT_MEASURED, PatternValue
from napari_attnseg.weights import DEFAULT_WEIGHTS, bundled_weights

IMAGE = np.random.default_rng(0).integers(0, 255, (40, 56), dtype=np.uint8)


@pytest.fixture
def widget(viewer: ViewerModel, qtbot: Any, tiny_weights: Path) -> ExplainWidget:
    widget = ExplainWidget(viewer)
    qtbot.addWidget(widget)
    qtbot.waitUntil(lambda: widget.method_box.count() > 0, timeout=60_000)
    qtbot.waitUntil(lambda: widget.inputs.device_box.count() > 1, timeout=60_000)
    widget.inputs.use_weights(tiny_weights)
    return widget


def run(widget: ExplainWidget, qtbot: Any) -> None:
    widget.start()
    qtbot.waitUntil(lambda: widget.life.worker is None, timeout=60_000)


def test_a_map_is_added_over_its_image(
    widget: ExplainWidget, viewer: ViewerModel, qtbot: Any, tiny_segmenter: Segmenter
) -> None:
    assert not widget.bar.start_button.isEnabled()
    image = viewer.add_image(IMAGE, name="a", scale=(2, 3), rotate=20)
    assert widget.bar.start_button.isEnabled()
    widget.method_box.setCurrentText("measured trust")
    widget.level_box.setCurrentText("1/8")
    assert widget.meaning.text() == EXPLAINERS["measured trust"].meaning
    assert widget.gate_card.text() == NOT_MEASURED
    run(widget, qtbot)
    layer = viewer.layers["measured trust 1/8 · a"]
    expected = explain(tiny_segmenter, IMAGE, "measured trust", 8)
    np.testing.assert_array_equal(layer.data, expected.values)
    low, high = layer.contrast_limits
    assert low == -high and high == pytest.approx(np.abs(layer.data).max())
    assert layer.metadata[METADATA]["shows"] == widget.meaning.text()
    for corner in ((0, 0), (0, 1), (1, 1)):
        np.testing.assert_allclose(
            layer.data_to_world(np.array(corner) * layer.data.shape - 0.5),
            image.data_to_world(np.array(corner) * IMAGE.shape - 0.5),
        )
    assert viewer.layers.selection.active is image
    # Of an image that is hidden, or covered by another, the map is seen too.
    image.visible = False
    run(widget, qtbot)
    assert image.visible and viewer.layers["measured trust 1/8 · a"].visible
    viewer.add_image(IMAGE, name="b", scale=(2, 3), rotate=20)
    widget.inputs.image_box.setCurrentText("a")
    run(widget, qtbot)
    assert looked_at(viewer.layers) == [image]


def test_a_long_name_neither_widens_the_dock_nor_scrolls_it_sideways(
    widget: ExplainWidget, viewer: ViewerModel, qtbot: Any
) -> None:
    scroll = widget.findChild(VerticalScroll)
    widget.method_box.setCurrentText("CNN contribution")
    viewer.add_image(IMAGE, name="a name of an image " * 8)
    viewer.add_labels(np.ones(IMAGE.shape, int), name="a name of a what-if " * 8)
    widget.show()
    qtbot.waitExposed(widget)
    assert scroll.minimumSizeHint().width() <= WIDTH
    # Also where it is narrower than its parts want to be.
    scroll.setFixedWidth(150)
    qtbot.waitUntil(lambda: scroll.widget().width() <= 150)
    assert scroll.horizontalScrollBar().maximum() == 0


def test_the_target_is_the_selected_label(
    widget: ExplainWidget, viewer: ViewerModel, qtbot: Any, messages: list[str]
) -> None:
    viewer.add_image(IMAGE, name="a")
    labels = viewer.add_labels(np.zeros(IMAGE.shape, int), name="painted")
    labels.data[5:20, 10:30] = 3
    offered = [widget.target_box.itemText(i) for i in range(widget.target_box.count())]
    assert offered == [OWN_MASK, "selected label of painted"]
    widget.target_box.setCurrentIndex(1)
    widget.method_box.setCurrentText("CNN contribution")
    labels.selected_label = 2
    widget.start()
    assert widget.life.worker is None and "is 2" in messages[-1]
    labels.selected_label = 3
    run(widget, qtbot)
    found = viewer.layers["CNN contribution 1/32 · a"]
    assert found.metadata[METADATA]["target"] == "a given region"
    viewer.layers.remove(labels)
    assert widget.target_box.currentText() == OWN_MASK


def test_a_map_around_0_shows_the_image_and_leaves_the_outline_on_top(
    widget: ExplainWidget, viewer: ViewerModel, qtbot: Any, segment: Any
) -> None:
    segment("a")
    outline = viewer.layers[-1]
    widget.method_box.setCurrentText("CNN contribution")
    said = widget.colours.text()
    assert said.startswith("Green: speaks for the target") and "Violet: " in said
    assert "against" in said
    run(widget, qtbot)
    assert viewer.layers[-1] is outline
    layer = viewer.layers[-2]
    below, zero, above = layer.colormap.map(np.array([0.0, 0.5, 1.0]))
    assert zero[3] < 0.01 and below[3] == above[3] == 1
    assert below[2] > below[1] and above[1] > above[0]  # violet, green
    near = layer.colormap.map(np.array([0.4, 0.6]))
    assert (near[:, 3] > 0.3).all() and layer.opacity > 0.8  # seen, and not dimmed
    grey = np.unique(layer.colorbar.box_color[:3])  # where the bar is transparent
    assert len(grey) == 1 and 0.3 < grey[0] < 0.7
    assert widget.gate_description.text().startswith(
        "The gate map of 1/32, which is not this map, was never measured"
    )
    assert widget.colours.text() == said
    # Of the map that is seen, until another one has been made.
    widget.method_box.setCurrentText("gate")
    assert widget.colours.text() == f"Seen now: CNN contribution. {said}"
    layer.visible = False
    assert widget.colours.text() == ""


def test_a_mask_of_other_weights_is_told_beside_a_map(
    widget: ExplainWidget,
    viewer: ViewerModel,
    qtbot: Any,
    segment: Any,
    messages: list[str],
) -> None:
    segment("a")
    widget.method_box.setCurrentText("CNN contribution")
    run(widget, qtbot)
    assert OTHER_WEIGHTS not in messages
    for layer in viewer.layers:
        if METADATA in layer.metadata:
            layer.metadata[METADATA]["weights_sha256"] = "0" * 64
    run(widget, qtbot)
    assert OTHER_WEIGHTS in messages


def test_a_map_lies_below_the_outline_although_a_reading_is_held(
    widget: ExplainWidget, viewer: ViewerModel, qtbot: Any, segment: Any
) -> None:
    segment("a")
    outline = viewer.layers[-1]
    (result,) = find_results(viewer.layers)
    Mark(viewer).put(result, (5.0, 5.0), True)
    ring = viewer.layers[-1]
    assert ring is not outline
    widget.method_box.setCurrentText("CNN contribution")
    run(widget, qtbot)
    order = list(viewer.layers)
    added = viewer.layers["CNN contribution 1/32 · a"]
    assert order.index(added) < order.index(outline) < order.index(ring)


def test_one_map_is_seen_at_a_time(
    widget: ExplainWidget, viewer: ViewerModel, qtbot: Any, segment: Any
) -> None:
    segment("a")
    outline = viewer.layers[-1]
    record = record_of(outline)
    assert record is not None
    fills = [
        viewer.add_labels(
            np.ones((40, 48), np.uint8), metadata=metadata_of(record.derived(made))
        )
        for made in (Derivation.READER, Derivation.CHANGE)
    ]

    def seen() -> list[str]:
        explained = (x for x in viewer.layers if "attnseg map" in x.metadata)
        return [layer.name for layer in explained if layer.visible]

    widget.method_box.setCurrentText("entropy")
    run(widget, qtbot)
    assert seen() == ["entropy · a"]
    assert outline.visible and not any(fill.visible for fill in fills)
    widget.method_box.setCurrentText("measured trust")
    run(widget, qtbot)
    assert seen() == ["measured trust 1/32 · a"]
    widget.level_box.setCurrentText("1/8")
    run(widget, qtbot)
    assert seen() == ["measured trust 1/8 · a"]
    count = len(viewer.layers)
    run(widget, qtbot)  # the same one again
    assert seen() == ["measured trust 1/8 · a"] and len(viewer.layers) == count
    fills[0].visible = True
    assert fills[0].visible  # switched on again by hand


def test_a_slow_map_says_how_long_it_takes(
    widget: ExplainWidget,
    viewer: ViewerModel,
    qtbot: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("napari_attnseg._widgets.base.pace._MEASURED", {"auto": 2.0})
    viewer.add_image(IMAGE, name="a")
    widget.method_box.setCurrentText("occlusion")
    assert widget.duration.text() == "Takes about 2 min."
    widget.method_box.setCurrentText("integrated gradients")
    assert widget.duration.text() == "Takes about 2 min."
    go_on = threading.Event()
    decode = UnetDecoder.forward

    def slow(self: UnetDecoder, fused: Any) -> Any:
        assert go_on.wait(60)
        return decode(self, fused)

    monkeypatch.setattr(UnetDecoder, "forward", slow)
    widget.start()
    # At once, and beside the bar, which shows no text while it is busy.
    assert widget.bar.time_left.text() == "About 2 min left"
    assert widget.bar.time_left.isVisibleTo(widget)
    left = widget.bar.progress
    qtbot.waitUntil(lambda: "left" in left.format(), timeout=30_000)
    assert left.format() == "about 2 min left"
    go_on.set()
    qtbot.waitUntil(lambda: widget.life.worker is None, timeout=60_000)
    assert not widget.bar.time_left.isVisibleTo(widget)
    # The next estimate is what this run took on this device.
    assert not widget.duration.isVisibleTo(widget)


def test_time_left_is_what_the_decodings_so_far_took(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    expected = expected_seconds(20, "cpu")
    pace = Pace(11, 20, "cpu")
    assert pace.seconds_left() == expected
    pace.decoded()  # of the image itself: not like the others
    now[0] = 1.0
    assert pace.seconds_left() == pytest.approx(expected - 1)
    pace.decoded()
    assert pace.seconds_left() == pytest.approx(expected)
    now[0] = 51.0  # far longer than expected: so will be the nine after it
    assert pace.seconds_left() == pytest.approx(9 * 50)
    now[0] = 61.0
    pace.decoded()
    assert pace.seconds_left() == pytest.approx(9 * 60)
    now[0] = 91.0  # it falls within a decoding
    assert pace.seconds_left() == pytest.approx(9 * 60 - 30)
    now[0] = 101.0
    pace.decoded()
    assert pace.seconds_left() == pytest.approx(8 * 50)
    for _ in range(9):
        pace.decoded()
    assert pace.seconds_left() == 0


def test_of_a_stack_the_shown_frame_is_explained(
    widget: ExplainWidget, viewer: ViewerModel, qtbot: Any
) -> None:
    stack = np.stack([IMAGE, IMAGE.T.reshape(IMAGE.shape), 255 - IMAGE])
    image = viewer.add_image(
        stack,
        name="s",
        scale=(5, 1, 1),
        translate=(7, 0, 0),
        axis_labels=("t", "y", "x"),
    )
    viewer.dims.set_current_step(0, 2)
    widget.method_box.setCurrentText("gate")
    run(widget, qtbot)
    layer = viewer.layers["gate 1/32 · s"]
    np.testing.assert_allclose(
        layer.data_to_world((0, -0.5, -0.5)), image.data_to_world((2, -0.5, -0.5))
    )
    assert layer.ndim == 3 and len(layer.data) == 1


def test_a_target_of_one_frame_is_found_by_its_place(
    widget: ExplainWidget, viewer: ViewerModel, qtbot: Any, messages: list[str]
) -> None:
    labels = ("t", "y", "x")
    viewer.add_image(np.stack([IMAGE] * 4), name="s", axis_labels=labels)
    region = np.zeros((1, *IMAGE.shape), int)
    region[0, 5:20, 10:30] = 1
    labels = viewer.add_labels(region, name="one frame", translate=(3, 0, 0))
    widget.method_box.setCurrentText("gate")
    assert not widget.target_box.isEnabled()  # psi is of no region
    widget.method_box.setCurrentText("CNN contribution")
    widget.target_box.setCurrentText("selected label of one frame")
    labels.selected_label = 1
    source, _ = widget.inputs.chosen()
    viewer.dims.set_current_step(0, 3)
    assert np.array_equal(widget.target(source), region[0] == 1)
    viewer.dims.set_current_step(0, 0)
    widget.start()
    assert widget.life.worker is None and "does not reach it" in messages[-1]


def test_a_cancel_takes_effect_in_the_middle(
    widget: ExplainWidget,
    viewer: ViewerModel,
    qtbot: Any,
    messages: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    viewer.add_image(IMAGE, name="a")
    decoded = []
    decode = UnetDecoder.forward
    cancelled = threading.Event()

    def slow(self: UnetDecoder, fused: Any) -> Any:
        decoded.append(1)
        assert cancelled.wait(60)
        return decode(self, fused)

    monkeypatch.setattr(UnetDecoder, "forward", slow)
    widget.method_box.setCurrentText("integrated gradients")
    widget.start()
    qtbot.waitUntil(lambda: len(decoded) > 0, timeout=60_000)
    widget.bar.cancel()
    assert widget.bar.time_left.isVisibleTo(widget)
    assert widget.bar.time_left.text() == CANCELLING
    cancelled.set()
    qtbot.waitUntil(lambda: widget.life.worker is None, timeout=60_000)
    assert len(decoded) < 4 and len(viewer.layers) == 1
    assert messages == ["Cancelled; no layers were added."]


def test_maps_without_a_gate_ask_for_none(widget: ExplainWidget) -> None:
    widget.method_box.setCurrentText("occlusion")
    assert not widget.level_box.isEnabled() and widget.gate_card.text() == ""
    widget.method_box.setCurrentText("gate")
    assert widget.level_box.isEnabled()


def test_a_map_of_all_gates_says_what_they_were_measured_to_do(
    widget: ExplainWidget, viewer: ViewerModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer.add_image(IMAGE, name="a")
    widget.method_box.setCurrentText("gates at a glance")
    # What there is no map of is not judged, and the reason is read before it is asked.
    assert "has not been measured" in widget.bar.why.text()
    assert not widget.bar.start_button.isEnabled()
    widget.inputs.use_weights(bundled_weights()[DEFAULT_WEIGHTS])
    assert "better than chance" in widget.bar.why.text()
    assert not widget.gate_description.isVisibleTo(widget)
    widget.method_box.setCurrentText("gate")
    assert widget.bar.start_button.isEnabled()
    card = read_card(bundled_weights()[DEFAULT_WEIGHTS])
    earned = dataclasses.replace(card, combination={"earned": True, "name": "product"})
    where = "napari_attnseg._widgets.explain.read_card"
    monkeypatch.setattr(where, lambda path: earned)
    widget.method_box.setCurrentText("gates at a glance")
    assert widget.bar.start_button.isEnabled()
    assert widget.gate_description.text() == pattern_sentence(
        PatternValue.DECORATIVE, "This map of all gates"
    )
