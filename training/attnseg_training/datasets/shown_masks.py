"""Recognise images with drawn outlines, and masks of what are no lesions' outlines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects, label

from attnseg_training.datasets.blocks import block_of, blocks_hint
from attnseg_training.datasets.captions import has_text
from attnseg_training.datasets.drawn_lines import has_line
from attnseg_training.datasets.drawn_marks import is_marked
from attnseg_training.datasets.fields_of_view import is_field_of_view
from attnseg_training.datasets.filled_shapes import filled_shape
from attnseg_training.datasets.hints import Hint
from attnseg_training.datasets.jpeg_ringing import is_ringing
from attnseg_training.datasets.rolled import is_rolled
from attnseg_training.datasets.rules import Rule
from attnseg_training.datasets.wrapped_values import is_wrapped

_Key = TypeVar("_Key", Rule, bytes)

#: Markers have at most so many pixels. Larger ones, up to this share of the shorter
#: side of a mask, are of one shape in most masks, as a brush makes them.
MARKER, BRUSH = 25, 0.1
#: Specks have at most so many pixels, and there are so many of them, beside a lesion of
#: at least so many, or as this share of all pieces where there is none.
SPECK, SPECKS, LARGE, ALONE = 2, 10, 100, 0.75
#: More than this share of the masks, and more than so many, are no chance.
MOST, FEW = 0.5, 4
#: Of these, so large a share is none.
SHARES = {Rule.TEXT: 0.3, Rule.ROLLED: 0.3}


@dataclass(slots=True)
class OddShapes:
    """Record of masks that may show something other than lesions.

    Attributes
    ----------
    names : dict
        Rule → names of images.
    brushes : dict
        Pixels of a mark → names of images whose masks hold nothing but such marks.
    blocks : dict
        Name of an image → side of the blocks of which its mask is made.
    """

    names: dict[Rule, list[str]] = field(default_factory=dict)
    brushes: dict[bytes, list[str]] = field(default_factory=dict)
    blocks: dict[str, int] = field(default_factory=dict)

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
        one = len(planes) == 1
        # Noise of a JPEG is told by itself.
        found = shapes_of(lesion) if one and not is_ringing(lesion) else []
        if one and not found and (brush := brush_of(lesion)):
            self.brushes.setdefault(brush, []).append(name)
        if rgb is not None and (has_line(rgb, lesion) or is_marked(rgb, lesion)):
            found.append(Rule.DRAWN_ON)
        if rgb is not None and one and is_field_of_view(rgb, lesion):
            found.append(Rule.FIELD_OF_VIEW)
        if one and (side := block_of(lesion)):
            self.blocks[name] = side
        if soft and is_wrapped(lesion):
            found.append(Rule.WRAPPED)
        for rule in found:
            self.names.setdefault(rule, []).append(name)

    def joined(self, other: OddShapes) -> OddShapes:
        """Union of two records."""
        return OddShapes(
            _joined(self.names, other.names),
            _joined(self.brushes, other.brushes),
            {**self.blocks, **other.blocks},
        )

    def hints(self, total: int) -> list[Hint]:
        """Give a hint if most masks are of such a kind, and on specks in any mask.

        Specks that most masks have are called markers. Specks of a mask whose values
        wrapped around belong to that, and get no hint of their own.
        """
        found = dict(self.names)
        marks = max(self.brushes.values(), key=len, default=[])
        if marks:
            found[Rule.MARKERS] = found.get(Rule.MARKERS, []) + marks
        told = {
            rule: names
            for rule, names in sorted(found.items())
            if rule == Rule.SPECKS
            or len(names) > max(SHARES.get(rule, MOST) * total, FEW)
        }
        if Rule.FIELD_OF_VIEW in told:
            told.pop(Rule.ELLIPSES, None)
        better = {
            name for rule in (Rule.MARKERS, Rule.WRAPPED) for name in told.get(rule, ())
        }
        if Rule.SPECKS in told:
            told[Rule.SPECKS] = [n for n in told[Rule.SPECKS] if n not in better]
        hints = [Hint(rule, tuple(names)) for rule, names in told.items() if names]
        blocks = blocks_hint(self.blocks, total)
        return hints if blocks is None else [*hints, blocks]


def _joined(
    one: dict[_Key, list[str]], other: dict[_Key, list[str]]
) -> dict[_Key, list[str]]:
    return {k: one.get(k, []) + other.get(k, []) for k in {**one, **other}}


def shapes_of(lesion: NDArray[np.bool_]) -> list[Rule]:
    """List what a mask (H, W) may show instead of lesions.

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
