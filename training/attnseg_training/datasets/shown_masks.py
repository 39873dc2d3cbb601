"""Recognise images with drawn outlines, and masks of what are no lesions' outlines."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects, label, maximum_filter, minimum_filter

from attnseg_training.datasets.captions import has_text
from attnseg_training.datasets.filled_shapes import filled_shape
from attnseg_training.datasets.hints import Hint
from attnseg_training.datasets.rolled import is_rolled
from attnseg_training.datasets.rules import Rule
from attnseg_training.datasets.wrapped_values import is_wrapped

#: Red, green and blue of what is drawn differ by so much.
VIVID = 150
#: Pixels to both sides of an outline in which a line may be, and beyond it.
NEAR, BEYOND = 3, 12
#: Share of the pixels there that are vivid, and elsewhere.
LINE, ELSEWHERE = 0.1, 0.03
#: Markers have at most so many pixels.
MARKER = 25
#: Specks have at most so many pixels, and there are so many of them, beside a lesion of
#: at least so many, or as this share of all pieces where there is none.
SPECK, SPECKS, LARGE, ALONE = 2, 10, 100, 0.75
#: More than this share of the masks, and more than so many, are no chance.
MOST, FEW = 0.5, 4
#: Of these, so large a share is none.
SHARES = {Rule.TEXT: 0.3, Rule.ROLLED: 0.3}


@dataclass(slots=True)
class OddShapes:
    """Record of masks that may be something else than outlines of lesions.

    Attributes
    ----------
    names : dict
        Rule → names of images.
    """

    names: dict[Rule, list[str]] = field(default_factory=dict)

    def add(
        self,
        name: str,
        planes: NDArray[np.uint8],
        rgb: NDArray[np.uint8] | None,
        soft: bool = False,
    ) -> None:
        """Examine masks (classes, H, W), and their image (H, W, 3) if it is known.

        `soft` tells whether the masks were read from numbers of many levels.
        """
        lesion = np.asarray(planes.any(0))
        found = shapes_of(lesion) if len(planes) == 1 else []
        if rgb is not None and is_drawn_on(rgb, lesion):
            found.append(Rule.DRAWN_ON)
        if soft and is_wrapped(lesion):
            found.append(Rule.WRAPPED)
        for rule in found:
            self.names.setdefault(rule, []).append(name)

    def joined(self, other: OddShapes) -> OddShapes:
        """Union of two records."""
        rules = dict.fromkeys((*self.names, *other.names))
        return OddShapes(
            {r: self.names.get(r, []) + other.names.get(r, []) for r in rules}
        )

    def hints(self, total: int) -> list[Hint]:
        """Give a hint if most of the masks are of one kind, and for specks in any.

        Specks and what is called markers are told apart by whether most masks have
        such, and specks beside values that wrapped around are a part of these.
        """
        told = {
            rule: names
            for rule, names in sorted(self.names.items())
            if rule == Rule.SPECKS
            or len(names) > max(SHARES.get(rule, MOST) * total, FEW)
        }
        better = {
            name for rule in (Rule.MARKERS, Rule.WRAPPED) for name in told.get(rule, ())
        }
        if Rule.SPECKS in told:
            told[Rule.SPECKS] = [n for n in told[Rule.SPECKS] if n not in better]
        return [Hint(rule, tuple(names)) for rule, names in told.items() if names]


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


def shapes_of(lesion: NDArray[np.bool_]) -> list[Rule]:
    """List what a mask (H, W) may hold instead of outlines of lesions.

    `Rule.BOXES`, `Rule.ELLIPSES`: nothing but filled ones; `Rule.MARKERS`: small marks
    of one shape; `Rule.SPECKS`: many single pixels, beside a lesion or alone;
    `Rule.TEXT`: a row of letters; `Rule.ROLLED`: lesions that go on at the other edge.
    """
    pieces, count = label(lesion, np.ones((3, 3)))
    if count == 0:
        return []
    areas = np.bincount(pieces.ravel())[1:]
    found = [Rule.TEXT] if has_text(pieces, areas) else []
    found += [Rule.ROLLED] if is_rolled(pieces) else []
    specks = np.count_nonzero(areas <= SPECK)
    alone = areas.max() < LARGE and specks >= ALONE * count
    if specks >= SPECKS and (areas.max() >= LARGE or alone):
        found.append(Rule.SPECKS)
    if specks >= SPECKS and areas.max() >= LARGE:
        return found
    boxes = find_objects(pieces)
    if areas.max() <= MARKER:
        alike = len({lesion[box].shape for box in boxes}) == 1
        if alike and areas.min() == areas.max():
            found.append(Rule.MARKERS)
        return found
    shape: Rule | None = None
    for k, box in enumerate(boxes, start=1):
        own = filled_shape(pieces[box] == k)
        if own is None or shape not in (None, own):
            return found
        shape = own
    return found if shape is None else [*found, shape]
