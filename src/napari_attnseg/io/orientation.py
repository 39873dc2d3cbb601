"""Orientation of a picture by its EXIF or TIFF tag, values 1 to 8."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

#: EXIF and TIFF tag of the orientation.
TAG = 274
#: Orientations that are not as stored: whether rows and columns are exchanged, and then
#: whether rows and whether columns are reversed.
_TURNS = {
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}

Kind = TypeVar("Kind", bound=np.generic)


def known_orientation(value: object) -> int:
    """Return a tag's value as an orientation; 1, as stored, for invalid values."""
    return value if isinstance(value, int) and value in _TURNS else 1


def upright(array: NDArray[Kind], orientation: int, rows: int = 0) -> NDArray[Kind]:
    """Turn stored pixels so that the picture is upright.

    Parameters
    ----------
    array : ndarray
    orientation : int
        1 to 8, as EXIF and TIFF define it; 1 changes nothing.
    rows : int
        Axis of the rows; the next axis is that of the columns.
    """
    if orientation == 1:
        return array
    exchange, reverse_rows, reverse_columns = _TURNS[orientation]
    columns = rows + 1
    turned = array.swapaxes(rows, columns) if exchange else array
    axes = (rows,) * reverse_rows + (columns,) * reverse_columns
    return np.ascontiguousarray(np.flip(turned, axes))


def as_stored(array: NDArray[Kind], orientation: int, rows: int = 0) -> NDArray[Kind]:
    """Turn an upright picture back to the stored orientation: inverse of `upright`."""
    # The two quarter turns are each other's inverse, the others their own.
    return upright(array, {6: 8, 8: 6}.get(orientation, orientation), rows)
