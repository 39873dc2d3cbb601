"""DICOM whose header calls a JPEG stream RGB although the stream holds YCbCr.

Some ultrasound machines write such files. The stream itself says what it holds: only
YCbCr is stored with fewer samples of colour than of brightness, and a marker of Adobe
names the colours.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.io.jpeg_markers import segments

#: Names of red, green and blue as the components of a stream.
_RGB = (b"RGB", b"rgb")
#: Markers of a frame header of lossy JPEG, of 8 or 12 bits.
_FRAME = (0xC0, 0xC1, 0xC2)
#: Marker of Adobe, its first bytes, and where it states the colours; 1 is YCbCr.
_ADOBE, _ADOBE_NAME, _ADOBE_AT = 0xEE, b"Adobe", 11
#: Marker of JFIF, whose colours are YCbCr, and its first bytes.
_JFIF, _JFIF_NAME = 0xE0, b"JFIF"


def is_ycbcr_called_rgb(path: Path, header: Any) -> bool:
    """Whether a file that is RGB by its header holds a JPEG stream of YCbCr.

    Looks at the first frame. False also if the file is damaged, which is said when its
    frames are decoded.
    """
    from pydicom.uid import JPEGBaseline8Bit, JPEGExtended12Bit

    syntax = header.file_meta.get("TransferSyntaxUID")
    if (
        syntax not in (JPEGBaseline8Bit, JPEGExtended12Bit)
        or header.get("PhotometricInterpretation") != "RGB"
        or header.get("SamplesPerPixel") != 3
        or header.get("BitsAllocated") != 8
    ):
        return False
    try:
        return is_ycbcr(stream_of(path, header, 0))
    except Exception:  # of many kinds
        return False


def ycbcr_pixels(path: Path, header: Any, frame: int) -> NDArray[np.uint8]:
    """Decode a frame of such a file as RGB (H, W, 3).

    Raises
    ------
    Exception
        Any error that a decoder raises for a damaged file.
    """
    from PIL import Image

    # Of a stream without a marker, Pillow assumes YCbCr too.
    stream = io.BytesIO(stream_of(path, header, frame))
    with Image.open(stream, formats=("JPEG",)) as one:
        return np.asarray(one.convert("RGB"))


def is_ycbcr(stream: bytes) -> bool:
    """Whether a JPEG stream of three components cannot hold anything but YCbCr."""
    for marker, part, _ in segments(stream):
        if marker == _ADOBE and part.startswith(_ADOBE_NAME):
            return part[_ADOBE_AT:][:1] == b"\1"
        if marker in _FRAME:
            names, samples = part[6:15:3], part[7:16:3]
            return names not in _RGB and len(set(samples)) > 1
    return False


def is_subsampled(stream: bytes) -> bool:
    """Whether a JPEG stream stores colours with fewer samples than brightness."""
    frames = (part for marker, part, _ in segments(stream) if marker in _FRAME)
    return any(len(set(part[7:16:3])) > 1 for part in frames)


def is_called_ycbcr(stream: bytes) -> bool:
    """Whether a marker of a JPEG stream says YCbCr, so that decoders give RGB."""
    for marker, part, _ in segments(stream):
        if marker == _ADOBE and part.startswith(_ADOBE_NAME):
            return part[_ADOBE_AT:][:1] == b"\1"
        if marker == _JFIF and part.startswith(_JFIF_NAME):
            return True
    return False


def jpeg_samples(stream: bytes) -> NDArray[np.uint8]:
    """Pixels (H, W, 3) of a JPEG stream as they are stored; errors as above."""
    from PIL import Image

    with Image.open(io.BytesIO(stream), formats=("JPEG",)) as one:
        if one.info.get("adobe_transform") != 0:
            one.draft("YCbCr", None)  # else it assumes YCbCr, and converts it to RGB
        return np.asarray(one)


def stream_of(path: Path, header: Any, frame: int) -> bytes:
    """Return the compressed bytes of a frame; errors as of `ycbcr_pixels`."""
    import pydicom
    from pydicom.encaps import get_frame

    with path.open("rb") as file:
        pydicom.dcmread(file, stop_before_pixels=True, specific_tags=[], force=True)
        file.seek(12, io.SEEK_CUR)  # tag, kind and length of the pixels
        count = int(header.get("NumberOfFrames") or 1)
        table = header.get("ExtendedOffsetTable")
        offsets = (table, header.ExtendedOffsetTableLengths) if table else None
        stream: bytes = get_frame(
            file, frame, number_of_frames=count, extended_offsets=offsets
        )
        return stream
