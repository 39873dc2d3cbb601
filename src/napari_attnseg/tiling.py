"""Place overlapping tiles on an image, and stitch their maps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Share of a tile that it has in common with the next one, at least.
OVERLAP = 0.25
#: Standard deviation of a tile's weights, as a share of its size, as of nnU-Net, MONAI.
SPREAD = 0.125


@dataclass(frozen=True, slots=True)
class Axis:
    """Positions of tiles along one axis of an image.

    Attributes
    ----------
    length : int
        Pixels of the image along the axis.
    size : int
        Pixels of a tile along the axis.
    """

    length: int
    size: int

    @property
    def starts(self) -> list[int]:
        """First pixel of each tile, evenly spaced; the last tile ends at the edge."""
        rest = self.length - self.size
        if rest <= 0:
            return [0]
        steps = math.ceil(rest / (self.size * (1 - OVERLAP)))
        return [round(i * rest / steps) for i in range(steps + 1)]

    def cells(self, cells_of_tile: int) -> int:
        """Number of cells of the stitched map along this axis, from that of a tile."""
        return max(1, round(self.length * cells_of_tile / self.size))

    def weights(self, cells_of_tile: int) -> list[tuple[int, NDArray[np.float32]]]:
        """Weights by which the cells of each tile enter the stitched map.

        Returns
        -------
        list of (int, ndarray of shape (n, cells_of_tile))
            For each tile: the index of the first of the `n` cells of the stitched map
            that it covers, and for each of them a row of weights over the tile's cells
            (bilinear interpolation times the Gaussian weight of the tile). For one cell
            of the stitched map, the rows of all tiles sum to 1.
        """
        cells = self.cells(cells_of_tile)
        centres = (np.arange(cells) + 0.5) * (self.length / cells)
        there = centres - np.array(self.starts)[:, None]
        weights = np.exp(-0.5 * ((there / self.size - 0.5) / SPREAD) ** 2)
        weights[(there < 0) | (there >= self.size)] = 0
        weights /= weights.sum(0)
        found = []
        for at, weight in zip(there, weights, strict=True):
            (covered,) = np.nonzero(weight)
            at, weight = at[covered], weight[covered]
            place = (at * (cells_of_tile / self.size) - 0.5).clip(0, cells_of_tile - 1)
            lower = np.floor(place).astype(int)
            upper = np.minimum(lower + 1, cells_of_tile - 1)
            share = np.zeros((len(covered), cells_of_tile))
            index = np.arange(len(covered))
            share[index, lower] += (1 - (place - lower)) * weight
            share[index, upper] += (place - lower) * weight
            found.append((int(covered[0]), share.astype(np.float32)))
        return found


class Stitched:
    """Map of an image that is stitched from the maps of its tiles.

    Parameters
    ----------
    rows, columns : Axis
    shape : (int, …, int, int)
        Shape of a tile's map; all axes before the last two stay as they are.
    """

    def __init__(self, rows: Axis, columns: Axis, shape: Sequence[int]) -> None:
        *others, height, width = shape
        size = rows.cells(height), columns.cells(width)
        self.values = np.zeros((*others, *size), np.float32)
        self._rows, self._columns = rows.weights(height), columns.weights(width)

    def add(self, row: int, column: int, values: NDArray[Any]) -> None:
        """Add the map of the tile in this row and column of tiles."""
        (top, down), (left, across) = self._rows[row], self._columns[column]
        part = (..., slice(top, top + len(down)), slice(left, left + len(across)))
        self.values[part] += down @ values.astype(np.float32) @ across.T
