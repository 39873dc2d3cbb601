"""Recognise masks whose numbers are sums, or bits, of the drawings of several people.

In a sum, each pixel holds the number of people who drew it. In bits, it holds 1 for
the first of them, 2 for the second, 4 for the third, and so on, added up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets.hints import Hint
from attnseg_training.datasets.rules import Rule

#: A mask tells something if its largest number lies between these. The drawings of two
#: people are as two classes are.
LEAST, LARGEST = 3, 255
#: So large a share of the neighbours of different numbers differ by one person, and at
#: most so large a share of the outlines of what several drew lies beside background.
STEPS, BARE = 0.6, 0.25
#: More than this share of the masks with several numbers, and at least so many.
MOST, ENOUGH = 0.5, 3


@dataclass(frozen=True, slots=True)
class Overlay:
    """How the numbers of a mask lie in each other.

    Attributes
    ----------
    top : int
        Largest number.
    as_sum, as_bits : float
        Share of the neighbours of different numbers that differ by one person, if the
        numbers are a sum or bits; 0 if they do not lie in each other so.
    bits, single : int
        Bits of all numbers, and those of numbers that have just one bit.
    """

    top: int
    as_sum: float
    as_bits: float
    bits: int
    single: int


def overlay_of(numbers: NDArray[Any]) -> Overlay | None:
    """Compare the neighbours in a mask (H, W); None if they lie as objects do.

    Parameters
    ----------
    numbers : ndarray of int, shape (H, W)
        Not negative; 0 is background.
    """
    top = int(numbers.max(initial=0))
    if not LEAST <= top <= LARGEST:
        return None
    pairs = np.zeros((top + 1, top + 1), np.int64)
    for a, b in ((numbers[1:], numbers[:-1]), (numbers[:, 1:], numbers[:, :-1])):
        low, high = np.minimum(a, b), np.maximum(a, b)
        edge = low != high
        np.add.at(pairs, (low[edge].astype(int), high[edge].astype(int)), 1)
    one, other = np.indices(pairs.shape)
    bits = np.array([number.bit_count() for number in range(2 * top + 2)])
    as_sum = _share(pairs, other - one == 1, np.arange(top + 1) > 1)
    as_bits = _share(pairs, bits[one ^ other] == 1, bits[: top + 1] > 1)
    if max(as_sum, as_bits) == 0:
        return None
    held = np.unique(numbers).astype(int).tolist()
    alone = (number for number in held if number.bit_count() == 1)
    return Overlay(top, as_sum, as_bits, reduce(or_, held), reduce(or_, alone, 0))


def _share(
    pairs: NDArray[np.int64], steps: NDArray[np.bool_], several: NDArray[np.bool_]
) -> float:
    """Share of steps by one person; 0 if small, or if what several drew lies bare."""
    bare = pairs[0, several].sum()
    around = pairs[:, several].sum() + pairs[several].sum()
    around -= pairs[np.ix_(several, several)].sum()
    share = pairs[steps].sum() / max(pairs.sum(), 1)
    lone = around == 0 or bare > BARE * around
    return 0.0 if lone or share < STEPS else float(share)


@dataclass(slots=True)
class OverlaidReaders:
    """Record of masks whose numbers lie in each other, by the name of the image."""

    masks: dict[str, Overlay] = field(default_factory=dict)

    def add(self, name: str, overlay: Overlay | None) -> None:
        """Record a mask."""
        if overlay is not None:
            self.masks[name] = overlay

    def joined(self, other: OverlaidReaders) -> OverlaidReaders:
        """Union of two records."""
        return OverlaidReaders({**self.masks, **other.masks})

    def hints(self, several: Sequence[str]) -> list[Hint]:
        """Give a hint if most masks with several numbers (their names) are such."""
        if len(self.masks) < ENOUGH or len(self.masks) <= MOST * len(several):
            return []
        every = self.masks.values()
        top, names = max(one.top for one in every), tuple(self.masks)
        if sum(one.as_bits - one.as_sum for one in every) > 0:
            # Somebody whose drawing lies in another one everywhere is none: cv2.grabCut
            # writes 2 around 3, and no 1.
            bits = reduce(or_, (one.bits for one in every))
            if bits != reduce(or_, (one.single for one in every)):
                return []
            return [Hint(Rule.READER_BITS, names, held=f"numbers up to {top}")]
        held = (
            f"threshold = {top / 2:g} in dataset.toml reads what more than half of "
            f"{top} people drew"
        )
        return [Hint(Rule.READER_VOTES, names, held=held)]
