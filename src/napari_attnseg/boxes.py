"""A box of an image: the only part of it that is segmented. No torch.

Segmenting a box means segmenting the crop: the model sees nothing outside it. Mask and
probability are put back into an array of the size of the image. Outside the box they
are 0, which says nothing about that part of the image. Gate maps keep their resolution
and cover the box.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.errors import InputError
from napari_attnseg.hashing import array_sha256
from napari_attnseg.results import Segmentation

#: Key, in the provenance of a run, of the box that was segmented.
BOX = "box"
#: Rows and columns that a box has at least.
SMALLEST = 16
#: What a results folder says beside a box.
BOX_MEANING = (
    "first row, first column, row and column after the last, in pixels of the image: "
    "only this box was segmented; outside it mask and probability are 0 and nothing "
    "is claimed"
)
_WANT = (
    f"Expected a box ROW0,COLUMN0,ROW1,COLUMN1 of at least {SMALLEST}×{SMALLEST} "
    "pixels, in whole numbers and with the smaller ones first"
)


@dataclass(frozen=True, slots=True)
class Box:
    """A part of an image with edges along rows and columns.

    Attributes
    ----------
    row0, column0 : int
        First row and column.
    row1, column1 : int
        Row and column after the last.

    Raises
    ------
    InputError
        If they are not whole numbers, or the box has fewer than 16 rows or columns.
    """

    row0: int
    column0: int
    row1: int
    column1: int

    def __post_init__(self) -> None:
        ends = astuple(self)
        whole = all(isinstance(one, Integral) for one in ends)
        if not whole or min(self.row0, self.column0) < 0 or min(self.shape) < SMALLEST:
            raise InputError(f"{_WANT}, but got {','.join(map(str, ends))}.")
        for name in self.__slots__:  # a numpy number is not JSON-ready
            object.__setattr__(self, name, int(getattr(self, name)))

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of columns."""
        return self.row1 - self.row0, self.column1 - self.column0

    @property
    def origin(self) -> tuple[float, float]:
        """First row and column of the box; see `AttentionMap.origin`."""
        return float(self.row0), float(self.column0)

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns of the box, as an index of an array (H, W, …)."""
        return slice(self.row0, self.row1), slice(self.column0, self.column1)

    def expect_inside(self, shape: Sequence[int]) -> None:
        """Check that the box lies within an image of this shape (H, W).

        Raises
        ------
        InputError
            If a part of the box lies outside.
        """
        rows, columns = shape
        if self.row1 > rows or self.column1 > columns:
            raise InputError(
                f"Expected a box inside the image, which has {rows} rows and {columns} "
                f"columns, but got {self}; choose a box that ends by {rows},{columns}."
            )

    def holds(self, row: int, column: int) -> bool:
        """Whether a pixel lies in the box."""
        inside = self.row0 <= row < self.row1
        return inside and self.column0 <= column < self.column1

    def crop(self, values: NDArray[Any]) -> NDArray[Any]:
        """The part of an array (…, H, W) that lies in the box."""
        return values[(..., *self.slices)]

    def in_frame(self, values: NDArray[Any], shape: Sequence[int]) -> NDArray[Any]:
        """Inverse of `crop`: an array (…, H, W) that is 0 outside the box."""
        found = np.zeros((*values.shape[:-2], *shape), values.dtype)
        found[(..., *self.slices)] = values
        return found

    def __str__(self) -> str:
        """Text of the box as the command line takes it."""
        return ",".join(map(str, astuple(self)))

    def to_json(self) -> list[int]:
        """Return a JSON-ready form, as provenance stores it."""
        return list(astuple(self))


def parse_box(text: str) -> Box:
    """Parse ``ROW0,COLUMN0,ROW1,COLUMN1``.

    Raises
    ------
    InputError
        If the text has another form.
    """
    try:
        row0, column0, row1, column1 = (int(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"{_WANT}, but got {text!r}.") from None
    return Box(row0, column0, row1, column1)


def box_of(facts: Mapping[str, Any]) -> Box | None:
    """The box of a run, from its provenance; None if the whole image was segmented."""
    ends = facts.get(BOX)
    return None if ends is None else Box(*ends)


def put_back(result: Segmentation, box: Box, shape: Sequence[int]) -> Segmentation:
    """Put the result of a crop into the frame of its image; its provenance says so.

    Parameters
    ----------
    result : Segmentation
        Result of the crop.
    box : Box
    shape : (int, int)
        (H, W) of the whole image.
    """
    mask = box.in_frame(result.mask, shape)
    facts = {
        **result.provenance,
        BOX: box.to_json(),
        "mask_sha256": array_sha256(mask),
    }
    return replace(
        result,
        mask=mask,
        probability=box.in_frame(result.probability, shape),
        attention=tuple(replace(gate, origin=box.origin) for gate in result.attention),
        provenance=facts,
    )
