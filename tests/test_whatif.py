"""What-if on the gates: the same numbers as decoding with these gates."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_attnseg import Segmenter
from napari_attnseg.errors import InputError
from napari_attnseg.whatif import ForcedGates, WhatIf, block_mean

IMAGE = np.random.default_rng(1).integers(0, 255, (50, 70, 3), np.uint8)


@pytest.fixture(scope="module")
def segmenter(tiny_weights: Path) -> Segmenter:
    """Untrained, with the threshold in the middle of what it gives."""
    found = Segmenter.from_checkpoint(tiny_weights, "cpu")
    middle = float(np.median(found(IMAGE).probability))
    return replace(found, card=replace(found.card, threshold=middle))


@pytest.fixture(scope="module")
def what_if(segmenter: Segmenter) -> WhatIf:
    return WhatIf(segmenter, IMAGE)


def test_nothing_forced_changes_nothing(what_if: WhatIf) -> None:
    change = what_if.change(ForcedGates())
    assert (change.gained, change.lost, change.overlap) == (0, 0, 1.0)
    assert np.array_equal(change.result.probability, what_if.own.probability)


def test_counts_and_overlap_are_those_of_the_masks(
    segmenter: Segmenter, what_if: WhatIf
) -> None:
    expected = segmenter.decode(segmenter.encode(IMAGE), {32: 0.0, 4: 1.0})
    change = what_if.change(ForcedGates({32: 0.0, 4: 1.0}))
    assert np.array_equal(change.result.mask, expected.mask)
    before, after = what_if.own.mask > 0, expected.mask > 0
    assert change.gained == (after & ~before).sum()
    assert change.lost == (before & ~after).sum()
    assert change.gained + change.lost > 0
    both = 2 * (before & after).sum() / (before.sum() + after.sum())
    assert change.overlap == pytest.approx(both)
    assert change.result.provenance["gates_forced"] == {"1/32": 0.0, "1/4": 1.0}


def test_paint_forces_psi_where_it_is_and_nowhere_else(what_if: WhatIf) -> None:
    paint = np.full((50, 70), np.nan)
    paint[:, :35] = 1.0
    change = what_if.change(ForcedGates({8: 0.25}, paint, (4, 8)))
    own = {gate.level: gate.values for gate in what_if.own.attention}
    used = {gate.level: gate.values for gate in change.result.attention}
    half = used[4].shape[1] // 2
    assert np.allclose(used[4][:, :half], 1)
    assert np.allclose(used[4][:, half:], own[4][:, half:], atol=1e-6)
    assert np.allclose(used[8][:, half // 2 :], 0.25)
    for level in (16, 32):
        assert np.array_equal(used[level], own[level])


def test_a_coarse_pixel_takes_the_share_that_is_painted(what_if: WhatIf) -> None:
    coarse = next(g for g in what_if.own.attention if g.level == 32)
    paint = np.full((50, 70), np.nan)
    paint[: int(50 / coarse.values.shape[0] / 2)] = 0.0  # half of its first row
    forced = ForcedGates({}, paint, (32,)).psi(what_if.own.attention)[32]
    share = int(50 / coarse.values.shape[0] / 2) / (50 / coarse.values.shape[0])
    assert np.allclose(forced[0], coarse.values[0] * (1 - share), atol=1e-6)
    assert np.allclose(forced[1:], coarse.values[1:], atol=1e-6)


def test_block_mean_counts_pixels_that_are_cut() -> None:
    image = np.arange(15, dtype=float).reshape(3, 5)
    assert block_mean(image, (3, 5)) == pytest.approx(image)
    found = block_mean(image, (2, 2))
    weights = np.array([1, 1, 0.5, 0, 0]) / 2.5
    rows = np.array([1, 0.5, 0]) / 1.5
    assert found[0, 0] == pytest.approx(rows @ image @ weights)
    assert found.mean() == pytest.approx(image.mean())


def test_psi_out_of_range_is_refused(what_if: WhatIf) -> None:
    with pytest.raises(InputError, match=r"psi in \[0, 1\]"):
        what_if.change(ForcedGates({4: 1.5}))
    right = np.zeros(what_if.own.mask.shape)
    for paint, gates, words in (
        (right + 7.5, (4,), "values up to 7.5"),
        (right[:4, :4], (4,), "image's shape"),
        (right, (99,), "no gate at 1/99"),
    ):
        with pytest.raises(InputError, match=words):
            what_if.change(ForcedGates(painted=paint, gates=gates))
