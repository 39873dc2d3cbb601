"""Find the colours of DICOM pixels whose header names others than they have.

A program that decompressed or coded an image anew may leave the old
PhotometricInterpretation: YBR_FULL_422 has two bytes for each pixel, but three are
there, RGB or YBR_FULL. JPEG 2000 says itself whether its decoder gives RGB. The header
may also say RGB over YBR_FULL, or YBR_FULL over RGB: it is contradicted only by clear
colours.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.errors import InputError
from napari_attnseg.io.readers.dicom_jpeg import (
    is_called_ycbcr,
    is_subsampled,
    stream_of,
)


class Colours(StrEnum):
    """Colours of decoded pixels, by their name in DICOM."""

    RGB = "RGB"
    YBR = "YBR_FULL"


# What these limits name rightly: training/results/recognised-images-kvasir-seg.json.
#: Colours read as YBR are so far out of 0 … 255 …
_OUT_OF_RANGE = 12
#: … in a larger share of the pixels only if they are RGB.
_RARE = 0.05
#: Correlation of each channel with the next: of RGB above, of YBR below.
_RGB_ALIKE, _YBR_ALIKE = 0.5, -0.1
#: YBR is clear if at most so many colours are far out of range, …
_HARDLY = 0.02
#: … the channels are so little alike …
_UNLIKE = -0.2
#: … and so large a share is darker or brighter than this: only YBR is grey there.
_TELLING, _DARK, _BRIGHT = 0.05, 60, 195
#: Mean distance of the colours of a grey YBR image from 128.
_GREY = 2.0
#: Number of pixels that are looked at.
_LOOKED_AT = 200_000
#: First markers of JPEG 2000, that of how it is coded, and where that says RGB.
_START, _COD, _COD_AT = b"\xff\x4f\xff\x51", b"\xff\x52", 8


def colours_of(
    path: Path, header: Any, syntax: Any, samples: Callable[[], NDArray[Any]]
) -> Colours | None:
    """Colours of the pixels of a file, if its header may misname them; else None.

    Looks at the first frame, which `samples` returns as it is stored. None also if the
    file is damaged, which is said when its frames are decoded.

    Raises
    ------
    InputError
        If the header names other colours, and the data do not tell which they are.
    """
    from pydicom.uid import JPEG2000TransferSyntaxes

    said = str(header.get("PhotometricInterpretation") or "")
    if (
        not said.startswith(("YBR", "RGB"))
        or header.get("SamplesPerPixel") != 3
        or header.get("BitsAllocated") != 8
    ):
        return None
    try:
        if is_jpeg(syntax):
            return _of_jpeg(stream_of(path, header, 0), said, samples)
        if not syntax.is_encapsulated and not _has_three_bytes(path, header):
            return None
        if syntax in JPEG2000TransferSyntaxes and _gives_rgb(
            stream_of(path, header, 0)
        ):
            right = said in ("YBR_ICT", "YBR_RCT", "RGB")
            return None if right else Colours.RGB
        stored = samples()
    except Exception:  # of many kinds
        return None
    if said == "RGB":
        return Colours.YBR if clear_look(stored) is Colours.YBR else None
    found = look_of(stored)
    right = said == "YBR_FULL" or (said == "YBR_FULL_422" and syntax.is_encapsulated)
    if found is not None or right:
        return None if found is Colours.YBR and right else found
    raise InputError(
        f"Expected {said} as the header says, but this DICOM file has three bytes for "
        "each pixel, and by its colours they may be RGB or YBR_FULL; write the right "
        "PhotometricInterpretation into the file, or convert it to PNG."
    )


def is_jpeg(syntax: Any) -> bool:
    """Whether pixels are lossy JPEG, whose stream may name its colours too."""
    from pydicom.uid import JPEGBaseline8Bit, JPEGExtended12Bit

    return syntax in (JPEGBaseline8Bit, JPEGExtended12Bit)


def _of_jpeg(
    stream: bytes, said: str, samples: Callable[[], NDArray[Any]]
) -> Colours | None:
    """The same of a JPEG; what `dicom_jpeg` reads as YCbCr anyway is None."""
    if is_subsampled(stream):
        return None
    found = clear_look(samples())
    called = is_called_ycbcr(stream)
    if found is Colours.YBR:
        return found if said == "RGB" and not called else None
    return found if said != "RGB" or called else None


def look_of(samples: NDArray[np.uint8]) -> Colours | None:
    """What colours (H, W, 3) look like; None where that is not clear."""
    flat = _some(samples, _LOOKED_AT)
    if _far_out(flat) > _RARE:
        return Colours.RGB
    return _by_channels(flat, _YBR_ALIKE)


def clear_look(samples: NDArray[np.uint8]) -> Colours | None:
    """As `look_of`, but only where it is certain enough to contradict the header."""
    flat = _some(samples, _LOOKED_AT // 10)
    out = _far_out(flat)
    if _HARDLY < out <= _RARE:
        return None
    found = _by_channels(flat, _UNLIKE)
    if out > _RARE:
        return found if found is Colours.RGB else None
    telling = (flat[:, 0] < _DARK) | (flat[:, 0] > _BRIGHT)
    uneven = flat[:, 0].std() > 1  # one colour alone may be either
    certain = found is Colours.YBR and uneven and telling.mean() > _TELLING
    return found if certain else None


def _some(samples: NDArray[np.uint8], count: int) -> NDArray[np.float32]:
    """About so many pixels, evenly chosen."""
    flat = samples.reshape(-1, 3)
    return flat[:: max(len(flat) // count, 1)].astype(np.float32)


def _far_out(flat: NDArray[np.float32]) -> float:
    """Share of pixels that are far out of range if they are read as YBR."""
    light, blue, red = flat[:, 0], flat[:, 1] - 128, flat[:, 2] - 128
    green = light - 0.344 * blue - 0.714 * red
    as_rgb = np.stack([light + 1.402 * red, green, light + 1.772 * blue])
    beyond = (as_rgb < -_OUT_OF_RANGE) | (as_rgb > 255 + _OUT_OF_RANGE)
    return float(beyond.any(0).mean())


def _by_channels(flat: NDArray[np.float32], unlike: float) -> Colours | None:
    """Colours by how alike the channels are: YBR are below `unlike`, or grey."""
    if np.abs(flat[:, 1:] - 128).mean(0).max() < _GREY:
        return Colours.YBR
    if (flat.std(0) == 0).any():
        return None
    alike = np.asarray(np.corrcoef(flat.T))
    least = min(alike[0, 1], alike[1, 2])
    if least > _RGB_ALIKE:
        return Colours.RGB
    return Colours.YBR if least < unlike else None


def stored_samples(source: Any, frame: int) -> NDArray[Any]:
    """Pixels (H, W, 3) of a frame as the decoder gives them, whatever they are called.

    Raises
    ------
    Exception
        Any error that a decoder raises for a damaged file.
    """
    from pydicom.pixels import pixel_array

    called = {"photometric_interpretation": "RGB"}
    return np.asarray(pixel_array(source, index=frame, **called))


def rgb_pixels(samples: NDArray[Any], colours: Colours) -> NDArray[np.uint8]:
    """RGB (H, W, 3) of samples that have these colours."""
    from pydicom.pixels import convert_color_space

    if colours is Colours.RGB:
        return samples
    return np.asarray(convert_color_space(samples.copy(), "YBR_FULL", "RGB"))


def _has_three_bytes(path: Path, header: Any) -> bool:
    """Whether pixels that are not compressed have three bytes each."""
    import pydicom

    # What is longer is not read, but its length is known.
    tags = ["PixelData"]
    found = pydicom.dcmread(path, specific_tags=tags, defer_size=1024, force=True)
    element = found.get_item("PixelData")
    frames = int(header.get("NumberOfFrames") or 1)
    pixels = int(header.Rows) * int(header.Columns) * frames
    return element is not None and _length(element) >= 3 * pixels


def _length(element: Any) -> int:
    known = getattr(element, "length", None)
    return len(element.value) if known is None else int(known)


def _gives_rgb(stream: bytes) -> bool:
    """Whether a JPEG 2000 stream says that its colours were transformed from RGB."""
    at = stream.find(_START) + 2
    while stream[at : at + 1] == b"\xff":  # segments of the main header
        if stream[at : at + 2] == _COD:
            return stream[at + _COD_AT : at + _COD_AT + 1] == b"\1"
        at += 2 + max(int.from_bytes(stream[at + 2 : at + 4], "big"), 2)
    return False
