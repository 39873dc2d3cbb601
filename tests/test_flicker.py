"""Flicker and smoothing over time, without a model."""

from __future__ import annotations

import numpy as np
import pytest

from napari_attnseg.errors import InputError
from napari_attnseg.flicker import (
    ENOUGH,
    SIDE,
    Flicker,
    Pair,
    image_change,
    small_picture,
)
from napari_attnseg.hashing import array_sha256
from napari_attnseg.reliability.estimate import ESTIMATE
from napari_attnseg.results import Segmentation
from napari_attnseg.time_smoothing import (
    TIME_SMOOTHING,
    Window,
    check_frames,
    median,
    smoothed,
)


@pytest.mark.parametrize("shape", [(20, 7), (480, 640), (3, 50), (1080, 1920, 3)])
def test_a_small_picture_has_the_means_of_blocks(shape: tuple[int, ...]) -> None:
    image = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    found = small_picture(image)
    assert found.shape == tuple(min(n, SIDE) for n in shape[:2])
    assert found.mean() == pytest.approx(image.mean(), rel=0.05)
    image[: shape[0] // 2] = 0
    assert small_picture(image)[: found.shape[0] // 2 - 1].max(initial=0) == 0


def test_the_change_of_an_image_needs_no_unit() -> None:
    one = small_picture(np.arange(100.0).reshape(10, 10))
    other = one.copy()
    other[0, 0] = 50
    assert image_change(one, one) == 0 == image_change(one * 0, one * 0)
    assert image_change(one, other) == pytest.approx(50 / 99 / 100)
    scaled = image_change(one * 700 - 3000, other * 700 - 3000)
    assert scaled == pytest.approx(image_change(one, other), rel=1e-4)


def test_only_pairs_whose_image_hardly_changes_count() -> None:
    still = np.arange(64.0, dtype=np.float32).reshape(8, 8)
    moved = still[::-1]
    mask, half, none = np.zeros((3, 4, 4), np.uint8)
    mask[:], half[:2] = 1, 1
    pairs = [
        Pair.of((still, still), (mask, half)),  # 2 * 8 / 24
        Pair.of((still, still), (half, none)),
        Pair.of((still, still), (none, none)),  # nothing to flicker
        Pair.of((still, moved), (mask, half)),
    ]
    assert [one.counts for one in pairs] == [True, True, False, False]
    found = Flicker.of(pairs)
    assert found.dice == pytest.approx((2 / 3 + 0) / 2)
    assert (found.pairs, found.neighbours) == (2, 4)
    assert found.to_json()["dice_of_neighbours"] == 0.3333
    assert "2 of 4 pairs" in found.words and "0.333" in found.words
    assert "too few to say" in found.words and "1 means" not in found.words
    enough = Flicker.of([Pair(0.0, 1.0)] * ENOUGH)
    assert "1 means no flicker" in enough.words and "too few" not in enough.words
    assert found.to_json()["pairs_needed"] == ENOUGH == 5
    assert Flicker.of(pairs[2:]).dice is None
    assert "not measured" in Flicker.of(pairs[2:]).words
    assert "as no pair of neighbours (of 1) has" in Flicker.of(pairs[3:]).words
    assert "Flicker: 1 of 1 pair of neighbours with" in Flicker.of(pairs[:1]).words


@pytest.mark.parametrize("frames", [1, 3, 5, 7])
@pytest.mark.parametrize("count", [1, 2, 4, 12])
def test_a_window_is_symmetric_and_shorter_at_the_ends(frames: int, count: int) -> None:
    def around(items: list[list[int]], at: int) -> list[int]:
        assert len(items) % 2 == 1 and at == len(items) // 2
        return [item[0] for item in items]

    window = Window(frames, around)
    found = []
    for i in range(count):
        found += list(window.add([i]))
        assert len(found) >= i + 1 - frames // 2  # no later than it has to be
        assert len(window._kept) <= frames
    found += list(window.rest())
    half = frames // 2
    for i, items in enumerate(found):
        reach = min(half, i, count - 1 - i)
        assert items == list(range(i - reach, i + reach + 1))
    assert len(found) == count


def test_a_median_takes_out_a_single_frame() -> None:
    maps = np.random.default_rng(0).random((5, 1, 6, 7)).astype(np.float32)
    np.testing.assert_array_equal(median(list(maps)), np.median(maps, 0))
    on, off = np.full((1, 4, 4), 0.9, np.float32), np.full((1, 4, 4), 0.1, np.float32)
    facts = {"threshold": 0.5, ESTIMATE: {"state": "estimated"}, "mask_sha256": ""}
    frames = [
        Segmentation((p[0] > 0.5).astype(np.uint8), p, (), facts) for p in (on, off, on)
    ]
    found = smoothed(frames, 1, 3)
    assert found.mask.all() and not frames[1].mask.any()
    assert found.provenance[TIME_SMOOTHING] == {"method": "running_median", "frames": 3}
    assert found.provenance["mask_sha256"] == array_sha256(found.mask)
    assert ESTIMATE not in found.provenance  # it is of another mask


@pytest.mark.parametrize("frames", [0, -1, 2, 33])
def test_other_windows_are_refused(frames: int) -> None:
    with pytest.raises(InputError, match="odd number"):
        check_frames(frames)
