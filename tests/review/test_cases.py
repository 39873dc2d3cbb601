"""Which cases a folder has, in which order, and what is left out."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from made_series import SHAPE, estimated, square, write_images, write_results
from PIL import Image

from napari_attnseg.errors import InputError
from napari_attnseg.reliability.estimate import EstimateState, ExpectedDice
from napari_attnseg.review.case import Case
from napari_attnseg.review.cases import Order, find_cases
from napari_attnseg.review.mask_file import read_mask
from napari_attnseg.review.session import Review
from napari_attnseg.review.words import order_words


def test_the_lowest_expected_dice_comes_first_and_before_it_those_without(
    tmp_path: Path,
) -> None:
    expected = {
        "good": estimated(0.95),
        "bad": estimated(0.3),
        "odd": {"state": "unlike", "mean": None, "low": None, "high": None},
    }
    series = find_cases(write_results(tmp_path, expected))
    assert series.order is Order.EXPECTED_DICE
    assert [case.name for case in series.cases] == ["odd", "bad", "good"]
    bad = series.cases[1]
    assert bad.expected is not None and bad.expected.mean == 0.3
    assert bad.mask is not None
    labels = read_mask(bad.mask, bad.mask_value).labels
    np.testing.assert_array_equal(labels, square(1))


def test_without_expected_dice_the_most_doubtful_comes_first(tmp_path: Path) -> None:
    doubt = {"sure": 0.99, "unsure": 0.5}
    series = find_cases(write_results(tmp_path, dict.fromkeys(doubt), doubt))
    assert series.order is Order.DOUBT
    assert [case.name for case in series.cases] == ["unsure", "sure"]


def test_why_the_order_is_not_by_expected_dice(tmp_path: Path) -> None:
    image = Path("a.png")
    grey = ExpectedDice(EstimateState.GREY)
    empty = ExpectedDice(EstimateState.EMPTY)

    def said(*expected: ExpectedDice | None) -> str:
        cases = [
            Case(f"{i}", image, None, expected=one, doubt=0.1)
            for i, one in enumerate(expected)
        ]
        review = SimpleNamespace(cases=cases, study=None, order=Order.DOUBT)
        return order_words(cast(Review, review))

    weights = "these weights have no expected Dice"
    assert said(None) == f"Sorted by doubt, the highest first; {weights}."
    assert f"no expected Dice: {grey.why_none}." in said(grey, empty)
    assert "as nothing was found" in said(empty)
    both = said(grey, ExpectedDice(EstimateState.UNLIKE))
    assert "for the reason that each case gives" in both


def test_results_whose_image_is_gone_are_named(tmp_path: Path) -> None:
    folder = write_results(tmp_path, {"a": None, "b": None})
    (tmp_path / "images" / "case1.png").unlink()
    series = find_cases(folder)
    assert [case.name for case in series.cases] == ["a"]
    assert series.without_image == ("b",)
    assert "b" in series.left_out_words


@pytest.mark.parametrize("chosen", ["", "images"])
def test_images_and_masks_need_no_model(tmp_path: Path, chosen: str) -> None:
    write_images(tmp_path, 3)
    (tmp_path / "masks" / "case2.png").rename(tmp_path / "masks" / "other.png")
    series = find_cases(tmp_path / chosen)
    assert series.order is Order.NAME
    masks = {case.name: case.mask and case.mask.name for case in series.cases}
    assert masks == {"case0": "case0.png", "case1": "case1.png", "case2": None}
    assert series.unused_masks == (() if chosen else ("other.png",))


def test_masks_that_lie_beside_their_images_are_no_cases(tmp_path: Path) -> None:
    for name in ("a", "a_mask", "only_mask"):
        Image.fromarray(np.zeros(SHAPE, np.uint8)).save(tmp_path / f"{name}.png")
    series = find_cases(tmp_path)
    found = {case.name: case.mask and case.mask.name for case in series.cases}
    # That one is a mask by name only: there is no image that it could be of.
    assert found == {"a": "a_mask.png", "only_mask": None}


def test_a_folder_of_masks_can_be_named(tmp_path: Path) -> None:
    write_images(tmp_path / "one", 2)
    masks = tmp_path / "elsewhere"
    masks.mkdir()
    Image.fromarray(square(0)).save(masks / "CASE0_mask.tif")
    series = find_cases(tmp_path / "one" / "images", masks)
    assert [case.mask for case in series.cases] == [masks / "CASE0_mask.tif", None]


def test_nothing_to_review_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="check the path"):
        find_cases(tmp_path / "nowhere")
    with pytest.raises(InputError, match="found none"):
        find_cases(tmp_path)


@pytest.mark.parametrize(
    ("values", "kept"), [([0, 255], [0, 1]), ([0, 7], [0, 1]), ([0, 2, 5], [0, 2, 5])]
)
def test_a_mask_of_two_values_is_one_region_and_others_are_labels(
    tmp_path: Path, values: list[int], kept: list[int]
) -> None:
    array = np.resize(np.array(values, np.uint8), SHAPE)
    Image.fromarray(array).save(tmp_path / "m.png")
    found = read_mask(tmp_path / "m.png")
    assert np.unique(found.labels).tolist() == kept and not found.assumed


def test_the_blur_of_a_jpeg_is_said_to_be_cut(tmp_path: Path) -> None:
    Image.fromarray(square(3, 16) * 255).save(tmp_path / "m.jpg", quality=60)
    found = read_mask(tmp_path / "m.jpg")
    np.testing.assert_array_equal(found.labels, square(3, 16))
    assert "m.jpg" in found.assumed and "127" in found.assumed


def test_colours_and_fractions_are_no_mask(tmp_path: Path) -> None:
    colours = np.zeros((*SHAPE, 3), np.uint8)
    colours[0, 0, 0] = 9
    Image.fromarray(colours).save(tmp_path / "c.png")
    Image.fromarray(np.full(SHAPE, 0.5, np.float32)).save(tmp_path / "p.tif")
    for name, words in (("c.png", "colours"), ("p.tif", "fractions")):
        with pytest.raises(InputError, match=words):
            read_mask(tmp_path / name)
