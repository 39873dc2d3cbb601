"""Read PNGs of 16 bits per colour, of which Pillow keeps only the upper 8."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.io.pillow_files import large_pictures

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

#: Modes to which Pillow cuts 16-bit colour.
_CUT = ("RGB", "RGBA", "LA")
#: Raw mode of such a PNG → its mode, and raw modes that give the upper and the lower
#: bytes; of grey and alpha one gives all four.
_HALVES = {
    "RGB;16B": ("RGB", ("RGB;16B", "RGB;16L")),
    "RGBA;16B": ("RGBA", ("RGBA;16B", "RGBA;16L")),
    "LA;16B": ("RGBA", ("RGBA",)),
}


def is_deep(file: Picture) -> bool:
    """Whether an open file has 16 bits per channel, of which Pillow would keep 8.

    Only PNG files count: in a BMP file, the same mode gives the bits of a whole pixel.
    """
    opened: Any = file
    deep = any(";16" in str(tile) for tile in opened.tile)
    return deep and file.mode in _CUT and file.format != "BMP"


def deep_pixels(path: Path, file: Picture) -> NDArray[np.uint16]:
    """Decode a PNG of 16 bits per colour: (H, W, samples), as it is stored.

    Parameters
    ----------
    path : Path
        Path of the PNG file.
    file : Image
        The same file, opened by Pillow, with pixels not loaded yet.

    Raises
    ------
    ValueError
        If the file is no PNG of 16 bits per colour.
    """
    from PIL import Image

    if file.format != "PNG":
        raise ValueError(
            "its 16-bit colours would be cut to 8 bits: save it as PNG, or as TIFF "
            "without compression or with that of zlib"
        )
    cut: Any = file
    mode, raws = _HALVES[str(cut.tile[0].args)]
    halves = []
    for raw in raws:
        with (
            path.open("rb") as stored,
            large_pictures(),
            Image.open(stored, formats=("PNG",)) as opened,
        ):
            half: Any = opened
            half._mode = mode
            half.tile = [tile._replace(args=raw) for tile in half.tile]
            half.load()
            halves.append(np.asarray(half).astype(np.uint16))
    if len(halves) == 1:
        halves = [halves[0][..., ::2], halves[0][..., 1::2]]
    return np.asarray(256 * halves[0] + halves[1], np.uint16)
