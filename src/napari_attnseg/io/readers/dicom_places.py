"""Where the planes of DICOM images and masks lie in the body."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.io.readers.dicom_header import numbers, of_frame

#: Largest distance, in pixels, of the first pixels of two planes at one place …
_FIRST = 0.1
#: … and of their other corners, where the rounding of a header adds up.
_CORNERS = 0.5


@dataclass(frozen=True, slots=True)
class PlanePlace:
    """Place of one plane.

    Attributes
    ----------
    reference : str
        ``FrameOfReferenceUID``, within which positions can be compared; never empty.
    position : tuple of 3 floats
        Of the centre of the first pixel, in mm.
    along : tuple of 6 floats
        Directions of a row and of a column.
    spacing : (float, float)
        Distances of rows and of columns, in mm.
    size : (int, int)
        Number of rows and columns.
    """

    reference: str
    position: tuple[float, ...]
    along: tuple[float, ...]
    spacing: tuple[float, ...]
    size: tuple[int, int]

    def is_at(self, other: PlanePlace) -> bool:
        """Whether the pixels of both planes are the same ones."""
        if (self.reference, self.size) != (other.reference, other.size):
            return False
        apart = np.linalg.norm(self._corners() - other._corners(), axis=1)
        apart /= min(*self.spacing, *other.spacing)
        return bool(apart[0] <= _FIRST and apart.max() <= _CORNERS)

    def _corners(self) -> NDArray[np.float64]:
        """Positions (3, 3) of the first pixel, the last of its row, of its column."""
        row, column = np.reshape(self.along, (2, 3))
        down, across = self.spacing
        ends = row * across * (self.size[1] - 1), column * down * (self.size[0] - 1)
        return np.array(self.position) + np.stack([np.zeros(3), *ends])


def place_of(header: Any, frame: int) -> PlanePlace | None:
    """Place of a frame; None if the file does not say all of it."""
    reference = str(header.get("FrameOfReferenceUID") or "")
    if not reference:
        return None
    position, along, spacing = (
        tuple(numbers(of_frame(header, frame, name)))
        for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
    )
    lengths = len(position), len(along), len(spacing)
    if lengths != (3, 6, 2) or min(spacing) <= 0:
        return None
    size = int(header.Rows), int(header.Columns)
    return PlanePlace(reference, position, along, spacing, size)
