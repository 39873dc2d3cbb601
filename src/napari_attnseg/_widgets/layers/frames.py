"""Find the frame of a stack that a viewer shows. No Qt, no torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def shown_frame(layer: Any, point: Sequence[float], frames: int) -> int:
    """Index of the frame nearest to a world point, for a layer with a leading axis.

    Parameters
    ----------
    layer : napari layer, (T, Y, X)
    point : sequence of float
        ``viewer.dims.point``, with at least as many axes as the layer.
    frames : int
        Number of frames.
    """
    at = layer.world_to_data(point[-layer.ndim :])[0]
    return int(np.clip(round(at), 0, frames - 1))
