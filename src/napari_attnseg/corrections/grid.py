"""Convert between the pixels of an image and the cells of a feature map. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.corrections.clicks import Click
from napari_attnseg.corrections.reach import Reach, reach_box

#: Positions per cell and axis at which an image is looked up for the mean of a cell.
_LOOKS = 2
#: Smallest logit, in size, of a pixel whose mask is not what its probability says.
_SURE = 0.5
#: Probabilities this near to 0 or 1 count as this far from it.
_LOWEST = 1e-4


@dataclass(frozen=True, slots=True)
class Grid:
    """Cells of a feature map (h, w) that covers an image (H, W).

    Attributes
    ----------
    shape : (int, int)
        Rows and columns of the image.
    cells : (int, int)
        Rows and columns of the feature map.
    radius : int
        Number of neighbouring cells on each side of the clicked cell that are compared.
    """

    shape: tuple[int, int]
    cells: tuple[int, int]
    radius: int

    @property
    def reach(self) -> Reach:
        """The radius in pixels."""
        rows, columns = (
            self.radius * size / cells
            for size, cells in zip(self.shape, self.cells, strict=True)
        )
        return Reach(rows, columns)

    def cell(self, click: Click) -> tuple[int, int]:
        """Cell in which a click lies."""
        (height, width), (rows, columns) = self.shape, self.cells
        return click.row * rows // height, click.column * columns // width

    def cell_means(
        self, image: NDArray[Any], at: tuple[int, int], value: int | None = None
    ) -> NDArray[np.float32]:
        """Means of an image (H, W) in the cells around one cell; edges are replicated.

        If `value` is given, compute the share of each cell that has this value.
        """
        rows, columns = (
            _looks(middle, self.radius, size, cells)
            for middle, size, cells in zip(at, self.shape, self.cells, strict=True)
        )
        side = 2 * self.radius + 1
        found = image[np.ix_(rows, columns)]
        if value is not None:
            found = found == value
        cells = found.astype(np.float32).reshape(side, _LOOKS, side, _LOOKS)
        return np.asarray(cells.mean((1, 3)), np.float32)

    def inside(self, at: tuple[int, int]) -> NDArray[np.float32]:
        """1 for cells inside the image, 0 for those beyond its edge."""
        inside = [
            (np.abs(_steps(self.radius) + middle - (cells - 1) / 2) <= cells / 2)
            for middle, cells in zip(at, self.cells, strict=True)
        ]
        return np.asarray(np.outer(*inside), np.float32)

    def clicks_near(
        self, clicks: Sequence[Click], at: tuple[int, int], spread: float
    ) -> NDArray[np.float32]:
        """Gaussians around clicks; where they overlap, the highest value counts."""
        side = 2 * self.radius + 1
        found = np.zeros((side, side), np.float32)
        steps = _steps(self.radius).astype(np.float32)
        for click in clicks:
            row, column = self.cell(click)
            rows, columns = steps[:, None] + at[0] - row, steps[None] + at[1] - column
            near = np.exp(-0.5 * (rows**2 + columns**2) / spread**2)
            np.maximum(found, near, out=found)
        return found

    def at_pixels(
        self, values: NDArray[np.float32], at: tuple[int, int], click: Click
    ) -> tuple[tuple[slice, slice], NDArray[np.float32]]:
        """Interpolate cells bilinearly at the pixels within reach of a click.

        Returns
        -------
        (slice, slice)
            Rows and columns of the image.
        ndarray of float32
            Values at these pixels; 0 beyond the outermost cells.
        """
        box = reach_box(click, self.reach, self.shape)
        rows, columns = (
            _weights(part, middle, self.radius, size, cells)
            for part, middle, size, cells in zip(
                box, at, self.shape, self.cells, strict=True
            )
        )
        return box, np.asarray(rows @ values @ columns.T, np.float32)


def logits_of(
    probability: NDArray[np.floating[Any]], threshold: float
) -> NDArray[np.float32]:
    """Convert probabilities to logits that are 0 at the threshold.

    Parameters
    ----------
    probability, threshold : in [0, 1]
    """
    p = np.clip(probability.astype(np.float32), _LOWEST, 1 - _LOWEST)
    limit = min(max(threshold, _LOWEST), 1 - _LOWEST)
    logits = np.log(p / (1 - p)) - np.log(limit / (1 - limit))
    return np.asarray(logits, np.float32)


def logits_now(own: NDArray[np.float32], inside: NDArray[Any]) -> NDArray[np.float32]:
    """Logits that agree with a mask; the model's own where it agrees with the mask.

    Parameters
    ----------
    own : ndarray
        Logits of the model.
    inside : ndarray of bool, or of the share of a cell in [0, 1]
    """
    share = np.asarray(inside, np.float32)
    low, high = np.minimum(own, -_SURE), np.maximum(own, _SURE)
    return np.asarray(low + share * (high - low), np.float32)


def _steps(radius: int) -> NDArray[np.int64]:
    return np.arange(-radius, radius + 1)


def _looks(middle: int, radius: int, size: int, cells: int) -> NDArray[np.int64]:
    """Pixels of one axis that stand for the cells around one, `_LOOKS` per cell."""
    parts = (np.arange(_LOOKS) + 0.5) / _LOOKS
    places = (middle + _steps(radius))[:, None] + parts
    found = np.floor(places.ravel() * size / cells).astype(np.int64)
    return np.clip(found, 0, size - 1)


def _weights(
    part: slice, middle: int, radius: int, size: int, cells: int
) -> NDArray[np.float32]:
    """(pixels, cells): bilinear weights of the cells around one at pixels."""
    places = (np.arange(part.start, part.stop) + 0.5) * cells / size - 0.5 - middle
    near = 1 - np.abs(places[:, None] - _steps(radius)[None])
    return np.asarray(np.clip(near, 0, None), np.float32)


class OnGrid:
    """Base of correctors that use a grid of features."""

    grid: Grid
    _probability: NDArray[np.floating[Any]]  # (classes, H, W)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the image."""
        return self.grid.shape

    @property
    def classes(self) -> int:
        """Number of classes, background not counted."""
        return len(self._probability)

    @property
    def reach(self) -> Reach:
        """Distance within which a click may change the mask."""
        return self.grid.reach
