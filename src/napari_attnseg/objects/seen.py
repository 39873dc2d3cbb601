"""The part of an image that a model saw: all of it, or a box."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.boxes import Box

#: Rows and columns around an object, each with start and stop.
Part = tuple[slice, slice]


@dataclass(frozen=True, slots=True)
class Seen:
    """Rows and columns of an image that a model saw.

    Attributes
    ----------
    part : (slice, slice)
        Slices with start and stop.
    boxed : bool
        Whether the part is a box, and not the whole image.
    """

    part: Part
    boxed: bool

    @classmethod
    def of(cls, shape: tuple[int, ...], box: Box | None) -> Seen:
        """Part of an image (H, W) that a model saw."""
        if box is not None:
            return cls(box.slices, True)
        height, width = shape
        return cls((slice(0, height), slice(0, width)), False)

    def where(self, part: Part) -> NDArray[np.bool_]:
        """Mask of the pixels of a part of the image that were seen."""
        rows, columns = (
            (np.arange(p.start, p.stop) >= own.start)
            & (np.arange(p.start, p.stop) < own.stop)
            for p, own in zip(part, self.part, strict=True)
        )
        found: NDArray[np.bool_] = rows[:, None] & columns
        return found

    def cut(self, bbox: tuple[int, int, int, int]) -> bool:
        """Whether an object with this bounding box touches the edge of the box."""
        top, left, bottom, right = bbox
        rows, columns = self.part
        begins = top == rows.start or left == columns.start
        return self.boxed and (begins or bottom == rows.stop or right == columns.stop)
