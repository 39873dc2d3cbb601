"""Agreement of two reviewers: kappa, Dice, and what is left out."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from command_line import attnseg
from made_series import square, write_images
from PIL import Image

from napari_attnseg.errors import InputError
from napari_attnseg.review.agreement import agreement
from napari_attnseg.review.ahead import load_image
from napari_attnseg.review.cases import find_cases
from napari_attnseg.review.kappa import kappa_interval
from napari_attnseg.review.session import Review


def review(folder: Path, reader: str, decisions: str) -> Path:
    """Review a folder: a letter per case, a, c or r; a space leaves it open."""
    found = Review(find_cases(folder), reader)
    for i, (case, letter) in enumerate(zip(found.cases, decisions)):
        image = load_image(case)
        found.enter(case, image.pixels, image.sha256)
        mask = found.read_mask(case)
        assert mask is not None
        if letter == "a":
            found.accept(case, mask.labels)
        elif letter == "r":
            found.reject(case)
        elif letter == "c":
            found.paint(case, square(i + (4 if reader == "ben" else 0), 8))
    found.close()
    return found.journal.path


def test_kappa_of_known_tables() -> None:
    # 20 yes/yes, 5 yes/no, 10 no/yes, 15 no/no: 0.7 observed, 0.5 by chance.
    one = np.repeat([1, 1, 0, 0], [20, 5, 10, 15])
    other = np.repeat([1, 0, 1, 0], [20, 5, 10, 15])
    found = kappa_interval(np.stack([one, other]))
    # Its standard error, by hand, is 0.127.
    ends = [found[key] for key in ("mean", "low", "high")]
    assert ends == pytest.approx([0.4, 0.151, 0.649], abs=5e-4)
    assert kappa_interval(np.stack([one, 1 - one]))["mean"] < -0.9
    assert math.isnan(kappa_interval(np.ones((2, 5), np.intp))["mean"])


def test_the_interval_covers_kappa_where_one_decision_is_rare() -> None:
    rng = np.random.default_rng(0)
    shares = np.array([[0.6, 0.08, 0.02], [0.06, 0.14, 0.0], [0.03, 0.02, 0.05]])
    first, second = shares.sum(1), shares.sum(0)
    chance = first @ second
    truth = (np.trace(shares) - chance) / (1 - chance)
    covered = 0
    for _ in range(400):
        cells = rng.choice(9, 60, p=shares.ravel())
        found = kappa_interval(np.stack([cells // 3, cells % 3]))
        covered += found["low"] <= truth <= found["high"]
    assert 0.9 < covered / 400 < 0.98


def test_an_interval_without_width_is_none() -> None:
    alike = np.array([[0, 1, 2, 0, 1, 2]] * 2)
    found = kappa_interval(alike)
    assert found["mean"] == 1 and math.isnan(found["low"])


def test_two_reviewers_are_compared_by_one_command(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "s", 6)
    anna, ben = review(folder, "anna", "aaccr "), review(folder, "ben", "aaccca")
    out = tmp_path / "out.json"
    done = attnseg("agreement", anna, ben, "--out", out)
    assert done.returncode == 0, done.stderr
    facts = json.loads(out.read_text())
    assert facts["cases"]["both"] == 5 and facts["cases"]["only_one"] == 1
    assert facts["decisions"]["first_by_second"] == [[2, 0, 0], [0, 2, 0], [0, 1, 0]]
    # 4 of 5 alike; by chance 2/5 · 2/5 + 2/5 · 3/5 of them.
    kappa = (0.8 - 0.4) / (1 - 0.4)
    assert facts["decisions"]["kappa"]["mean"] == pytest.approx(kappa)
    # Squares of 8 rows that are 4 apart overlap by half.
    dices = facts["dice"]
    assert dices["both_corrected"]["mean"] == pytest.approx(0.5)
    assert dices["both_corrected"]["n"] == 2 and dices["of_which_same_mask"] == 2
    assert dices["both_kept"]["mean"] == pytest.approx(0.75)
    assert "anna and ben both decided 5 cases" in done.stdout
    assert "too few for a verdict" in done.stdout


def test_what_cannot_be_compared_is_told(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "s", 3)
    anna, ben = review(folder, "anna", "aa "), review(folder, "ben", "aa ")
    with pytest.raises(InputError, match="given twice"):
        agreement(anna, anna)
    # A mask that was changed after it was accepted is not the one that was meant.
    Image.fromarray(square(9) * 255).save(folder / "masks" / "case0.png")
    found = agreement(anna, ben)
    assert list(found.dices) == ["case1"] and "was changed" in found.unusable["case0"]
    other = write_images(tmp_path / "other", 3)
    for i in range(3):
        image = np.full((24, 32, 3), i, np.uint8)
        Image.fromarray(image).save(other / "images" / f"case{i}.png")
    with pytest.raises(InputError, match="other pixels"):
        agreement(anna, review(other, "ben", "aaa"))
    done = attnseg("agreement", anna, review(folder, "eve", "  a"))
    assert done.returncode == 2 and "none is in both" in done.stderr
    done = attnseg("agreement", anna, folder / "images" / "case0.png")
    assert done.returncode == 2 and "file of a review" in done.stderr
