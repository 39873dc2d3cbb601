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
from napari_attnseg.review.agreement import agreement, cohen_kappa, kappa_interval
from napari_attnseg.review.ahead import load_image
from napari_attnseg.review.cases import find_cases
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
    assert cohen_kappa(one, other) == pytest.approx(0.4)
    found = kappa_interval(np.stack([one, other]))
    # By the large-sample standard error (Fleiss, Cohen and Everitt 1969), 0.127, the
    # ends are 0.151 and 0.649; those of a t interval with 50 cases lie further out.
    assert found["mean"] == pytest.approx(0.4)
    assert 0.1 < found["low"] < 0.151 and 0.649 < found["high"] < 0.68
    assert cohen_kappa(one, 1 - one) == pytest.approx(-1, abs=0.05)
    assert math.isnan(cohen_kappa(np.ones(5), np.ones(5)))


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
    one, other = np.array([0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 1])
    assert facts["decisions"]["kappa"]["mean"] == cohen_kappa(one, other)
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
