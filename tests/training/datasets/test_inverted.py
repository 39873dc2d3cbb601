"""Inverted masks are told, whatever frame was drawn around them."""

from __future__ import annotations

import numpy as np
import pytest

from attnseg_training.datasets.findings import MasksSeen
from attnseg_training.datasets.inverted import is_inverted
from attnseg_training.datasets.rules import Rule

H, W = 60, 80
Y, X = np.mgrid[:H, :W]


def disc(y: int, x: int, r: int) -> np.ndarray:
    return (Y - y) ** 2 + (X - x) ** 2 < r * r


def framed(mask: np.ndarray, top: int = 1, right: int = 1) -> np.ndarray:
    """A mask around which dark lines were drawn."""
    mask[:top] = mask[-top:] = mask[:, 0] = False
    mask[:, W - right :] = False
    return mask


#: Lesions by their names, and whether a mask of them may be inverted.
LESIONS = {
    "inverted": (~disc(30, 40, 14), True),
    "framed": (framed(~disc(30, 40, 14)), True),
    "framed on three sides": (framed(~disc(30, 40, 14), right=0), True),
    "letterboxed": (framed(~disc(30, 40, 14), top=8), True),
    "framed, the lesion cut by it": (framed(~disc(0, 40, 14)), True),
    "round field of view": (disc(30, 40, 29) & ~disc(30, 40, 6), True),
    "large": (disc(30, 40, 29), False),
    "all but a small hole": (~disc(20, 30, 3), True),
    "all but thin gaps and a spot": (
        ~(disc(30, 40, 13) & ~disc(30, 40, 12)) & ~disc(10, 10, 3),
        True,
    ),
    "large, with a small gap": (disc(30, 40, 29) & ~disc(30, 40, 3), False),
    "a box": (framed(np.ones((H, W), bool), top=8), False),
    "a ring": (disc(30, 40, 20) & ~disc(30, 40, 10), False),
    "cut by the corner": (~disc(0, 0, 22), True),
    "cut by the border": (~disc(0, 40, 14), True),
    "a slanted edge": (Y < 45 - 0.3 * (X - 40), False),
    "two slanted edges": ((Y < 85 - 0.6 * X) & (Y > 15 - 0.6 * X), False),
    "a slanted edge and a hole": ((Y < 50 - 0.1 * X) & ~disc(20, 40, 9), True),
    "a curved edge": (~disc(70, 80, 50), True),
    "none": (np.zeros((H, W), bool), False),
}


@pytest.mark.parametrize("name", LESIONS)
def test_a_mask_may_be_inverted_where_its_lesion_surrounds_the_rest(name: str) -> None:
    lesion, inverted = LESIONS[name]
    assert is_inverted(lesion) == inverted


@pytest.mark.parametrize(("inverted", "stops"), [(1, False), (3, True)])
def test_most_framed_masks_stop_and_one_is_named(inverted: int, stops: bool) -> None:
    seen = MasksSeen()
    for i in range(4):
        mask = framed(disc(30, 30 + i, 14) ^ (i < inverted))
        seen.add(f"a{i}", mask[None].astype(np.uint8))
    told = seen.broken() if stops else seen.hints()
    assert [one.rule for one in told] == [
        Rule.MOSTLY_INVERTED if stops else Rule.INVERTED
    ]
    assert (seen.hints() if stops else seen.broken()) == []
