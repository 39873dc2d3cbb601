"""Recognise images with drawn outlines, and masks of boxes, markers and specks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects, label, maximum_filter, minimum_filter

from attnseg_training.datasets.hints import Hint
from attnseg_training.datasets.rules import Rule

_Key = TypeVar("_Key", Rule, bytes)

#: Red, green and blue of what is drawn differ by so much.
VIVID = 150
#: Pixels to both sides of an outline in which a line may be, and beyond it.
NEAR, BEYOND = 3, 12
#: Share of the pixels there that are vivid, and elsewhere.
LINE, ELSEWHERE = 0.1, 0.03
#: Boxes have sides of so many pixels.
SIDE = 4
#: Markers have at most so many pixels. Larger ones, up to this share of the shorter
#: side of a mask, are of one shape in most masks, as a brush makes them.
MARKER, BRUSH = 25, 0.1
#: Specks have at most so many pixels, and there are so many of them beside a lesion of
#: at least so many.
SPECK, SPECKS, LARGE = 2, 10, 100
#: More than this share of the masks, and more than so many, are no chance.
MOST, FEW = 0.5, 4


@dataclass(slots=True)
class OddShapes:
    """Record of masks that may be something else than outlines of lesions.

    Attributes
    ----------
    names : dict
        Rule → names of images.
    brushes : dict
        Pixels of a mark → names of images whose masks hold nothing but such marks.
    """

    names: dict[Rule, list[str]] = field(default_factory=dict)
    brushes: dict[bytes, list[str]] = field(default_factory=dict)

    def add(
        self, name: str, planes: NDArray[np.uint8], rgb: NDArray[np.uint8] | None
    ) -> None:
        """Examine masks (classes, H, W), and their image (H, W, 3) if it is known."""
        lesion = np.asarray(planes.any(0))
        if rgb is not None and is_drawn_on(rgb, lesion):
            self.names.setdefault(Rule.DRAWN_ON, []).append(name)
        if len(planes) > 1:
            return
        if (rule := shape_of(lesion)) is not None:
            self.names.setdefault(rule, []).append(name)
        elif brush := brush_of(lesion):
            self.brushes.setdefault(brush, []).append(name)

    def joined(self, other: OddShapes) -> OddShapes:
        """Union of two records."""
        return OddShapes(
            _joined(self.names, other.names), _joined(self.brushes, other.brushes)
        )

    def hints(self, total: int) -> list[Hint]:
        """Give a hint if most of the masks are of one kind, and for specks in any."""
        found = dict(self.names)
        marks = max(self.brushes.values(), key=len, default=[])
        if marks:
            found[Rule.MARKERS] = found.get(Rule.MARKERS, []) + marks
        return [
            Hint(rule, tuple(names))
            for rule, names in sorted(found.items())
            if rule == Rule.SPECKS or len(names) > max(MOST * total, FEW)
        ]


def _joined(
    one: dict[_Key, list[str]], other: dict[_Key, list[str]]
) -> dict[_Key, list[str]]:
    return {k: one.get(k, []) + other.get(k, []) for k in {**one, **other}}


def is_drawn_on(rgb: NDArray[np.uint8], lesion: NDArray[np.bool_]) -> bool:
    """Whether an image (H, W, 3) shows a vivid line along the outline of its mask.

    A network would learn to follow such a line instead of finding lesions.
    """
    rows, columns = np.flatnonzero(lesion.any(1)), np.flatnonzero(lesion.any(0))
    if len(rows) == 0:
        return False
    top, left = max(rows[0] - BEYOND, 0), max(columns[0] - BEYOND, 0)
    box = (
        slice(top, rows[-1] + 1 + BEYOND),
        slice(left, columns[-1] + 1 + BEYOND),
    )
    mask, colours = lesion[box], rgb[box]
    vivid = colours.max(-1).astype(np.int16) - colours.min(-1) >= VIVID
    size = 2 * NEAR + 1
    inside, outside = minimum_filter(mask, size), ~maximum_filter(mask, size)
    near = ~inside & ~outside
    return bool(
        near.any()
        and vivid[near].mean() >= LINE
        and all(
            vivid[part].mean() <= ELSEWHERE for part in (inside, outside) if part.any()
        )
    )


def shape_of(lesion: NDArray[np.bool_]) -> Rule | None:
    """Say what a mask (H, W) may hold instead of outlines of lesions.

    `Rule.BOXES`: filled boxes along rows and columns alone; `Rule.MARKERS`: small marks
    of one shape; `Rule.SPECKS`: many single pixels beside a lesion.
    """
    pieces, count = label(lesion, np.ones((3, 3)))
    if count == 0:
        return None
    areas = np.bincount(pieces.ravel())[1:]
    if areas.max() >= LARGE and np.count_nonzero(areas <= SPECK) >= SPECKS:
        return Rule.SPECKS
    boxes = find_objects(pieces)
    shapes = {lesion[box].shape for box in boxes}
    if areas.max() <= MARKER:
        alike = len(shapes) == 1 and areas.min() == areas.max()
        return Rule.MARKERS if alike else None
    filled = all(lesion[box].all() for box in boxes)
    return Rule.BOXES if filled and min(map(min, shapes)) >= SIDE else None


def brush_of(lesion: NDArray[np.bool_]) -> bytes:
    """Pixels of the small mark that each piece of a mask (H, W) is; empty if not."""
    pieces, _ = label(lesion, np.ones((3, 3)))
    widest = BRUSH * min(lesion.shape)
    found = set[bytes]()
    for k, box in enumerate(find_objects(pieces), start=1):
        mark = pieces[box] == k
        if max(mark.shape) > widest or len(found) > 1:
            return b""
        found.add(str(mark.shape).encode() + mark.tobytes())
    return found.pop() if len(found) == 1 else b""
