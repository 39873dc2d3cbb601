"""Recognise masks that are made of square blocks, such as labels of patches."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets.hints import Hint
from attnseg_training.datasets.rules import Rule

#: Least side of a block, in pixels. A mask has edges at so many rows and columns: a box
#: has two.
SIDE, EDGES = 4, 3
#: More than this share of the masks, and more than so many, are no chance.
MOST, FEW = 0.5, 4


def block_of(lesion: NDArray[np.bool_]) -> int:
    """Side of the blocks of which a mask (H, W) is made; 0 if it is not."""
    rows = 1 + np.flatnonzero((lesion[1:] != lesion[:-1]).any(1))
    columns = 1 + np.flatnonzero((lesion[:, 1:] != lesion[:, :-1]).any(0))
    if min(len(rows), len(columns)) < EDGES:
        return 0
    side = int(np.gcd.reduce(np.concatenate([rows, columns])))
    return side if side >= SIDE else 0


def blocks_hint(sides: Mapping[str, int], total: int) -> Hint | None:
    """Give a hint if most masks (name → side) are made of blocks of one side."""
    if len(sides) <= max(MOST * total, FEW):
        return None
    side = int(np.gcd.reduce(list(sides.values())))
    if side < SIDE:
        return None
    return Hint(Rule.BLOCKS, tuple(sides), held=f"blocks of {side} pixels")
