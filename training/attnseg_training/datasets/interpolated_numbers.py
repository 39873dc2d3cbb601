"""Recognise masks whose class numbers were interpolated, as where they were resized.

Between 0 and 2, bilinear resizing leaves a thin rim of 1, which is another class.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label, maximum_filter, mean, minimum_filter

from attnseg_training.datasets.hints import Hint
from attnseg_training.datasets.rules import Rule, RuleError

#: More numbers than this in a mask are objects, whose rims are not looked at.
NUMBERS = 12
#: A rim is at most so many pixels wide, and its width varies by at most so many.
WIDE, EVEN = 3.7, 1.5
#: It has at least so many pixels beside the larger number, which are so large a share
#: of its outline, and so large a share of that without what a wide class lies along.
LENGTH, SHARE, BARE = 16, 0.35, 0.5
#: Elsewhere, the number of a rim fills a square of this side: a thin class does not.
CORE = 7
#: Void has at least this number. So large a share of a region has one number.
BRIGHT, ALIKE = 128, 0.9
#: Rims in more than this share of all masks stop training; in fewer masks, but in at
#: least so many (one or two may be chance), there is a hint.
MOST, ENOUGH = 0.5, 3
#: For a hint, so many masks for each with a rim show its number as an area alone.
AREAS = 0.5


@dataclass(frozen=True, slots=True)
class Rims:
    """Thin rims around the numbers of a mask.

    Attributes
    ----------
    numbers : frozenset of float
        Numbers that form a rim around most of what has a larger one.
    cores : frozenset of float
        Numbers that fill a square.
    around : frozenset of float
        Larger numbers that these rims lie around.
    bare, nested : frozenset of float
        Larger numbers without a rim, which lie mostly beside the smallest number; and
        those that lie mostly in or along another one, which is wider than a rim.
    several : bool
        Whether there are three numbers or more, so that there can be rims.
    """

    numbers: frozenset[float] = frozenset()
    cores: frozenset[float] = frozenset()
    around: frozenset[float] = frozenset()
    bare: frozenset[float] = frozenset()
    nested: frozenset[float] = frozenset()
    several: bool = True


def rims_of(numbers: NDArray[Any]) -> Rims | None:
    """Find the rims in a mask (H, W) of class numbers; None if it says nothing of them.

    In contrast, a class around another one is wider or of uneven width, and where two
    classes only touch, most of the outline lies beside another number.
    """
    found = np.unique(numbers)
    if not 1 < len(found) <= NUMBERS or min(numbers.shape) < CORE:
        return None
    ranks = np.searchsorted(found, numbers).astype(np.uint8)
    filled = _filled(ranks)
    cores = frozenset(map(float, found[np.unique(ranks[filled])]))
    alone = {float(found[1])}  # there is no number between it and the smallest
    if len(found) == 2:
        return Rims(cores=cores, bare=frozenset(alone), several=False)
    own, beside, widths, at = _edges(ranks)
    # Beside a thin wall of a larger number, what it encloses is no rim of the wall.
    widths[filled.ravel()[at]] = np.inf
    rims, around, nested = set[float](), set[float](), set[float]()
    for larger in range(2, len(found)):
        ring = (beside == larger).any(0) & (own < larger)
        low = ring & (own > 0)  # the smallest number is what rims lie on
        thin = low & (widths <= WIDE)
        length, bare = np.count_nonzero(thin), np.count_nonzero(ring & (own == 0))
        least = max(SHARE * np.count_nonzero(ring), BARE * (length + bare))
        value = float(found[larger])
        if length >= max(LENGTH, least) and _even(widths[thin]):
            rims.add(float(found[np.bincount(own[thin]).argmax()]))
            around.add(value)
        else:
            (nested if np.count_nonzero(low) > bare else alone).add(value)
    return Rims(
        *(frozenset(rims), cores),
        *(frozenset(around), frozenset(alone), frozenset(nested)),
    )


def _even(widths: NDArray[np.float64]) -> bool:
    return bool(np.subtract(*np.percentile(widths, (90, 10))) <= EVEN)


def _edges(
    ranks: NDArray[np.uint8],
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float64], NDArray[np.intp]]:
    """Look around the n pixels beside a larger number.

    Only there, and only as far as `WIDE`: distance transforms of whole masks, for each
    pair of numbers, took most of the time of reading.

    Parameters
    ----------
    ranks : ndarray of uint8, shape (H, W)
        Numbers, counted from the smallest, 0.

    Returns
    -------
    own : ndarray of uint8, shape (n,)
        Their ranks.
    beside : ndarray of uint8, shape (4, n)
        Those above, below, left and right; their own beyond the border.
    widths : ndarray of float, shape (n,)
        Distance to the next smaller number, in pixels; infinite if beyond `WIDE`.
    at : ndarray of int, shape (n,)
        Their indices in the flattened mask.
    """
    reach = int(WIDE)
    # A repeated pixel lies farther away than the one that it repeats.
    wide = np.pad(ranks, reach, mode="edge")

    def moved(y: int, x: int) -> NDArray[np.uint8]:
        h, w = ranks.shape
        return wide[reach + y : reach + y + h, reach + x : reach + x + w]

    nearest = [moved(*by) for by in ((-1, 0), (1, 0), (0, -1), (0, 1))]
    at = np.flatnonzero(np.maximum.reduce(nearest) > ranks)
    rows, columns = np.unravel_index(at, ranks.shape)
    own = ranks[rows, columns]
    widths = np.full(len(own), np.inf)
    steps = range(-reach, reach + 1)
    for far, y, x in sorted((np.hypot(y, x), y, x) for y in steps for x in steps)[::-1]:
        if 0 < far <= WIDE:
            widths[moved(y, x)[rows, columns] < own] = far
    return own, np.stack([one[rows, columns] for one in nearest]), widths, at


def _filled(ranks: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Pixels (H, W) in squares of `CORE` that one rank fills."""
    inner = (slice(CORE // 2, -(CORE // 2)),) * 2
    low, high = (one(ranks, CORE)[inner] for one in (minimum_filter, maximum_filter))
    middles = np.zeros(ranks.shape, bool)
    middles[inner] = low == high
    return np.asarray(maximum_filter(middles, CORE))


def void_is_interpolated(numbers: NDArray[Any]) -> bool:
    """Whether rims of many numbers, up to that of void, lie around regions of 1.

    As where masks of 0, 1 and 255 (void) were resized: the inside keeps 1. In contrast,
    faint numbers around soft lesions lie beside 0.

    Parameters
    ----------
    numbers : ndarray of int, shape (H, W)
        0 where void was ignored.
    """
    top = int(numbers.max(initial=0))
    if top < BRIGHT or len(np.unique(numbers)) <= NUMBERS:
        return False
    pieces, count = label(numbers <= 1)
    every = np.arange(1, count + 1)
    areas = np.bincount(pieces.ravel(), minlength=count + 1)[1:]
    ones = np.asarray(mean(numbers == 1, pieces, every))
    large = areas >= CORE**2
    inside = areas[large & (ones > ALIKE)].sum()
    return bool(inside > areas[~large].sum() and (ones[large] < 1 - ALIKE).any())


@dataclass(slots=True)
class InterpolatedNumbers:
    """Record of what masks say of rims, by the name of the image."""

    masks: dict[str, Rims] = field(default_factory=dict)

    def add(self, name: str, rims: Rims | None) -> None:
        """Record a mask."""
        if rims is not None:
            self.masks[name] = rims

    def joined(self, other: InterpolatedNumbers) -> InterpolatedNumbers:
        """Union of two records."""
        return InterpolatedNumbers({**self.masks, **other.masks})

    def error(self, total: int) -> RuleError | None:
        """Say that most of all masks (`total`) have rims."""
        several = (one for one in self.masks.values() if one.several)
        cores = frozenset().union(*(one.cores for one in several))
        names = self._with(cores)
        if len(names) < ENOUGH or len(names) <= MOST * total:
            return None
        told = self._said(names, cores)
        return RuleError(
            Rule.MOSTLY_INTERPOLATED,
            "Expected masks whose numbers are those of their classes, but "
            f"{len(names)} of {total} masks are edged with "
            f"thin rims of a smaller number ({told}) "
            "around most of what has a larger one, as where their numbers were "
            f"interpolated, first that of {names[0]!r}; resize masks with nearest "
            "neighbours (order 0, INTER_NEAREST), or give --allow "
            f"{Rule.MOSTLY_INTERPOLATED} if that is right.",
        )

    def hints(self, total: int) -> list[Hint]:
        """Say that some of all masks (`total`) have rims, if most of them have not."""
        every = frozenset().union(*(one.numbers for one in self.masks.values()))
        told = frozenset(number for number in every if self._in_some(number))
        names = self._with(told)
        if not names or self.error(total) is not None:
            return []
        held = f"number {self._said(names, told)} in {len(names)} of {total} masks"
        return [Hint(Rule.INTERPOLATED, tuple(sorted(names)), held=held)]

    def _in_some(self, number: float) -> bool:
        """Whether a number forms rims in some masks and is a class like others in more.

        In contrast, what lies around another class as a thin wall does so in each of
        its masks, or in others as a wider one.
        """
        rims = [one for one in self.masks.values() if number in one.numbers]
        others = [one for one in self.masks.values() if number not in one.numbers]
        areas = sum(number in one.cores for one in others)
        larger = frozenset().union(*(one.around for one in rims))
        bare = sum(bool(one.bare & larger) for one in others)
        nested = sum(bool(one.nested & larger) for one in others)
        enough = len(rims) >= ENOUGH and areas >= AREAS * len(rims)
        return enough and nested <= min(len(rims), bare)

    def _with(self, numbers: frozenset[float]) -> list[str]:
        """Names of masks in which some of these numbers form rims."""
        return [name for name, one in self.masks.items() if one.numbers & numbers]

    def _said(self, names: list[str], numbers: frozenset[float]) -> str:
        rims = {v for name in names for v in self.masks[name].numbers & numbers}
        return " and ".join(f"{v:g}" for v in sorted(rims))
