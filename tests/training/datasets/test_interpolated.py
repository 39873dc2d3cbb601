"""Masks whose numbers were interpolated are told; rings and touching classes not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from scipy.ndimage import distance_transform_edt, gaussian_filter

from attnseg_training.datasets.findings import MasksSeen
from attnseg_training.datasets.interpolated_numbers import (
    WIDE,
    InterpolatedNumbers,
    Rims,
    _edges,
    rims_of,
)
from attnseg_training.datasets.masks import read
from attnseg_training.datasets.rules import Rule, UnclearMaskError

H, W = 96, 120
Y, X = np.mgrid[:H, :W]


def disc(y: float, x: float, radius: float) -> np.ndarray:
    found: np.ndarray = np.hypot(Y - y, X - x) < radius
    return found


def apart(i: int) -> np.ndarray:
    """A lesion, 1, and an instrument, 2, elsewhere."""
    return (disc(30, 30 + i, 16) + 2 * disc(70, 85 - i, 14)).astype(np.uint8)


def nested(i: int) -> np.ndarray:
    """A cup, 2, in a disc, 1: a thick ring."""
    return (disc(48, 50 + i, 30) + 1 * disc(48, 52 + i, 20)).astype(np.uint8)


def touching(i: int) -> np.ndarray:
    """Two halves of one disc."""
    return (disc(48, 60, 25 + i) * np.where(60 + i > X, 1, 2)).astype(np.uint8)


def thin(i: int) -> np.ndarray:
    """A class that is nothing but a thin wall around another."""
    return (disc(48, 60, 22 + i) + 1 * disc(48, 60, 20 + i)).astype(np.uint8)


def resized(mask: np.ndarray, how: Image.Resampling) -> np.ndarray:
    small = Image.fromarray(mask).resize((W * 3 // 4, H * 3 // 4), 0)
    return np.asarray(small.resize((W, H), how))


def told(masks: list[np.ndarray], folder: Path) -> list[Rule]:
    seen = MasksSeen()
    for i, mask in enumerate(masks):
        Image.fromarray(mask).save(folder / "mask.png")
        one = read(folder / "mask.png", values=(1, 2))
        seen.add(f"a{i}", one.planes, readings=[one])
    return [error.rule for error in seen.broken()]


@pytest.mark.parametrize("how", [Image.Resampling.BILINEAR, Image.Resampling.BICUBIC])
def test_rims_of_another_class_stop(tmp_path: Path, how: Image.Resampling) -> None:
    masks = [resized(apart(i), how) for i in range(5)]
    assert told(masks, tmp_path) == [Rule.MOSTLY_INTERPOLATED]
    assert told([*masks[:2], *map(apart, range(4))], tmp_path) == []
    rims = rims_of(masks[0])
    assert rims is not None and rims.numbers == {1} and rims.cores == {0, 1, 2}


def test_rims_in_few_of_many_masks_are_not_told(tmp_path: Path) -> None:
    """Masks of one class count, too, although they can show no rim."""
    rims = [resized(apart(i), Image.Resampling.BILINEAR) for i in range(4)]
    for count, rules in ((3, [Rule.MOSTLY_INTERPOLATED]), (4, []), (37, [])):
        alone = [disc(30, 30 + i, 16).astype(np.uint8) for i in range(count)]
        assert told([*rims, *alone], tmp_path) == rules


def test_only_numbers_of_drawn_classes_are_named() -> None:
    """From 3 to 0 lie rims of 2, which is no class, and of 1."""
    rims = Rims(frozenset({1.0, 2.0}), frozenset({0.0, 1.0, 3.0}))
    error = InterpolatedNumbers(dict.fromkeys("abc", rims)).error(3)
    assert error is not None and "rims of a smaller number (1) around" in str(error)


def test_widths_are_distances_to_the_next_smaller_number() -> None:
    """The definition: distance transforms of whole masks, which are slow."""
    ranks = np.random.default_rng(0).integers(0, 5, (6, 8)).repeat(9, 0).repeat(7, 1)
    own, beside, widths, _ = _edges(ranks.astype(np.uint8))
    larger = np.pad(ranks, 1, mode="edge")
    at = ranks < np.maximum.reduce(
        [larger[:-2, 1:-1], larger[2:, 1:-1], larger[1:-1, :-2], larger[1:-1, 2:]]
    )
    assert np.array_equal(own, ranks[at]) and beside.shape == (4, at.sum())
    for rank in range(1, 5):
        far = distance_transform_edt(ranks >= rank)[at & (ranks == rank)]
        assert np.allclose(widths[own == rank], np.where(far <= WIDE, far, np.inf))


@pytest.mark.parametrize("draw", [apart, nested, touching, thin])
def test_classes_as_they_were_drawn_are_right(tmp_path: Path, draw) -> None:
    assert told([draw(i) for i in range(5)], tmp_path) == []
    near = [resized(draw(i), Image.Resampling.NEAREST) for i in range(5)]
    assert told(near, tmp_path) == []


def test_void_that_was_interpolated_is_named(tmp_path: Path) -> None:
    void = disc(48, 60, 28) & ~disc(48, 60, 24)
    mask = np.where(void, 255, disc(48, 60, 24)).astype(np.uint8)
    path = tmp_path / "mask.png"
    Image.fromarray(mask).save(path)
    right = read(path, ignore=255)
    assert np.array_equal(right.planes[0], mask == 1)
    Image.fromarray(resized(mask, Image.Resampling.BILINEAR)).save(path)
    with pytest.raises(UnclearMaskError, match="1 inside rims of larger numbers"):
        read(path, ignore=255)
    # A soft lesion fades out through 1 to 0.
    soft = (gaussian_filter(255.0 * disc(48, 60, 24), 4) + 0.9).astype(np.uint8)
    Image.fromarray(soft * (X > 10)).save(path)
    assert read(path, ignore=255).planes.any()


def test_fractions_up_to_1_of_255_are_named(tmp_path: Path) -> None:
    mask = np.asarray(disc(48, 60, 24), np.float32)
    soft = gaussian_filter(mask, 1.2)
    soft /= soft.max()
    tifffile.imwrite(tmp_path / "mask.tif", soft / 255)
    with pytest.raises(UnclearMaskError, match="fractions up to 1/255"):
        read(tmp_path / "mask.tif")
    assert np.array_equal(
        read(tmp_path / "mask.tif", threshold=0.002).planes[0], soft > 0.51
    )
    tifffile.imwrite(tmp_path / "mask.tif", soft / 100)  # noise of a model
    assert not read(tmp_path / "mask.tif").planes.any()


def test_numbers_between_those_of_classes_may_be_interpolated(tmp_path: Path) -> None:
    mask = np.where(disc(48, 60, 20), 0, np.where(disc(48, 60, 30), 128, 255))
    path = tmp_path / "mask.png"
    Image.fromarray(resized(mask.astype(np.uint8), Image.Resampling.BILINEAR)).save(
        path
    )
    with pytest.raises(UnclearMaskError) as refused:
        read(path, values=(128, 0), background=(255,))
    assert "Expected the values 0 and 128, 255 in" in str(refused.value)
    assert "nearest neighbours" in str(refused.value)
