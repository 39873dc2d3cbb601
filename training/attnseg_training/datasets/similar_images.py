"""Find copies of an image that were saved again and have another mask."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets.near_duplicates import Bits, differing_bits, few_bits

#: Side of the grid on which masks are compared.
SIDE = 64
#: Of the 512 bits of both hashes, so many may differ between copies. In Kvasir-SEG,
#: copies that were made smaller and compressed (JPEG quality 60) differ in at most 13.
TOLERANCE = 24
#: Masks with a Dice below this are reported as different. Those of the three pairs of
#: Kvasir-SEG's 880 images that look the same have 0.96 and more.
DICE = 0.8
#: Number of images that are compared with all others at once.
CHUNK = 1024


def grid_of(lesion: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Sample a lesion (H, W) on a grid of 64 × 64."""
    at = (np.arange(SIDE) + 0.5) / SIDE
    rows, columns = (np.floor(at * n).astype(int) for n in lesion.shape)
    return np.asarray(lesion[np.ix_(rows, columns)])


def with_other_masks(
    hashes: Mapping[str, Bits],
    grids: Mapping[str, NDArray[np.bool_]],
    known: Callable[[str, str], bool],
) -> tuple[tuple[str, str], ...]:
    """Find pairs of images that look the same but have different masks.

    Parameters
    ----------
    hashes : mapping
        Name → hashes, as `near_duplicates` compares them.
    grids : mapping
        Name → lesion on the grid of `grid_of`.
    known : callable
        Whether two images, by name, are the same pixel for pixel; these pairs are left
        out, because `SAME_IMAGE` reports them.
    """
    names = [name for name in hashes if name in grids]
    if len(names) < 2:
        return ()
    signs = np.stack([2 * hashes[name][0].astype(np.float32) - 1 for name in names])
    limits = np.minimum(few_bits(signs), TOLERANCE)
    found = []
    for start in range(0, len(names), CHUNK):
        bits = differing_bits(signs[start : start + CHUNK], signs[start:])
        least = np.minimum.outer(limits[start : start + CHUNK], limits[start:])
        for i, j in np.argwhere((bits <= least) & (least > 0)).tolist():
            one, other = names[start + i], names[start + j]
            apart = i < j and dice(grids[one], grids[other]) < DICE
            if apart and not known(one, other):
                found.append((one, other))
    return tuple(found)


def dice(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Overlap of two lesions on the grid; 1 if both are empty."""
    both = np.count_nonzero(one) + np.count_nonzero(other)
    return 2 * np.count_nonzero(one & other) / both if both else 1.0
