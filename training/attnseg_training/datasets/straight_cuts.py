"""Find rows and columns at which the lesions of many masks end straight."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets.hints import Hint
from attnseg_training.datasets.rules import Rule

Plane = NDArray[np.bool_]

#: Least length of a straight end, in pixels and as a share of the shorter side of a
#: mask.
LENGTH, SHARE = 8, 0.03
#: So many pixels before its end, a round lesion is wider on both sides by this share
#: of that length and two pixels; one that was cut off is not.
BEFORE, WIDER = 3, 0.25
#: Ends closer than this to an edge of the mask, in pixels, do not count.
EDGE = 4
#: Least share and number of masks that end at the same place; and least multiple of
#: the number that is expected by chance, because a mask may have many ends.
MASKS, LEAST, APART = 0.4, 5, 6.0
#: If masks differ in size, places are also compared as parts of this number per side.
PARTS = 256


class Cut(NamedTuple):
    """A straight end of the lesion of ``name``.

    ``rows`` tells whether it lies between two rows or two columns, ``place`` before
    which one of them, and ``size`` is the number of rows or columns of the mask.
    """

    name: str
    rows: bool
    place: int
    size: int


@dataclass(slots=True)
class StraightCuts:
    """Straight ends of lesions in the masks that were read so far.

    Attributes
    ----------
    total : int
        Number of masks with a lesion.
    cuts : list of Cut
        All straight ends.
    """

    total: int = 0
    cuts: list[Cut] = field(default_factory=list)

    def add(self, name: str, lesion: Plane) -> None:
        """Record the lesion (H, W) of a mask that has one."""
        self.total += 1
        least = max(LENGTH, round(SHARE * min(lesion.shape)))
        y, x = np.flatnonzero(lesion.any(1)), np.flatnonzero(lesion.any(0))
        box = np.pad(lesion[y[0] : y[-1] + 1, x[0] : x[-1] + 1], 1)
        for rows, plane, first in ((True, box, y[0]), (False, box.T, x[0])):
            size = lesion.shape[0 if rows else 1]
            places = {*_ends(plane, least)}
            places |= {len(plane) - place for place in _ends(plane[::-1], least)}
            self.cuts += [
                Cut(name, rows, place, size)
                for place in sorted(int(first) - 1 + place for place in places)
                if EDGE <= place <= size - EDGE
            ]

    def joined(self, other: StraightCuts) -> StraightCuts:
        """Union of two records."""
        return StraightCuts(self.total + other.total, self.cuts + other.cuts)

    def hints(self) -> list[Hint]:
        """Give a hint if lesions of many masks end at one row or column."""
        most: tuple[set[str], str] = set(), ""
        for rows in (True, False):
            cuts = [cut for cut in self.cuts if cut.rows == rows]
            for words, places, size in _ways(cuts, rows):
                names, place = _commonest(places, [cut.name for cut in cuts], size)
                if len(names) > len(most[0]):
                    most = names, words.format(place)
        names, where = most
        if len(names) < max(MASKS * self.total, LEAST):
            return []
        held = f"{where} in {len(names)} of {self.total} masks"
        return [Hint(Rule.STRAIGHT_CUTS, tuple(sorted(names)), held=held)]


def _ways(cuts: list[Cut], rows: bool) -> list[tuple[str, list[int], int]]:
    """Places of cuts, counted in several ways: words, places and the largest place.

    Masks of different sizes may have been cut at the same distance from either edge, or
    at the same share of their size.
    """
    sizes = {cut.size for cut in cuts}
    line, edge = ("row", "lower") if rows else ("column", "right")
    ways = [(f"before {line} {{}}", [cut.place for cut in cuts])]
    if len(sizes) > 1:
        ends = [cut.size - cut.place for cut in cuts]
        shares = [round(PARTS * cut.place / cut.size) for cut in cuts]
        ways += [(f"{{}} px before the {edge} edge", ends)]
        ways += [(f"after {{}}/{PARTS} of their {line}s", shares)]
    return [(words, places, max(places)) for words, places in ways if places]


def _commonest(places: list[int], names: list[str], size: int) -> tuple[set[str], int]:
    """Names of the masks that end within a pixel of the most frequent place, and it.

    The names are empty if masks end at so many places that this may be chance.
    """
    at: dict[int, set[str]] = {}
    for place, name in zip(places, names, strict=True):
        at.setdefault(place, set()).add(name)
    most = max(at, key=lambda place: (len(_near(at, place)), len(at[place])))
    names_there = _near(at, most)
    chance = 3 * len(places) / size
    return (names_there if len(names_there) >= APART * chance else set()), most


def _near(at: dict[int, set[str]], place: int) -> set[str]:
    none: set[str] = set()
    return at.get(place - 1, none) | at.get(place, none) | at.get(place + 1, none)


def _ends(lesion: Plane, least: int) -> list[int]:
    """Rows before which a lesion (H, W) ends straight over at least `least` pixels."""
    ends = lesion[:-1] & ~lesion[1:]
    found = []
    for row in np.flatnonzero(np.count_nonzero(ends, axis=1) >= least):
        edges = np.flatnonzero(np.diff(np.pad(ends[row].astype(np.int8), 1)))
        starts, stops = edges[::2], edges[1::2]
        longest = int((stops - starts).argmax())
        start, stop = int(starts[longest]), int(stops[longest])
        if stop - start >= least and not _is_round(lesion, int(row), start, stop):
            found.append(int(row) + 1)
    return found


def _is_round(lesion: Plane, row: int, start: int, stop: int) -> bool:
    """Whether a lesion is wider on both sides a little before it ends."""
    wider = round(WIDER * (stop - start)) + 2
    left, right = start - wider, stop - 1 + wider
    if row < BEFORE or left < 0 or right >= lesion.shape[1]:
        return False
    return bool(lesion[row - BEFORE, left] and lesion[row - BEFORE, right])
