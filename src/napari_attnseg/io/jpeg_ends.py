"""Find JPEGs whose pixels end too early, although the end of the file was written.

Decoders show grey for the blocks that are missing, or leave a progressive picture less
sharp, without a word. Bytes that are inserted where the pixels end tell both from a
whole file: only a decoder that still lacks blocks reads them. If only the very last
block is missing, in part or whole, it may not be grey, and is not found.
"""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_attnseg.io.jpeg_markers import SOS, pixels_end, segments

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

#: Any blocks.
_BLOCKS = bytes(range(1, 255))
_RESTART = re.compile(rb"\xff([\xd0-\xd7])")
#: Rows and columns at the last corner that are looked at.
_CORNER = 4


def expect_last_block(file: Picture, path: Path) -> None:
    """Raise ValueError if the last blocks of a loaded JPEG are missing.

    Parameters
    ----------
    file : Picture
        The picture, as it is stored.
    path : Path
        Its file.
    """
    from PIL import Image

    if not file.info.get("progressive") and not _ends_grey(file):
        return
    data = path.read_bytes()
    scans = [end for marker, _, end in segments(data) if marker == SOS]
    if not scans:
        return
    end = pixels_end(data, scans[-1])
    more = _more(data[scans[-1] : end])
    longer = io.BytesIO(data[:end] + more + data[end:])
    with Image.open(longer, formats=("JPEG",)) as other:
        same = np.array_equal(np.asarray(other), np.asarray(file))
    if not same:
        raise ValueError("it is cut short: the last blocks of this JPEG are missing")


def _more(pixels: bytes) -> bytes:
    """Blocks, and the same behind each restart marker that decoders may wait for."""
    restarts = _RESTART.findall(pixels)
    following = restarts[-1][0] + 1 if restarts else 0
    numbers = (0xD0 | (following + i) & 7 for i in range(8))
    return _BLOCKS + b"".join(bytes([0xFF, one]) + _BLOCKS for one in numbers)


def _ends_grey(file: Picture) -> bool:
    """Whether the last corner has the grey that decoders show for missing blocks."""
    width, height = file.size
    corner = max(width - _CORNER, 0), max(height - _CORNER, 0), width, height
    # Inks are stored inverted: 127.
    return bool(np.isin(np.asarray(file.crop(corner)), (127, 128)).all())
