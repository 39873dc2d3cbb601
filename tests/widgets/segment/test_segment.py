"""What the Segment widget offers, says and remembers, on a viewer without a window."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from napari import settings
from napari.components import ViewerModel
from segment_dock import images, texts, wait

from napari_attnseg._widgets.base.model_card import describe_card
from napari_attnseg._widgets.base.weights_box import CHOOSE_FILE
from napari_attnseg._widgets.layers.metadata import METADATA, record_of
from napari_attnseg._widgets.preferences import preferences
from napari_attnseg._widgets.segment import SegmentWidget
from napari_attnseg.cards import ModelCard
from napari_attnseg.inference import Segmenter
from napari_attnseg.intensity import (
    DEFAULT_PERCENTILES,
    Percentiles,
    Window,
    rule_of,
)
from napari_attnseg.models.catalog import model_spec
from napari_attnseg.spec import Preprocessing


def test_without_an_image_it_says_what_to_do(
    widget: SegmentWidget, viewer: ViewerModel
) -> None:
    assert (
        widget.inputs.hint.isVisibleTo(widget)
        and "Open an image" in widget.inputs.hint.text()
    )
    assert not widget.bar.start_button.isEnabled()
    viewer.add_labels(np.zeros((9, 9), int))
    assert not widget.bar.start_button.isEnabled()
    viewer.add_image(np.zeros((9, 9)))
    assert not widget.inputs.hint.isVisibleTo(widget)
    assert widget.bar.start_button.isEnabled()


def test_the_image_list_follows_the_layers(
    widget: SegmentWidget, viewer: ViewerModel
) -> None:
    a = viewer.add_image(np.zeros((9, 9)), name="a")
    b = viewer.add_image(np.zeros((9, 9)), name="b")
    assert images(widget) == ["a", "b"]
    a.name = "first"
    assert images(widget) == ["first", "b"]
    viewer.layers.move(0, 2)
    assert images(widget) == ["b", "first"]
    viewer.layers.remove(b)
    assert images(widget) == ["first"]


def test_the_image_that_is_selected_is_what_is_meant(
    widget: SegmentWidget, viewer: ViewerModel
) -> None:
    a = viewer.add_image(np.zeros((9, 9)), name="a")
    assert widget.inputs.image is a
    b = viewer.add_image(np.zeros((9, 9)), name="b")  # opened: napari selects it
    assert widget.inputs.image is b
    viewer.layers.selection.active = a
    assert widget.inputs.image is a
    widget.inputs.image_box.setCurrentText("b")
    viewer.add_labels(np.zeros((9, 9), int))
    assert widget.inputs.image is b  # what cannot be segmented is not meant
    widget.life.end()
    viewer.layers.selection.active = a
    assert widget.inputs.image is b


def test_it_offers_devices_that_exist_and_says_when_it_is_the_cpu(
    widget: SegmentWidget,
) -> None:
    from napari_attnseg.devices import LABELS, segmenting_devices

    offered = texts(widget.inputs.device_box)
    devices = segmenting_devices()
    assert offered == [LABELS.get(name, name) for name in devices]
    if set(devices) <= {"auto", "openvino", "cpu"}:
        assert "CPU" in widget.inputs.device_note.text()


def test_bad_input_is_one_sentence(
    widget: SegmentWidget,
    viewer: ViewerModel,
    qtbot: Any,
    messages: list[str],
    tmp_path: Path,
) -> None:
    viewer.add_image(np.zeros((2, 3, 20, 20)), name="4d")
    widget.start()
    assert widget.life.worker is None
    assert "4 axes" in messages[-1] and widget.bar.error.text() == messages[-1]
    viewer.layers.clear()
    viewer.add_image(np.full((20, 20), np.nan), name="nan", contrast_limits=(0, 1))
    widget.start()
    wait(widget, qtbot)
    assert "NaN" in messages[-1]
    # It stays to be copied: a notification fades.
    assert widget.bar.error.text() == messages[-1]
    assert widget.bar.error.isVisibleTo(widget)
    assert len(viewer.layers) == 1
    # Another image is chosen: it is not about that one.
    other = viewer.add_image(np.random.default_rng(0).random((20, 20)), name="other")
    assert widget.inputs.image is other
    assert not widget.bar.error.isVisibleTo(widget)
    widget.inputs.image_box.setCurrentText("nan")
    assert widget.bar.error.isVisibleTo(widget)
    before = widget.inputs.weights_box.currentText()
    (tmp_path / "bad.safetensors").write_bytes(b"PK" + bytes(100))
    widget.inputs.use_weights(tmp_path / "bad.safetensors")
    assert "pickle" in messages[-1]
    assert widget.inputs.weights_box.currentText() == before


def test_weights_are_offered_with_their_card(
    widget: SegmentWidget, tiny_weights: Path
) -> None:
    offered = texts(widget.inputs.weights_box)
    assert offered == [
        "compact · Dice 0.88",
        f"{tiny_weights.stem} · not measured",
        CHOOSE_FILE,
    ]
    card = widget.inputs.card
    assert card.summary.text() == "Finds: lesion. Its Dice was not measured."
    assert card.warning.text() == "Not for diagnosis."
    assert "not a diagnostic device" in card.text.text()
    widget.inputs.weights_box.setCurrentText("compact · Dice 0.88")
    assert "Dice 0.88 on 120 test images." in card.summary.text()
    assert "kvasir-seg" in card.text.text() and not card.text.isVisibleTo(widget)
    card.fold.open()
    assert card.text.isVisibleTo(widget)


def test_card_words() -> None:
    card = ModelCard(model_spec("tiny"), Preprocessing(64), data="ten discs")
    assert "Not evaluated" in describe_card(card)
    assert "Limits: none of" in describe_card(replace(card, limits="none of a kind"))
    dice = {"mean": 0.91234, "sd": 0.1, "low": 0.88, "high": 0.93}
    card = ModelCard(
        model_spec("tiny"),
        Preprocessing(64),
        metrics={"n": 7, "dataset": "discs", "dice": dice},
    )
    assert "Dice 0.912 [0.880, 0.930], n = 7, discs" in describe_card(card)
    assert "share" not in describe_card(card)
    share, none = ({"effective_share": {"of": "CNN", "mean": m}} for m in (0.867, 0.0))
    words = describe_card(replace(card, gates={"1/32": share, "1/4": none}))
    assert "share of the CNN in what is fused" in words
    assert "by feature norms: 1/32 0.87, 1/4 0.00." in words


def chosen_by_another(viewer: ViewerModel, qtbot: Any) -> tuple[str, str]:
    """Weights and device that a new widget starts with."""
    other = SegmentWidget(viewer)
    qtbot.addWidget(other)
    boxes = other.inputs.weights_box, other.inputs.device_box
    qtbot.waitUntil(lambda: boxes[1].count() > 1, timeout=60_000)
    return boxes[0].currentText(), boxes[1].currentText()


def test_the_last_device_is_remembered_and_weights_only_on_purpose(
    widget: SegmentWidget, viewer: ViewerModel, qtbot: Any, tiny_weights: Path
) -> None:
    viewer.add_image(np.zeros((30, 40)), name="a")
    widget.inputs.device_box.setCurrentText("cpu")
    widget.start()
    wait(widget, qtbot)
    settings._clear_plugin_settings_cache()  # napari is closed and opened again
    assert chosen_by_another(viewer, qtbot) == ("compact · Dice 0.88", "cpu")
    widget.inputs.card.start_button.click()
    assert not widget.inputs.card.start_button.isEnabled()
    settings._clear_plugin_settings_cache()
    tiny = f"{tiny_weights.stem} · not measured"
    assert chosen_by_another(viewer, qtbot) == (tiny, "cpu")
    preferences().remember = False
    preferences().weights, preferences().device = "compact", "auto"
    widget.start()
    wait(widget, qtbot)
    assert chosen_by_another(viewer, qtbot) == ("compact · Dice 0.88", "auto")


def test_intensities_are_read_as_chosen_and_the_choice_is_remembered(
    widget: SegmentWidget,
    viewer: ViewerModel,
    qtbot: Any,
    tiny_weights: Path,
    messages: list[str],
) -> None:
    values = np.random.default_rng(0).integers(900, 1100, (30, 40)).astype(np.uint16)
    values[3, 3] = 60_000
    layer = viewer.add_image(values, name="a", contrast_limits=(900, 1050))
    segmenter = Segmenter.from_checkpoint(tiny_weights, "cpu")
    box = widget.inputs.intensity_box
    for choice, rule in (
        ("card", Percentiles(0, 100)),
        ("whole range", Percentiles(0, 100)),
        ("percentiles", Percentiles(*DEFAULT_PERCENTILES, without_border=True)),
        ("as displayed (contrast limits)", Window(900, 1050)),
    ):
        box.choose(choice)
        widget.inputs.image_box.setCurrentText("a")
        widget.start()
        wait(widget, qtbot)
        run = [found for found in viewer.layers if record_of(found) is not None]
        facts = run[-1].metadata[METADATA]
        assert rule_of(facts) == rule
        expected = segmenter(values, intensity=rule)
        assert facts["mask_sha256"] == expected.provenance["mask_sha256"]
        narrow = choice in ("card", "whole range")
        assert ("three tenths of the range" in widget.bar.error.text()) is narrow
    assert any("three tenths of the range" in message for message in messages)
    assert preferences().intensity == "as displayed (contrast limits)"
    another = SegmentWidget(viewer)
    qtbot.addWidget(another)
    assert another.inputs.intensity_box.choice == "as displayed (contrast limits)"
    viewer.layers.remove(layer)
    viewer.add_image(np.zeros((30, 40, 3), np.uint8), name="colour", rgb=True)
    widget.start()
    assert widget.life.worker is None and "has no contrast limits" in messages[-1]


def test_weights_that_went_are_not_chosen(
    viewer: ViewerModel, qtbot: Any, messages: list[str]
) -> None:
    preferences().weights = "gone.safetensors"
    assert chosen_by_another(viewer, qtbot) == ("compact · Dice 0.88", "auto")
    assert "gone.safetensors, were not found" in messages[-1]
