"""Masks of blocks, of fields of view and with white edges are told as what they are."""

from __future__ import annotations

import numpy as np
import pytest

from attnseg_training.datasets.findings import MasksSeen
from attnseg_training.datasets.rules import Rule

H, W = 96, 128
Y, X = np.mgrid[:H, :W]


def blob(i: int) -> np.ndarray:
    """A lesion with an uneven outline."""
    y, x = Y - 40 - i, X - 60 - 2 * i
    return np.hypot(y, x) < 22 + i + 4 * np.sin(3 * np.arctan2(y, x) + i)


def seen(masks: list[np.ndarray], images: list[np.ndarray] | None = None) -> MasksSeen:
    parts = MasksSeen(), MasksSeen()
    for i, mask in enumerate(masks):
        rgb = None if images is None else images[i]
        parts[i % 2].add(f"a{i}", mask[None].astype(np.uint8), rgb=rgb)
    return parts[0].joined(parts[1])


def told(masks: list[np.ndarray], images: list[np.ndarray] | None = None) -> set[Rule]:
    return {hint.rule for hint in seen(masks, images).hints()}


@pytest.mark.parametrize("side", [4, 8, 16])
def test_blocks_are_told_with_their_side(side: int) -> None:
    blocks = [
        np.kron(blob(i)[side // 2 :: side, side // 2 :: side], np.ones((side, side)))
        > 0
        for i in range(8)
    ]
    (hint,) = (one for one in seen(blocks).hints() if one.rule == Rule.BLOCKS)
    assert f"blocks of {side} pixels" in str(hint)
    assert Rule.STRAIGHT_CUTS not in told(blocks)
    assert Rule.BLOCKS not in told([blob(i) for i in range(8)])


def test_fields_of_view_are_no_ellipses() -> None:
    rng = np.random.default_rng(0)
    fields = [np.hypot(Y - 47 - i % 3, X - 62) < 45 for i in range(8)]
    texture = rng.integers(60, 200, (H, W, 3)).astype(np.uint8)
    images = [texture * field[..., None] for field in fields]
    rules = told(fields, images)
    assert Rule.FIELD_OF_VIEW in rules
    assert Rule.ELLIPSES not in rules
    lesions = [np.hypot(Y - 47, X - 50 - i) < 20 for i in range(8)]
    assert Rule.FIELD_OF_VIEW not in told(lesions, images)


@pytest.mark.parametrize("width", [1, 3])
def test_white_edges_are_not_inverted(width: int) -> None:
    masks = [blob(i) for i in range(8)]
    for mask in masks:
        mask[-width:] = True
        mask[:, -width:] = True
    found = seen(masks)
    assert found.looks.inverted == []
    assert [error.rule for error in found.broken()] == [Rule.MOSTLY_PADDED]
    inverted = seen([~blob(i) for i in range(8)])
    assert [error.rule for error in inverted.broken()] == [Rule.MOSTLY_INVERTED]
