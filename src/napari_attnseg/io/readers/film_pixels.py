"""Pixels of a decoded frame of a film, in its colours and the right way round."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Videos of at least so many rows that do not say how colours are stored are BT.709.
HIGH_DEFINITION = 720
#: ``AVColorSpace`` of FFmpeg: BT.709, and not said.
_BT709, _UNSPECIFIED = 1, 2


def says_colours(frame: Any) -> bool:
    """Whether a frame says by which matrix its colours were stored."""
    return int(frame.colorspace) != _UNSPECIFIED


def pixels_of(frame: Any, grey: bool, mirrored: bool, turns: int) -> NDArray[Any]:
    """Grey (H, W) or RGB (H, W, 3), mirrored left to right and then turned."""
    if grey:
        values = frame.to_ndarray(format="gray")
    else:
        # What is not said, FFmpeg takes for BT.601.
        high = frame.height >= HIGH_DEFINITION
        matrix = _BT709 if high and not says_colours(frame) else None
        values = frame.reformat(
            format="rgb24", src_colorspace=matrix, dst_colorspace=matrix
        ).to_ndarray()
    if mirrored:
        values = values[:, ::-1]
    return np.ascontiguousarray(np.rot90(values, turns))


def as_shown(frame: Any) -> tuple[bool, int]:
    """Whether a frame is to be mirrored left to right, and quarter turns after that.

    FFmpeg's angle of a mirrored frame is that of its columns alone: half a turn off.
    """
    side = next((d for d in frame.side_data if d.type.name == "DISPLAYMATRIX"), None)
    if side is None:
        return False, round((frame.rotation or 0) / 90) % 4
    a, b, _, c, d = (int(one) for one in np.frombuffer(bytes(side)[:20], np.int32))
    mirrored = a * d - b * c < 0
    if mirrored:
        a, b = -a, -b
    return mirrored, round(-np.degrees(np.arctan2(b, a)) / 90) % 4
