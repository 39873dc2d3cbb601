"""Find numbers and letters that a program wrote into masks, at any place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects, label
from scipy.spatial import ConvexHull

from attnseg_training.datasets.burnt_in import FEW, LEAST, MASKS, SHARE
from attnseg_training.datasets.rules import Rule, RuleError

Plane = NDArray[np.bool_]

#: A character has at least so many pixels along its longer side, along its other side
#: and in its area; its longer side is at most this share of a mask's shorter side.
SIDE, OTHER, AREA, LARGEST = 6, 3, 12, 0.15
#: It fills at most this share of its convex hull; drops and bars fill more.
HULL = 0.75
#: Masks of more pieces or gaps than this show vessels, cells and the like.
MANY = 60
#: A shape in at least this share and number of masks recurs by more than chance, and
#: more often than in overlapping tiles; of few masks, the other share and number count.
SHARE_AGAIN, AGAIN, OF_FEW, FEW_AGAIN = 0.08, 5, 0.25, 3


@dataclass(slots=True)
class Characters:
    """Record of the shapes in masks that may be characters.

    Attributes
    ----------
    shapes : dict
        Pixels of a shape → names of the images in whose masks it is a hole in a lesion
        or a piece beside one.
    total : int
        Number of masks that were examined.
    """

    shapes: dict[bytes, list[str]] = field(default_factory=dict)
    total: int = 0

    def add(self, name: str, lesion: Plane) -> None:
        """Examine the lesion (H, W) of a mask that no other image had."""
        self.total += 1
        for shape in {*_shapes(lesion)}:
            self.shapes.setdefault(shape, []).append(name)

    def joined(self, other: Characters) -> Characters:
        """Union of two records."""
        both = {
            shape: self.shapes.get(shape, []) + other.shapes.get(shape, [])
            for shape in {**self.shapes, **other.shapes}
        }
        return Characters(both, self.total + other.total)

    def error(self, total: int) -> RuleError | None:
        """Error if shapes recur in many masks of a set of `total` masks; else None."""
        if self.total < MASKS:
            return None
        least = self.total if self.total < FEW else max(SHARE * self.total, LEAST)
        often = max(FEW_AGAIN, min(OF_FEW * self.total, AGAIN))
        often = max(often, SHARE_AGAIN * self.total)
        again = [names for names in self.shapes.values() if len(names) >= often]
        found = dict.fromkeys(name for names in again for name in names)
        if len(found) < least:
            return None
        return RuleError(
            Rule.BURNT_IN_TEXT,
            f"Expected lesions whose shapes differ from mask to mask, but {len(found)} "
            f"of {total} masks are marked, inside lesions or beside them, with small "
            f"shapes of strokes that recur pixel for pixel, first that of "
            f"{min(found)!r}, as where a program wrote numbers or letters; export them "
            f"without text, or give --allow {Rule.BURNT_IN_TEXT} if these are objects.",
        )


def _shapes(lesion: Plane) -> Iterator[bytes]:
    """Holes and pieces of a lesion that may be characters, as bytes to compare."""
    rows, columns = np.flatnonzero(lesion.any(1)), np.flatnonzero(lesion.any(0))
    if len(rows) == 0:
        return
    widest = LARGEST * min(lesion.shape)
    padded = np.pad(lesion[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], 1)
    for plane, joins in ((~padded, None), (padded, np.ones((3, 3)))):
        pieces, count = label(plane, joins)
        if count > MANY:
            continue
        for k, box in enumerate(find_objects(pieces), start=1):
            sides = [part.stop - part.start for part in box]
            if not (max(sides) >= SIDE and min(sides) >= OTHER):
                continue
            if max(sides) > widest:
                continue
            shape = pieces[box] == k
            if np.count_nonzero(shape) >= AREA and _is_of_strokes(shape):
                yield str(sides).encode() + np.packbits(shape).tobytes()


def _is_of_strokes(shape: Plane) -> bool:
    """Whether a shape leaves much of its convex hull empty."""
    rows = np.arange(len(shape))
    first, last = shape.argmax(1), shape.shape[1] - shape[:, ::-1].argmax(1)
    corners = np.concatenate(
        [np.stack([rows + y, x], 1) for y in (0, 1) for x in (first, last)]
    )
    # In the plane Qhull calls the area volume.
    area = float(ConvexHull(corners).volume)
    return bool(np.count_nonzero(shape) <= HULL * area)
