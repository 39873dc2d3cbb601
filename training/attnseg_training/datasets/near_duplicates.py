"""Images that look the same: difference hash, compared between splits."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

#: Side of the hash; its bits are the square of it.
SIDE = 16
#: Bits of the 256 in which near-duplicates may differ. Looked at in Kvasir-SEG: up to
#: 40 the pairs show the same place seconds apart, from 41 on some show different ones.
TOLERANCE = 40

Bits = NDArray[np.bool_]


class Pair(NamedTuple):
    """Two images of different splits that look the same."""

    first: str
    second: str
    splits: tuple[str, str]
    #: Bits of the hash that differ.
    bits: int


def difference_hash(rgb: NDArray[np.uint8]) -> Bits:
    """Whether each cell of a 16×16 grid is darker than its right neighbour; 256 bits.

    Survives scaling, compression and changes of brightness; not mirroring.

    References
    ----------
    N. Krawetz, Kind of like that (dHash), 2013.
    """
    small = Image.fromarray(rgb).convert("L")
    small = small.resize((SIDE + 1, SIDE), Image.Resampling.BOX)
    values = np.asarray(small).astype(int)
    bits: Bits = (values[:, 1:] > values[:, :-1]).ravel()
    return bits


def near_duplicates(
    hashes: dict[str, Bits], splits: dict[str, tuple[str, ...]]
) -> list[Pair]:
    """Pairs across splits whose hashes differ in at most `TOLERANCE` bits.

    Images without any pattern (all bits alike) are left out: they are all the same.
    """
    signs = {
        name: 2 * bits.astype(np.float32) - 1
        for name, bits in hashes.items()
        if 0 < bits.mean() < 1
    }
    known = {s: [n for n in names if n in signs] for s, names in splits.items()}
    found = []
    for one, other in combinations((s for s in known if known[s]), 2):
        a, b = (np.stack([signs[n] for n in known[s]]) for s in (one, other))
        # Of vectors of ±1: product = bits − 2 · differing bits.
        bits = (a.shape[1] - a @ b.T) / 2
        for i, j in np.argwhere(bits <= TOLERANCE):
            first, second = known[one][i], known[other][j]
            if first != second:
                found.append(Pair(first, second, (one, other), round(bits[i, j])))
    return sorted(found, key=lambda pair: pair.bits)
