"""Recognise masks of all that is not 0 in a JPEG: noise lies around their lesions.

JPEG compresses blocks of 8 × 8 pixels. A block at the edge of a lesion has small
numbers where there were zeros, and a block beside it has none.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, label, maximum

#: Side of a block.
_SIDE = 8
#: Pieces of fewer pixels are noise if there are at least so many.
_LARGE, _PIECES = 100, 5
#: Share of their pixels that lie in blocks of an edge, at least, and the largest chance
#: that all would if they lay at the same distances from a lesion without blocks.
_INSIDE, _CHANCE = 0.98, 1e-4


def is_ringing(lesion: NDArray[np.bool_]) -> bool:
    """Whether the small pieces of a mask (H, W) lie in the blocks of a JPEG."""
    pieces, count = label(lesion, np.ones((3, 3)))
    areas = np.bincount(pieces.ravel(), minlength=count + 1)
    few = 1 + np.flatnonzero(areas[1:] < _LARGE)
    large = lesion & (areas[pieces] >= _LARGE)
    if len(few) < _PIECES or not large.any():
        return False
    blocks = _blocks_of(large)
    if blocks[lesion & ~large].mean() < _INSIDE:
        return False
    far = np.rint(distance_transform_edt(~large)).astype(int)
    beside = np.bincount(far[~large])
    inside = np.bincount(far[~large & blocks], minlength=len(beside))
    chances = inside / np.maximum(beside, 1)
    ends = maximum(far, pieces, few).astype(int)
    return bool(np.prod(chances[ends]) <= _CHANCE)


def _blocks_of(large: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels (H, W) of the blocks that hold a part of `large`."""
    rows, columns = large.shape
    padded = np.pad(large, ((0, -rows % _SIDE), (0, -columns % _SIDE)))
    parts = padded.reshape(len(padded) // _SIDE, _SIDE, -1, _SIDE)
    held = parts.any((1, 3)).repeat(_SIDE, 0).repeat(_SIDE, 1)
    return np.asarray(held[:rows, :columns])
