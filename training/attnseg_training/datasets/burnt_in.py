"""Find pieces that many masks have at the same pixels, such as a scale bar."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects, grey_dilation, label

from attnseg_training.datasets.rules import Rule, RuleError

Plane = NDArray[np.bool_]
_Bits = NDArray[np.uint8]
_K = TypeVar("_K")

#: Share of masks that have a piece, and their least number; all of fewer than `FEW`.
SHARE, LEAST, FEW = 0.3, 4, 8
#: Masks of one shape are compared if they are so many, or half of all.
ALIKE, HALF = 5, 0.5
#: The fewest masks and pixels that say anything.
MASKS, PIXELS = 3, 4
#: Where other lesions end differs from mask to mask: at so many of the pixels around a
#: burnt-in piece, not more than this share of its masks have a lesion.
AROUND, SHARP = 0.95, 0.5
#: Side of the corners in which masks of several sizes are compared.
CORNER = 128
#: So many masks of each size are kept, to name one.
NAMED = 8


class BurntIn(NamedTuple):
    """A piece that many masks (``masks`` of them) have at the same pixels.

    ``where`` describes its place, and ``name`` is one of the images.
    """

    masks: int
    name: str
    where: str

    def error(self, total: int) -> RuleError:
        """Make the error for the rule that it breaks, in a set of `total` masks."""
        text = (
            "Expected lesions at places that differ from mask to mask, but "
            f"{self.masks} of {total} masks are lesion at the same pixels "
            f"({self.where}), first that of {self.name!r}, as where a scale bar, text "
            "or a logo was burnt in; take it out of the masks, or give "
            f"--allow {Rule.BURNT_IN} if it is an object that never moves."
        )
        return RuleError(Rule.BURNT_IN, text)


@dataclass(slots=True)
class _Counts:
    """Number of masks of one shape in which each pixel is lesion.

    Attributes
    ----------
    total : int
        Number of masks.
    digits : list of ndarray
        Binary digits of the counts, the lowest first, eight pixels in a byte.
    first : list of (str, ndarray)
        The first masks.
    """

    total: int = 0
    digits: list[_Bits] = field(default_factory=list)
    first: list[tuple[str, _Bits]] = field(default_factory=list)

    def add(self, name: str, bits: _Bits) -> None:
        """Count one mask more."""
        self.total += 1
        if len(self.first) < NAMED:
            self.first.append((name, bits))
        self._carry(bits, 0)

    def _carry(self, bits: _Bits, place: int) -> None:
        for i in range(place, len(self.digits)):
            both = self.digits[i] & bits
            self.digits[i] = self.digits[i] ^ bits
            bits = both
        if bits.any():
            self.digits.append(bits)

    def joined(self, other: _Counts) -> _Counts:
        """Union of two records."""
        both = _Counts(
            self.total + other.total,
            list(self.digits),
            (self.first + other.first)[:NAMED],
        )
        for place, bits in enumerate(other.digits):
            both.digits += [np.zeros_like(bits)] * (place - len(both.digits))
            both._carry(bits, place)
        return both

    def counts(self, shape: tuple[int, int]) -> NDArray[np.int64]:
        """The counts, of that shape."""
        size = shape[0] * shape[1]
        found = np.zeros(size, np.int64)
        for place, bits in enumerate(self.digits):
            found += np.unpackbits(bits, count=size).astype(np.int64) << place
        return found.reshape(shape)


@dataclass(slots=True)
class SamePlaces:
    """Places of lesions in the masks that were read so far.

    Attributes
    ----------
    shapes : dict
        Shape of masks → their counts.
    corners : dict
        Index of a corner → counts of what lies in it, for masks of all shapes.
    """

    shapes: dict[tuple[int, int], _Counts] = field(default_factory=dict)
    corners: dict[int, _Counts] = field(default_factory=dict)

    def add(self, name: str, lesion: Plane) -> None:
        """Record the lesion (H, W) of a mask that no earlier image has."""
        rows, columns = lesion.shape
        self.shapes.setdefault((rows, columns), _Counts()).add(
            name, np.packbits(lesion)
        )
        if min(rows, columns) < CORNER:
            return
        for i, (y, x) in enumerate(_CORNERS):
            self.corners.setdefault(i, _Counts()).add(name, np.packbits(lesion[y, x]))

    def joined(self, other: SamePlaces) -> SamePlaces:
        """Union of two records."""
        return SamePlaces(
            _joined(self.shapes, other.shapes), _joined(self.corners, other.corners)
        )

    def found(self) -> BurntIn | None:
        """Piece that many masks have at the same pixels; None if there is none."""
        every = sum(one.total for one in self.shapes.values())
        for shape, counts in self.shapes.items():
            if counts.total < MASKS or counts.total < min(ALIKE, HALF * every):
                continue
            piece = _piece(counts, shape)
            if piece is not None:
                return piece
        if len(self.shapes) > 1 and every >= FEW:
            for i, counts in self.corners.items():
                piece = _piece(counts, (CORNER, CORNER))
                if piece is not None and piece.masks >= SHARE * every:
                    where = f"{piece.where} of the {_NAMES[i]} {CORNER} × {CORNER} px"
                    return piece._replace(where=where)
        return None


_START, _END = slice(None, CORNER), slice(-CORNER, None)
_CORNERS = ((_START, _START), (_START, _END), (_END, _START), (_END, _END))
_NAMES = ("upper left", "upper right", "lower left", "lower right")


def _joined(one: dict[_K, _Counts], other: dict[_K, _Counts]) -> dict[_K, _Counts]:
    both = {**other, **one}
    return {
        key: one[key].joined(other[key]) if key in one and key in other else counts
        for key, counts in both.items()
    }


def _piece(of: _Counts, shape: tuple[int, int]) -> BurntIn | None:
    """The largest piece that is sharp in the counts of masks of one shape."""
    counts = of.counts(shape)
    least = of.total if of.total < FEW else max(SHARE * of.total, LEAST)
    on = counts >= least
    if not on.any():
        return None
    pieces, number = label(on, np.ones((3, 3)))
    around = grey_dilation(pieces, size=(3, 3))
    around[on] = 0
    areas = np.bincount(pieces.ravel(), minlength=number + 1)
    least_inside = np.full(number + 1, of.total)
    np.minimum.at(least_inside, pieces.ravel(), counts.ravel())
    ring = np.bincount(around.ravel(), minlength=number + 1)
    ends = np.bincount(
        around[counts <= SHARP * least_inside[around]], minlength=number + 1
    )
    sharp = (areas >= PIXELS) & (ring > 0) & (ends >= AROUND * ring)
    sharp[0] = False
    if not sharp.any():
        return None
    which = int(np.where(sharp, areas, 0).argmax())
    rows, columns = find_objects(pieces)[which - 1]
    where = f"rows {rows.start} to {rows.stop - 1}, columns "
    where += f"{columns.start} to {columns.stop - 1}"
    own = pieces == which
    size = shape[0] * shape[1]
    named = (
        name
        for name, bits in of.first
        if np.unpackbits(bits, count=size).reshape(shape)[own].all()
    )
    name = next(named, of.first[0][0])
    return BurntIn(int(np.median(counts[own])), name, where)
