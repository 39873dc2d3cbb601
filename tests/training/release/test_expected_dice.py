"""Fitting the expected Dice: on copies of images, cross-validated over images."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from attnseg_training.datasets import load_dataset
from attnseg_training.release import (
    damaged_copies,
    expected_dice,
    expected_dice_report,
)
from attnseg_training.release.expected_dice_cases import Case, Kind
from attnseg_training.release.expected_dice_fit import fit_likeness, predicted
from attnseg_training.release.expected_dice_report import fit_cases
from attnseg_training.release.export import export
from napari_attnseg import statistics
from napari_attnseg.cards import read_card, weights_hash
from napari_attnseg.click_heads import head_record, join_click_head
from napari_attnseg.errors import InputError
from napari_attnseg.inference import Segmenter
from napari_attnseg.models.click_head import ClickHead, ClickHeadSpec
from napari_attnseg.reliability.signals import Signal

ORIGIN = {"n": 60, "dataset": "discs", "title": "discs", "split": "val"}


def made_up(images: int = 60, seed: int = 0) -> list[Case]:
    """Dice follows one signal; another one only looks like it within an image."""
    rng = np.random.default_rng(seed)
    cases = []
    for image in range(images):
        for copy in ("", "dark", "noisy", "corner"):
            good = rng.uniform(0.2, 1)
            lesion = copy != "corner"
            kind = Kind.DAMAGED if copy else Kind.ORIGINAL
            kind = kind if lesion else Kind.WITHOUT_LESION
            signals = {
                Signal.STABILITY: good if lesion else rng.uniform(0, 0.3),
                Signal.DOUBT: rng.uniform(),
            }
            dice = np.clip(good + rng.normal(0, 0.05), 0, 1) if lesion else 0.0
            features = rng.normal(0, 1, 8) * np.arange(1, 9)
            cases.append(
                Case(image, kind, copy, float(dice), lesion, signals, features)
            )
    return cases


def test_the_rule_is_chosen_and_measured_on_images_that_it_was_not_fitted_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(statistics, "RESAMPLES", 50)
    cases = made_up()
    far = Case(0, Kind.ORIGINAL, "", 0.0, False, {}, np.full(8, 99.0))
    found, report = fit_cases(cases, {"photograph": far}, ORIGIN)
    assert report["chosen"] == ["stability"]  # the simplest of the good ones
    assert found.rule.readers == frozenset()
    both = report["all"]
    around = both["auroc_bootstrap"]
    assert around["low"] < both["auroc"]["mean"] < around["high"] <= 1
    assert both["cases"] == 180 and both["auroc"]["mean"] > 0.95
    assert 0.85 <= both["coverage"] <= 0.97 and both["calibration"]["error"] < 0.05
    assert report["originals"]["cases"] == 60
    assert report["without_lesion"]["n"] == 60
    assert report["without_lesion"]["expected"] < 0.4
    assert report["unlike"]["foreign"]["photograph"]["unlike"]
    assert report["unlike"]["false_alarms"]["mean"] < 0.15
    assert found.measured["auroc"] == both["auroc"]
    json.dumps(found.to_json())
    scores = [knot.score for knot in found.rule.knots]
    means = [knot.expected for knot in found.rule.knots]
    assert scores == sorted(scores) and means == sorted(means)
    assert all(knot.low <= knot.expected <= knot.high for knot in found.rule.knots)


def test_copies_of_an_image_stay_together() -> None:
    """A signal that gives away the image would be worth much if they did not."""
    rng = np.random.default_rng(1)
    dice = rng.uniform(0.2, 1, 44)
    cases = [
        Case(i, Kind.DAMAGED, "", float(dice[i]), True, {Signal.AREA: float(i)})
        for i in range(44)
        for _ in range(4)
    ]
    off = predicted(cases, cases, [Signal.AREA])[:, 0] - [c.dice for c in cases]
    assert float((off**2).mean()) > 0.8 * dice.var()


def test_masks_that_are_all_good_fit_nothing() -> None:
    good = [case for case in made_up() if case.dice > 0.8]
    with pytest.raises(InputError, match="on one side"):
        fit_cases(good, {}, ORIGIN)


def test_likeness_is_of_new_images() -> None:
    cases = [case for case in made_up() if case.kind is not Kind.WITHOUT_LESION]
    likeness, alarms = fit_likeness(cases)
    assert 0 < alarms.mean() < 0.1
    assert likeness.unlikeness(np.zeros(8)) < 1 < likeness.unlikeness(np.full(8, 50.0))


def test_copies_and_frames_without_a_lesion() -> None:
    image, mask = torch.rand(1, 3, 64, 64), torch.zeros(1, 1, 64, 64)
    mask[..., 5:25, 8:20] = 1
    for name, copy in damaged_copies.COPIES.items():
        changed, truth = copy(image, mask, np.random.default_rng(0))
        assert changed.shape == image.shape and truth.shape == mask.shape, name
        assert changed.min() >= 0 and changed.max() <= 1, name
        assert not torch.equal(changed, image), name
    box = damaged_copies.without_lesion(mask)
    assert box is not None
    top, left, height, width = box
    assert height * width >= 0.4 * 64 * 64
    assert not mask[..., top : top + height, left : left + width].any()
    mask[..., 10:60, 10:60] = 1
    assert damaged_copies.without_lesion(mask) is None


def test_the_command_writes_a_rule_into_the_card(
    data_folder: Path,
    tiny_weights: Path,
    tmp_path: Path,
    in_process,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out, numbers = tmp_path / "out.safetensors", tmp_path / "out.json"
    headed = tmp_path / "headed.safetensors"
    facts = {"weights_sha256": weights_hash(tiny_weights)}
    head = ClickHead(ClickHeadSpec(8, 4, 8, (1, 2), 4))
    join_click_head(tiny_weights, headed, head, facts)
    command = ["expected-dice", headed, out, "--data", data_folder]
    done = in_process(*command, "--split", "train")
    assert done.returncode == 2 and "at least 20 images" in done.stderr
    done = in_process(*command, "--split", "test")
    assert done.returncode == 2 and "validation images" in done.stderr
    monkeypatch.setattr(statistics, "RESAMPLES", 5)
    monkeypatch.setattr(expected_dice, "FEWEST", 4)
    monkeypatch.setattr(expected_dice_report, "BAD", 0.2)
    foreign = [("noise", np.zeros((9, 9), np.uint8))]
    monkeypatch.setattr(expected_dice, "foreign_images", lambda: iter(foreign))
    data = load_dataset(data_folder)
    split = ("--split", "train", "--json", numbers)
    done = in_process(*command, *split)
    assert len(data.split("train")) == 8
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(numbers), str(out)]
    report, card = json.loads(numbers.read_text()), read_card(out)
    assert report["n"] == card.expected_dice["measured"]["n"] == 8
    assert weights_hash(out) == weights_hash(tiny_weights)
    assert dataclasses.replace(card, expected_dice={}) == read_card(tiny_weights)
    assert head_record(out) == head_record(headed) != {}
    halved = tmp_path / "halved.safetensors"  # other tensors, of which it is not known
    export(out, halved, half=True)
    assert not read_card(halved).expected_dice
    frame = np.zeros((64, 64, 3), np.uint8)
    assert Segmenter.from_checkpoint(out, "cpu")(frame).expected_dice is not None
