"""A model card in two lines, and its Dice in a list."""

from dataclasses import replace
from pathlib import Path

import pytest

from napari_attnseg.card_summary import (
    NO_DICE,
    NOT_FOR_DIAGNOSIS,
    card_lines,
    dice_words,
    weights_name,
)
from napari_attnseg.cards import ModelCard, read_card
from napari_attnseg.models.catalog import model_spec
from napari_attnseg.spec import Preprocessing

CARD = ModelCard(model_spec("tiny"), Preprocessing(64), classes=("polyp", "tool"))
TEST = {"n": 7, "split": "test", "dice": {"mean": 0.914}}


def test_what_a_card_does_not_hold_is_not_said() -> None:
    assert card_lines(CARD) == (
        "Finds: polyp, tool. Its Dice was not measured.",
        NOT_FOR_DIAGNOSIS,
    )
    assert dice_words(CARD) == NO_DICE
    undefined = {**TEST, "dice": {"mean": float("nan")}}
    assert dice_words(replace(CARD, metrics=undefined)) == NO_DICE


def test_words_are_the_cards_and_numbers_are_measured() -> None:
    card = replace(CARD, metrics=TEST, summary="For frames.", warning="Misses flat.")
    assert card_lines(card) == (
        "For frames. Dice 0.91 on 7 test images.",
        "Misses flat.",
    )
    assert dice_words(card) == "Dice 0.91"
    val = replace(card, metrics={**TEST, "split": "val"})
    assert "on 7 validation images." in card_lines(val)[0]
    assert ModelCard.from_json(card.to_json()) == card


def test_dice_of_a_run_is_named_as_such() -> None:
    trained = {"protocol_name": "honest", "val_dice": 0.05}
    card = replace(CARD, training=trained)
    assert dice_words(card) == "Dice 0.05 in training"
    assert "Dice 0.05 on the images that chose its epoch" in card_lines(card)[0]
    for number, said in ((2, "the 2 images"), (1, "the 1 image")):
        counted = replace(CARD, training={**trained, "data": {"val": number}})
        assert f"Dice 0.05 on {said} that chose its epoch" in card_lines(counted)[0]
    # Of images that were trained on it says nothing.
    assert dice_words(replace(CARD, training={**trained, "protocol_name": "all"})) == (
        NO_DICE
    )


@pytest.mark.parametrize(("file", "name"), [("best", "discs"), ("mean", "discs/mean")])
def test_weights_of_a_run_are_called_like_it(
    tmp_path: Path, file: str, name: str
) -> None:
    weights = tmp_path / "discs" / f"{file}.safetensors"
    weights.parent.mkdir()
    assert weights_name(weights) == file
    (weights.parent / "config.toml").touch()
    assert weights_name(weights) == name


def test_texts_are_rewritten_and_nothing_else(
    tmp_path: Path, tiny_weights: Path
) -> None:
    from attnseg_training.release.export import rewrite_texts
    from napari_attnseg.cards import read_header, weights_hash

    weights, texts = tmp_path / "w.safetensors", tmp_path / "texts.toml"
    before = tiny_weights.read_bytes()
    weights.write_bytes(before)
    texts.write_text('summary = "For discs."\n')
    card = read_card(weights)
    assert rewrite_texts(weights, texts) == weights_hash(tiny_weights)
    assert read_card(weights) == replace(card, summary="For discs.")
    starts = (read_header(path)[1] for path in (tiny_weights, weights))
    tensors = [
        data[start:]
        for data, start in zip((before, weights.read_bytes()), starts, strict=True)
    ]
    assert tensors[0] == tensors[1]
