"""A video of frames with the outline of each mask, where PyAV is installed."""

from __future__ import annotations

import os
from contextlib import suppress
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, binary_erosion

from napari_attnseg.colormaps import CLASS_COLOURS
from napari_attnseg.io.atomic import make_readable, new_temporary
from napari_attnseg.io.frame_table import unwritable

#: Ticks of a second in which times are written.
_TICKS = 90_000
#: Encoders in order of preference: every browser plays what the first one writes.
_ENCODERS = ("libx264", "mpeg4")
#: Quality of the first one: drawn lines stay sharp.
_QUALITY = {"crf": "20", "preset": "veryfast"}
#: Width of an outline, as a share of the frame's longer side.
_WIDTH = 1 / 300


def can_write_video() -> bool:
    """Whether PyAV is installed."""
    return find_spec("av") is not None


def outlined(
    rgb: NDArray[np.float32], mask: NDArray[np.integer[Any]]
) -> NDArray[np.uint8]:
    """A frame with the outlines of its mask.

    Parameters
    ----------
    rgb : ndarray, shape (H, W, 3), in [0, 1]
    mask : ndarray of int, shape (H, W)
        0 is background.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
    """
    drawn = np.round(rgb * 255).astype(np.uint8)
    width = max(1, round(max(mask.shape) * _WIDTH))
    for value in np.unique(mask[mask != 0]):
        inside = mask == value
        line = binary_dilation(inside, iterations=width) & ~binary_erosion(inside)
        colour = CLASS_COLOURS[(int(value) - 1) % len(CLASS_COLOURS)]
        drawn[line] = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return drawn


class OverlayVideo:
    """An MP4 that is written frame by frame, under another name until it is closed.

    Parameters
    ----------
    path : Path
        Path of the MP4.
    rate : float
        Frames per second where no times are given.

    Raises
    ------
    InputError
        If it cannot be written.
    """

    def __init__(self, path: Path, rate: float = 1.0) -> None:
        import av

        self._av: Any = av
        self._path = path
        self._rate, self._count, self._last = rate, 0, -1
        self._stream: Any = None
        try:
            handle, self._partial = new_temporary(path.parent)
        except OSError as error:
            raise unwritable(path, error) from error
        os.close(handle)
        try:
            self._container = av.open(str(self._partial), "w", format="mp4")
        except OSError as error:
            self._partial.unlink(missing_ok=True)
            raise unwritable(path, error) from error

    def add(self, frame: NDArray[np.uint8], seconds: float | None = None) -> None:
        """Add a frame (H, W, 3); its time must be later than that of the last frame.

        Raises
        ------
        InputError
            If it cannot be written.
        """
        # Codecs want even sides.
        even = np.pad(
            frame, [(0, n % 2) for n in frame.shape[:2]] + [(0, 0)], mode="edge"
        )
        if self._stream is None:
            self._begin(*even.shape[:2])
        picture = self._av.VideoFrame.from_ndarray(even, format="rgb24")
        at = self._count / self._rate if seconds is None else seconds
        self._last = max(round(at * _TICKS), self._last + 1)
        picture.pts, picture.time_base = self._last, Fraction(1, _TICKS)
        self._count += 1
        try:
            self._container.mux(self._stream.encode(picture))
        except OSError as error:
            self.discard()
            raise unwritable(self._path, error) from error

    def discard(self) -> None:
        """Close and remove what was written; may be called again."""
        with suppress(OSError):
            self._container.close()
        self._partial.unlink(missing_ok=True)

    def _begin(self, rows: int, columns: int) -> None:
        codec = next(one for one in _ENCODERS if one in self._av.codecs_available)
        options = _QUALITY if codec == _ENCODERS[0] else {}
        self._stream = self._container.add_stream(codec, rate=30, options=options)
        self._stream.height, self._stream.width = rows, columns
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = Fraction(1, _TICKS)
        self._stream.codec_context.thread_count = 1

    def close(self) -> Path | None:
        """Finish the file and give it its name; return None if there was no frame.

        Raises
        ------
        InputError
            If it cannot be written.
        """
        if self._stream is None or not self._partial.exists():
            self.discard()
            return None
        try:
            self._container.mux(self._stream.encode())
            self._container.close()
            make_readable(self._partial)
            self._partial.replace(self._path)
        except OSError as error:
            self.discard()
            raise unwritable(self._path, error) from error
        return self._path
