"""The expected Dice of a mask: said only of the model's own mask of a known image."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_attnseg.batch import Note, SegmentOptions, segment_images
from napari_attnseg.batch.base import Outcome, estimate_notes
from napari_attnseg.boxes import Box
from napari_attnseg.cards import ImageColours, ModelCard
from napari_attnseg.checkpoints import save_checkpoint
from napari_attnseg.commands.console import (
    Wording,
    expected_dice_sentences,
    image_sentences,
)
from napari_attnseg.inference import Segmenter
from napari_attnseg.io.files import png_bytes
from napari_attnseg.io.images import read_image
from napari_attnseg.io.results import Results, load_results, save_results
from napari_attnseg.masks import MaskRules, remake
from napari_attnseg.objects.descriptors import expected_dice_columns
from napari_attnseg.reliability.estimate import (
    ESTIMATE,
    MAYBE_NONE,
    MEASURED,
    PAGE_WORDS,
    EstimateState,
    estimate_of,
    estimate_or_why_none,
)
from napari_attnseg.reliability.likeness import Likeness
from napari_attnseg.reliability.observe import pooled_features
from napari_attnseg.reliability.rule import DiceRule, Knot, Reliability
from napari_attnseg.reliability.signals import Reader, Signal, case_signals
from napari_attnseg.reports.cases import Case
from napari_attnseg.reports.order import Kind, Worth, worth_of
from napari_attnseg.reports.views import expected_words
from napari_attnseg.review.case import Case as ReviewCase
from napari_attnseg.review.state import CaseState
from napari_attnseg.review.words import case_words
from napari_attnseg.tiles import segment_tiles

KNOTS = (Knot(-1.0, 0.2, 0.0, 0.5), Knot(1.0, 0.9, 0.8, 1.0))
RULE = DiceRule(
    (Signal.SOFT_DICE, Signal.CNN_AGREEMENT), (0.5, 0.5), (1.0, 1.0), (0.5, 0.5), KNOTS
)
MEASURED_ON = {
    "n": 88,
    "title": "Kvasir-SEG",
    "split": "val",
    "auroc": {"mean": 0.94, "low": 0.9, "high": 0.97},
    "without_lesion": {"n": 60, "drawn": 0.5, "expected": 0.4},
}
IMAGE = np.random.default_rng(0).integers(0, 255, (40, 48, 3), np.uint8)


@pytest.fixture(scope="module")
def plain(weights_of) -> Segmenter:
    return Segmenter.from_checkpoint(weights_of("tiny"), "cpu")


def with_rule(
    plain: Segmenter, limit: float = 1e9, threshold: float = 0.0
) -> Segmenter:
    """The model with a rule; at threshold 0 something is always found."""
    features = pooled_features(plain.encode(IMAGE).pairs)
    likeness = Likeness.fit(np.stack([features, features + 1, features - 1]), 1)
    facts = Reliability(RULE, likeness.limited(limit), MEASURED_ON).to_json()
    card = replace(plain.card, expected_dice=facts, threshold=threshold)
    return replace(plain, card=card)


def test_a_card_without_a_rule_says_nothing_and_earlier_versions_read_it(
    plain: Segmenter,
) -> None:
    result = plain(IMAGE)
    assert result.expected_dice is None
    assert not {ESTIMATE, MEASURED} & result.provenance.keys()
    assert "expected_dice" not in json.loads(plain.card.to_json())
    card = with_rule(plain).card
    assert ModelCard.from_json(card.to_json()) == card
    later = replace(card, expected_dice={"rule": {"signals": ["of a later version"]}})
    assert replace(plain, card=later)(IMAGE).expected_dice is None


def test_only_the_models_own_mask_has_an_expected_dice(plain: Segmenter) -> None:
    segmenter = with_rule(plain)
    result = segmenter(IMAGE)
    found = result.expected_dice
    assert found is not None and found.state is EstimateState.ESTIMATED
    assert 0.2 <= found.mean <= 0.9 and found.low <= found.mean <= found.high
    of = "estimated by a rule measured on 88 Kvasir-SEG validation images"
    assert found.words.endswith(of)
    assert replace(found, low=0.0).words.endswith(f"{of}; {MAYBE_NONE}")
    assert "0.94 (0.90–0.97)" in found.details and "drawn in 50 %" in found.details
    encoded = segmenter.encode(IMAGE)
    assert segmenter.decode(encoded, {4: 0.5}).expected_dice is None
    assert segmenter.decode(encoded, threshold=0.5).expected_dice is None
    assert remake(result, MaskRules(0.9)).expected_dice is None
    again = remake(remake(result, MaskRules(0.9)), MaskRules(0.0))
    assert again.expected_dice == found


@pytest.mark.parametrize(
    ("how", "state", "why"),
    [
        ({"tile": True}, "tiles", "it was measured on whole images, not on tiles"),
        (
            {"box": Box(0, 0, 20, 20)},
            "box",
            "it was measured on whole images, not on a box",
        ),
        (
            {"flip": True},
            "flips",
            "it was measured without averaging over mirror images",
        ),
    ],
)
def test_an_image_that_is_segmented_in_another_way_says_why_it_has_no_number(
    plain: Segmenter, how: dict, state: str, why: str
) -> None:
    assert plain(IMAGE, **how).expected_dice is None  # there is nothing to miss
    result = with_rule(plain)(IMAGE, **how)
    found = result.expected_dice
    assert found is not None and found.state == state and found.mean is None
    assert found.sentence == f"No expected Dice: {why}"
    assert expected_dice_columns(result.provenance)["expected Dice, note"] == why
    outcomes = [Outcome(Path("a.png"), "a", expected_dice=found)]
    assert expected_dice_sentences(outcomes) == [f"No expected Dice: {why}."]
    result.mask[0, 0] = 0  # else the whole image is what is told of it first
    case = Case("a", result, IMAGE)
    assert expected_words(case, found)["why"] == why
    assert worth_of(case, 0.3) == Worth(Kind.DOUBT, -0.3)
    assert remake(result, MaskRules(0.9)).expected_dice is None
    tiled = segment_tiles(with_rule(plain), IMAGE, gates={4: 0.5})
    assert tiled.expected_dice is None


def test_an_unlike_image_and_an_empty_mask_have_no_number(plain: Segmenter) -> None:
    unlike = with_rule(plain, limit=1e-6)(255 - IMAGE).expected_dice
    assert unlike is not None and unlike.state is EstimateState.UNLIKE
    assert unlike.mean is None and "unlike the images it was measured" in unlike.words
    empty = with_rule(plain, threshold=1.0)(IMAGE).expected_dice
    assert empty is not None and empty.state is EstimateState.EMPTY
    assert empty.mean is None and not empty.sentence


def test_a_grey_image_has_no_number_where_colour_was_measured(
    plain: Segmenter,
) -> None:
    card = replace(with_rule(plain).card, image_colours=ImageColours.COLOUR)
    segmenter = replace(plain, card=card)
    assert segmenter(IMAGE).expected_dice.mean is not None
    grey = IMAGE[..., 0]
    for image in (grey, np.repeat(grey[..., None], 3, 2)):
        result = segmenter(image)
        found = result.expected_dice
        assert found.state is EstimateState.GREY and found.mean is None
        assert found.sentence.startswith("No expected Dice: it was measured on colour")
        assert estimate_notes(found) == [Note.GREY]
        assert expected_dice_columns(result.provenance)["expected Dice, note"]
    assert with_rule(plain)(grey).expected_dice.mean is not None


def _page() -> np.ndarray:
    """Two pictures side by side on black, (200, 420, 3)."""
    page = np.zeros((200, 420, 3), np.uint8)
    both = np.random.default_rng(0).integers(60, 255, (2, 180, 190, 3), np.uint8)
    page[10:190, 10:200], page[10:190, 210:400] = both
    return page


def test_a_page_of_several_pictures_has_no_number(plain: Segmenter) -> None:
    """A mask on it may miss what a model sees of each picture alone."""
    page, why = _page(), PAGE_WORDS
    segmenter = with_rule(plain)
    for threshold, flip in ((0.0, False), (0.0, True), (1.0, False)):
        result = with_rule(plain, threshold=threshold)(page, flip=flip)
        found = result.expected_dice
        assert found.state is EstimateState.PAGE and found.mean is None
        assert found.sentence == f"No expected Dice: {why}"
        assert result.provenance["pictures_on_page"] == 2
    result = segmenter(page)
    assert result.provenance[ESTIMATE]["state"] == "page"
    assert expected_dice_columns(result.provenance)["expected Dice, note"] == why
    middle = float(np.median(result.probability))  # neither nothing nor all
    result = with_rule(plain, threshold=middle)(page)
    case = Case("a", result, page)
    assert expected_words(case, result.expected_dice)["why"] == why
    assert worth_of(case, 0.3).kind is Kind.UNLIKE
    reviewed = ReviewCase("a", Path("a"), Path("b"), expected=result.expected_dice)
    assert case_words(reviewed, CaseState()) == f"No expected Dice: {why}."
    again = remake(segmenter(page), MaskRules(0.9)).provenance
    assert estimate_or_why_none(again).state is EstimateState.PAGE
    # A part of it is no page, and in tiles it is not small for the model.
    boxed = segmenter(page, box=Box(0, 0, 200, 205))
    assert boxed.expected_dice.state is EstimateState.BOX
    assert "pictures_on_page" not in boxed.provenance
    tiled = segmenter(page, tile=True)
    assert tiled.expected_dice.state is EstimateState.TILES
    assert tiled.provenance["pictures_on_page"] == 2


def test_the_command_says_why_a_page_has_no_number(
    plain: Segmenter, tmp_path: Path
) -> None:
    (tmp_path / "page.png").write_bytes(png_bytes(_page()))
    (tmp_path / "polyp.png").write_bytes(png_bytes(IMAGE))
    segmenter = with_rule(plain)
    weights = tmp_path / "rule.safetensors"
    save_checkpoint(weights, segmenter.network.state_dict(), segmenter.card)
    how = SegmentOptions(objects=True)
    batch = segment_images([tmp_path], tmp_path / "out", weights, "cpu", how)
    first, second = batch
    wording = Wording("segmenting", "segmented", "mask")
    said = " ".join(image_sentences(first, wording))
    assert f"It has no expected Dice: {PAGE_WORDS}." in said
    assert "no expected Dice" not in " ".join(image_sentences(second, wording))
    (summary,) = expected_dice_sentences([first, second])
    assert summary.startswith("polyp.png: expected Dice")
    facts = json.loads((tmp_path / "out" / "page.json").read_text())["provenance"]
    assert facts[ESTIMATE]["state"] == "page" and facts[ESTIMATE]["mean"] is None
    with (tmp_path / "out" / "page_objects.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["expected Dice, note"] for row in rows} == {PAGE_WORDS}


def test_signals() -> None:
    sure = np.zeros((20, 20), np.float32)
    sure[5:15, 5:15] = 1
    alone = dict.fromkeys(Reader, sure)
    found = case_signals(sure, alone, 0.5)
    assert found.keys() == set(Signal)
    ones = set(Signal) - {Signal.DOUBT, Signal.AREA, Signal.PARTS, Signal.BORDER}
    assert all(found[signal] == pytest.approx(1) for signal in ones)
    assert found[Signal.BORDER] == 0 and found[Signal.DOUBT] < 1e-3
    unsure = np.where(sure > 0, 0.6, 0.3).astype(np.float32)
    worse = case_signals(unsure, {Reader.CNN: 1 - sure}, 0.5)
    assert worse[Signal.CNN_AGREEMENT] == 0
    assert worse[Signal.SOFT_DICE] < 0.7 and worse[Signal.STABILITY] == 0
    assert Signal.READERS_AGREEMENT not in worse
    assert case_signals(sure, {}, 1.1) == {}


def test_frames_of_a_stack_have_each_its_own(plain: Segmenter, tmp_path: Path) -> None:
    one, other = with_rule(plain)(IMAGE), with_rule(plain, limit=1e-6)(255 - IMAGE)
    save_results(Results("stack", "stack", [one, other], 2), tmp_path, "stack")
    facts = json.loads((tmp_path / "stack.json").read_text())["provenance"]
    assert estimate_of(facts, 0) == one.expected_dice
    assert estimate_of(facts, 1).state is EstimateState.UNLIKE
    back = load_results(tmp_path / "stack.json").segmentations
    assert [frame.expected_dice for frame in back] == [
        one.expected_dice,
        other.expected_dice,
    ]


def test_the_command_sums_up_and_the_table_of_objects_has_the_number(
    plain: Segmenter, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.png").write_bytes(png_bytes(IMAGE))
    weights = tmp_path / "w.safetensors"
    save_checkpoint(weights, plain.network.state_dict(), with_rule(plain).card)
    images = [tmp_path / "a.png", tmp_path / "b.png"]
    out = tmp_path / "out"
    options = SegmentOptions(objects=True)
    done = list(segment_images(images, out, weights, "cpu", options))
    (said,) = expected_dice_sentences(done)
    assert said.startswith("Expected Dice of 2 masks: median 0.")
    assert "(a.png)" in said and "not known" in said
    (said,) = expected_dice_sentences(done[:1])
    assert said.startswith("a.png: expected Dice 0.")
    with (out / "a_objects.csv").open() as file:
        row = next(csv.DictReader(file))
    mean = done[0].expected_dice.mean
    assert float(row["expected Dice of the mask"]) == pytest.approx(mean, abs=1e-4)
    cleaned = replace(options, threshold=0.5)
    done = list(segment_images(images, out, weights, "cpu", cleaned))
    assert expected_dice_sentences(done) == []
    unlike = replace(done[0], notes=(Note.UNLIKE,))
    (said,) = image_sentences(unlike, Wording("", "", ""))
    assert said.startswith("a.png: no expected Dice")
    assert read_image(out / "a_mask.png").shape == (40, 48)
