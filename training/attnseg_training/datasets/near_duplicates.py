"""Images that look the same: difference hashes, compared between splits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

#: Side of a hash; the bits of each of both are the square of it.
SIDE = 16
BITS = SIDE * SIDE
#: Bits of the 256 in which near-duplicates may differ. Looked at in Kvasir-SEG: up to
#: 40 the pairs show the same place seconds apart, from 41 on some show different ones.
TOLERANCE = 40
#: Bits of the 512 of both hashes in which an image and a turned or flipped copy may
#: differ, which are seven comparisons more. In Kvasir-SEG copies that were resized and
#: compressed differ in up to 32, other images in 104 and more.
TURNED_TOLERANCE = 64
#: Nor in more than this share of the bits of which an image has few: on a black ground
#: most bits are alike.
FEW = 0.25

#: Where more than this share of the bits is the same in all of at least so many images,
#: as in a frame that a program drew around them, these bits say nothing. In Kvasir-SEG
#: it is 0.05, of ten images 0.11.
FRAME, IMAGES = 0.25, 10
#: Share of the images that counts as all.
ALL = 0.98

Bits = NDArray[np.bool_]


class Pair(NamedTuple):
    """Two images of different splits that look the same."""

    first: str
    second: str
    splits: tuple[str, str]
    #: Bits of the hashes that differ: of 256, or of 512 where one is turned.
    bits: int
    #: Whether one looks like the other turned by 90°, 180° or 270°, or flipped.
    turned: bool = False

    def __str__(self) -> str:
        """Describe the pair, without a full stop."""
        how, of = (", one turned or flipped", 2) if self.turned else ("", 1)
        return (
            f"{self.first} ({self.splits[0]}) and {self.second} ({self.splits[1]}) "
            f"look the same{how}: {self.bits} of {of * BITS} bits of their hashes "
            "differ"
        )


def difference_hashes(rgb: NDArray[np.uint8]) -> Bits:
    """Whether each cell of a 16×16 grid is darker than the next; bool (8, 512).

    The first 256 bits compare with the right neighbour, the others with the one below.
    Each of the 8 rows belongs to another orientation of the image; the first row is the
    image as it is. The hashes hardly change by scaling, compression and changes of
    brightness.

    References
    ----------
    N. Krawetz, Kind of like that (dHash), 2013.
    """
    grey = Image.fromarray(rgb).convert("L")
    wide, tall = (
        np.asarray(grey.resize(size, Image.Resampling.BOX)).astype(int)
        for size in ((SIDE + 1, SIDE), (SIDE, SIDE + 1))
    )
    rows = []
    for across, down in ((wide, tall), (tall.T, wide.T)):
        for y in (1, -1):
            for x in (1, -1):
                a, b = across[::y, ::x], down[::y, ::x]
                right, below = a[:, 1:] > a[:, :-1], b[1:] > b[:-1]
                rows.append(np.concatenate([right.ravel(), below.ravel()]))
    return np.stack(rows)


def look_alike(one: Bits | None, other: Bits | None) -> bool:
    """Whether two images, not turned or flipped, look the same, by their hashes."""
    if one is None or other is None or not _has_pattern(one):
        return False
    return bool(np.count_nonzero(one[0, :BITS] != other[0, :BITS]) <= TOLERANCE)


def near_duplicates(
    hashes: dict[str, Bits], splits: dict[str, tuple[str, ...]]
) -> list[Pair]:
    """Pairs of images in two splits that look the same, even if turned or flipped.

    Images without any pattern (all bits equal) are left out, because they all look the
    same.
    """
    signs = {
        name: 2 * bits.astype(np.float32) - 1
        for name, bits in hashes.items()
        if _has_pattern(bits)
    }
    known = {s: [n for n in names if n in signs] for s, names in splits.items()}
    telling = _telling(list(signs.values()))
    found = []
    for one, other in combinations((s for s in known if known[s]), 2):
        first = np.stack([signs[name] for name in known[one]])  # (n, 8, 512)
        second = np.stack([signs[name][0] for name in known[other]])
        for i, j, bits, turned in _alike(first, second, telling):
            names = known[one][i], known[other][j]
            if names[0] != names[1]:
                found.append(Pair(*names, (one, other), bits, turned))
    return sorted(found, key=lambda pair: (pair.turned, pair.bits))


def _alike(
    first: NDArray[np.float32], second: NDArray[np.float32], telling: Bits
) -> Iterator[tuple[int, int, int, bool]]:
    """Indices of pairs, the bits that differ, and whether one is turned."""
    as_is = differing_bits(first[:, 0, :BITS][:, telling], second[:, :BITS][:, telling])
    near = as_is <= TOLERANCE * telling.mean()
    for i, j in np.argwhere(near).tolist():
        yield i, j, round(as_is[i, j]), False
    bits = np.stack([differing_bits(first[:, k], second) for k in range(1, 8)]).min(0)
    limits = (few_bits(signs) for signs in (first[:, 0], second))
    least = np.minimum(np.minimum.outer(*limits), TURNED_TOLERANCE)
    for i, j in np.argwhere((bits <= least) & ~near).tolist():
        yield i, j, round(bits[i, j]), True


def _telling(signs: Sequence[NDArray[np.float32]]) -> Bits:
    """Which of the first 256 bits tell images apart; all without a common frame."""
    every = np.ones(BITS, bool)
    if len(signs) < IMAGES:
        return every
    mean = np.mean([one[0, :BITS] for one in signs], axis=0)
    telling = np.abs(mean) <= 2 * ALL - 1
    return telling if telling.mean() < 1 - FRAME else every


def differing_bits(
    first: NDArray[np.float32], second: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Number of different bits of each pair; of ±1: product = bits − 2 · different."""
    return np.asarray((first.shape[1] - first @ second.T) / 2)


def few_bits(signs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Share `FEW` of the bits of which each image has few, of signs (n, bits)."""
    few = signs.shape[1] / 2 - np.abs(signs.sum(1)) / 2
    return np.asarray(FEW * few)


def _has_pattern(hashes: Bits) -> bool:
    return bool(0 < hashes[0, :BITS].mean() < 1)
