"""The weights that ship: they find polyps, and their card says what was measured."""

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

from napari_attnseg import Segmenter
from napari_attnseg.cards import read_card
from napari_attnseg.metrics import dice
from napari_attnseg.reader_record import ReaderRecord
from napari_attnseg.reader_words import useless_sentences
from napari_attnseg.sample_data import SAMPLES, sample_image, sample_mask
from napari_attnseg.weights import DEFAULT_WEIGHTS, weights_path

RESULTS = Path(__file__).parents[1] / "training" / "results"
GATES = "bundled-kvasir-seg-val-gates.json"


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    return Segmenter.from_checkpoint(DEFAULT_WEIGHTS, "cpu")


@pytest.mark.parametrize("name", SAMPLES)
def test_it_finds_the_polyps_of_the_samples(segmenter: Segmenter, name: str) -> None:
    result = segmenter(sample_image(name))
    assert dice(sample_mask(name), result.mask) > 0.85
    for gate in result.attention:
        assert gate.values.std() > 0.01  # a gate that is the same everywhere is broken


def test_it_follows_a_flipped_image(segmenter: Segmenter) -> None:
    image, truth = sample_image("polyp"), sample_mask("polyp")
    flipped = segmenter(image[:, ::-1]).mask
    assert dice(truth[:, ::-1], flipped) > 0.85
    assert dice(truth, flipped) < 0.5


def test_grey_and_16_bit_versions_are_segmented_too(segmenter: Segmenter) -> None:
    image, truth = sample_image("polyp"), sample_mask("polyp")
    deep = image.astype(np.uint16) * 257
    assert dice(truth, segmenter(deep).mask) > 0.85
    assert dice(truth, segmenter(image.mean(-1) / 255).mask) > 0.5


def test_file_and_card() -> None:
    path = weights_path(DEFAULT_WEIGHTS)
    assert path.stat().st_size < 60e6
    card = read_card(path)
    assert card.spec.name == "compact-norm"
    assert card.metrics["n"] == 120 and card.metrics["split"] == "test"
    for metric in ("dice", "iou"):
        found = card.metrics[metric]
        assert found["low"] < found["mean"] < found["high"]
    assert card.metrics["dice"]["mean"] > 0.87
    assert set(card.gates) == {"1/4", "1/8", "1/16", "1/32", "all"}
    assert all(gate["verdict"] for gate in card.gates.values())
    for words in ("Kvasir-SEG", "research and education", "CC BY 4.0"):
        assert words in card.licence
    assert "diagnostic" in card.use and card.limits


def test_its_card_says_that_each_encoder_can_do_the_job_alone() -> None:
    """What was measured is in the repository too."""
    card = read_card(weights_path(DEFAULT_WEIGHTS))
    measured = json.loads((RESULTS / GATES).read_text(encoding="utf-8"))
    assert card.readers == measured["readers"]
    assert measured["split"] == "val" and measured["n"] == 88
    assert useless_sentences(ReaderRecord(card.readers)) == []
    for reader in ("cnn", "transformer"):
        assert card.readers["states"][reader] == "usable"
        assert card.readers["dice"][reader]["mean"] > 0.89


def test_the_card_of_the_weights_before_said_that_the_transformer_was_useless() -> None:
    file = RESULTS / "compact-kvasir-seg-val-readers.json"
    measured = json.loads(file.read_text(encoding="utf-8"))
    (said,) = useless_sentences(ReaderRecord(measured["readers"]))
    assert said.startswith("The transformer alone cannot do this job (Dice 0.39 on 88")


def test_its_card_says_what_the_repository_says() -> None:
    """One source of the words: a change of the file of texts is a change of the card.

    `attnseg_training.release.export.rewrite_texts` puts them in.
    """
    import attnseg_training

    file = Path(attnseg_training.__file__).parent / "cards" / "compact.toml"
    texts = tomllib.loads(file.read_text(encoding="utf-8"))
    card = read_card(weights_path(DEFAULT_WEIGHTS))
    said = {name: getattr(card, name) for name in texts}
    assert {**said, "classes": list(said["classes"])} == texts
