"""Parts of a frame's results, and results of an earlier run. No torch, no Qt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.io.frame_table import Rows


@dataclass(frozen=True, slots=True, eq=False)
class EarlierFrames:
    """Results of an earlier run of the same file with the same weights and settings.

    Attributes
    ----------
    provenance : mapping
        Provenance of that run.
    unit : int
        Value of the first class in the masks' files.
    rows, objects : mapping of int to sequence of mapping
        Frame → its row of the table of frames (a list with one row), and its rows of
        the table of objects.
    """

    provenance: Mapping[str, Any]
    unit: int
    rows: Mapping[int, Rows]
    objects: Mapping[int, Rows] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class FrameParts:
    """Files and rows that are written for one frame.

    Attributes
    ----------
    mask : ndarray of int, shape (H, W)
    row : mapping
        Values of the table; None and NaN are left empty.
    picture : ndarray of uint8, shape (H, W, 3), or None
        Picture of the overlay.
    seconds : float or None
        Time at which the frame is shown in the overlay.
    objects : sequence of mapping
        Rows of the table of objects.
    readers : mapping of str to ndarray
        Mask of each reader, by its key.
    """

    mask: NDArray[Any]
    row: Mapping[str, Any]
    picture: NDArray[np.uint8] | None = None
    seconds: float | None = None
    objects: Rows = ()
    readers: Mapping[str, NDArray[Any]] = field(default_factory=dict)
