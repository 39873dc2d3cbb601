"""PNG, JPEG, TIFF, BMP, GIF and WebP as a file with frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.axes import refusal
from napari_attnseg.errors import InputError
from napari_attnseg.io.images import UprightImage, read_upright
from napari_attnseg.io.readers.facts import FileFacts, NotUsed
from napari_attnseg.io.readers.formats import FileFormat
from napari_attnseg.io.readers.frames import Frames


class RasterFrames(Frames):
    """The one picture of a file, which is decoded when it is opened."""

    def __init__(self, name: str, found: UprightImage) -> None:
        pixels = found.pixels
        colour = pixels.shape[2] if pixels.ndim == 3 else 1
        super().__init__(
            name,
            FileFacts(
                FileFormat.RASTER,
                1,
                pixels.shape[0],
                pixels.shape[1],
                channels=colour,
                said={"orientation": found.orientation},
                not_used=(NotUsed.OTHER_IMAGES,) if found.left_out else (),
            ),
        )
        self._pixels = pixels

    def _frame(self, index: int) -> NDArray[Any]:
        return np.array(self._pixels)


def open_raster(path: Path, name: str) -> Frames:
    """Open a picture, or an OME-TIFF whose name does not say so.

    Raises
    ------
    InputError
        If it cannot be read, or has several pages of unknown meaning.
    """
    found = read_upright(path)
    pixels = found.pixels
    if pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in (3, 4)):
        return RasterFrames(name, found)
    from napari_attnseg.io.readers.ome_tiff import OmeTiffFrames, is_ome

    if is_ome(path):
        return OmeTiffFrames(path, name)
    raise InputError(
        f"{path.name} cannot be used: {refusal(pixels.shape)}, or save the stack as "
        "OME-TIFF or NIfTI, which say what their axes are."
    )
