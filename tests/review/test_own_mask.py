"""A mask of results that another program changed has no expected Dice."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_series import estimated, square, write_images, write_results
from PIL import Image

from napari_attnseg.errors import InputError
from napari_attnseg.masks import MaskRules
from napari_attnseg.reliability.estimate import EstimateState, ExpectedDice
from napari_attnseg.review.case import Case
from napari_attnseg.review.cases import find_cases
from napari_attnseg.review.inverted_border import border_words
from napari_attnseg.review.own_mask import expected_of, is_changed
from napari_attnseg.review.session import Review
from napari_attnseg.review.state import Decision
from napari_attnseg.review.words import case_words, measure_words, order_words


def test_a_changed_mask_of_results_has_no_expected_dice(tmp_path: Path) -> None:
    dice = {name: estimated(0.8) for name in "abc"}
    folder = write_results(tmp_path, dice)
    Image.fromarray(square(0, size=9) * 255).save(folder / "a_mask.png")
    Image.fromarray((1 - square(1)) * 255).save(folder / "b_mask.png")
    review = Review(find_cases(folder), "ann")
    a, b, c = sorted(review.cases, key=lambda case: case.name)

    def said(case: Case) -> tuple[str, str]:
        known = review.known(case)
        words = case_words(known, review.state(case))
        return measure_words(known, review.order), words

    found = review.read_mask(a)
    assert found is not None
    np.testing.assert_array_equal(found.labels, square(0, size=9))
    with pytest.raises(InputError, match=r"saved inverted"):
        review.read_mask(b)
    own = review.read_mask(c)
    assert own is not None and not own.assumed
    for case in (a, b):
        number, words = said(case)
        why = "No expected Dice: the mask was changed since the model made it."
        assert (number, words) == ("–", why)
    number, words = said(c)
    assert number == "0.80" and words.startswith("Expected Dice 0.80")
    # A file that is missing was not changed, and one that was put back is not either.
    own_file = (folder / "c_mask.png").read_bytes()
    (folder / "c_mask.png").unlink()
    with pytest.raises(InputError):
        review.read_mask(c)
    assert said(c)[0] == "0.80"
    (folder / "a_mask.png").write_bytes(own_file)
    Image.fromarray(square(0) * 255).save(folder / "a_mask.png")
    review.read_mask(a)
    review.close()


def test_of_corrected_masks_the_order_does_not_blame_the_weights(
    tmp_path: Path,
) -> None:
    folder = write_results(tmp_path, {"a": estimated(0.8)})
    facts = json.loads((folder / "a.json").read_text())
    facts["mask_edited"] = True
    (folder / "a.json").write_text(json.dumps(facts))
    review = Review(find_cases(folder), "ann")
    (case,) = review.cases
    why = "o expected Dice: the mask was changed since the model made it."
    assert order_words(review) == f"Sorted by doubt, the highest first; n{why}"
    assert case_words(case, review.state(case)) == f"N{why}"
    review.close()


def test_why_results_have_no_expected_dice() -> None:
    own = {"threshold": 0.5, "expected_dice": estimated(0.8)}

    def why(**facts: Any) -> str:
        found = expected_of({"provenance": own, **facts})
        assert found is not None
        return found.why_none

    assert why() == ""
    assert why(mask_edited=True) == "the mask was changed since the model made it"
    stack = expected_of({"provenance": own, "mask_edited": True}, stacked=True)
    assert stack is not None and "masks of this stack were changed" in stack.why_none
    own["mask_rules"] = asdict(MaskRules(0.3))
    assert why().startswith("it was measured at the model's own threshold")
    own["expected_dice"] = {"state": "unlike"}
    assert why(mask_edited=True) == "unlike the images it was measured on"
    assert expected_of({"provenance": {}, "mask_edited": True}) is None


def test_a_mask_from_elsewhere_over_most_of_the_border_is_asked_about(
    tmp_path: Path,
) -> None:
    folder = write_images(tmp_path, 2)
    Image.fromarray((1 - square(1)) * 255).save(folder / "masks" / "case0.png")
    review = Review(find_cases(folder), "ann")
    first, second = (review.read_mask(case) for case in review.cases)
    assert first is not None and second is not None and not second.assumed
    assert first.assumed == (
        "case0.png covers 100 % of the border of its image: if it was saved inverted, "
        "save it with 255 for the mask."
    )
    # Also where the object touches the border.
    touching = 1 - square(1)
    touching[:, :3] = 0
    assert "of the border" in border_words(review.cases[0], touching)
    touching[:, 4:] = 0
    assert border_words(review.cases[0], touching) == ""
    np.testing.assert_array_equal(first.labels, 1 - square(1))
    # Asked once when it is accepted; one that is painted is somebody's own.
    doubted, sure = review.cases
    assert review.accept(sure, second.labels) is Decision.ACCEPTED
    review.enter(doubted, None, None)
    with pytest.raises(InputError, match=r"saved inverted.*accept it again"):
        review.accept(doubted, first.labels)
    assert review.state(doubted).decision is None
    assert review.accept(doubted, first.labels) is Decision.ACCEPTED
    review.read_mask(doubted)
    review.paint(doubted, square(0))
    assert review.accept(doubted, square(0)) is Decision.CORRECTED
    review.close()


def test_a_changed_frame_of_a_film_is_known_by_its_area(tmp_path: Path) -> None:
    table = tmp_path / "f_frames.csv"
    table.write_text("frame,area_px\n4,64\n")
    good = ExpectedDice(EstimateState.ESTIMATED, 0.8, 0.7, 0.9)
    film = tmp_path / "f.mp4"
    case = Case("f", film, tmp_path / "m.png", expected=good, frame=4, table=table)
    assert not is_changed(case, square(3))
    assert is_changed(case, square(3, size=9))
    table.unlink()
    assert not is_changed(case, square(3, size=9))
