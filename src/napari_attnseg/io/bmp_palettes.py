"""Read BMP files whose colour table Pillow takes for grey values.

Pillow drops a colour table of black and white, of black alone, or of the greys 0, 1, 2
and so on. It then reads pixels of 1 or 8 bits, even if the file has another number of
bits, so that a mask of 8 bits with two colours loses nearly all of its lesion.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

#: Mode of a BMP without its colour table → the bits of a pixel that Pillow reads.
_READ_AS = {"1": 1, "L": 8}
#: Bits of a pixel → Pillow's raw mode for indices into a colour table.
_INDICES = {4: "P;4", 8: "P"}
#: Size of the old header, and places of the bits of a pixel, in it and in others, and
#: of the number of colours.
_OLD, _BITS_OLD, _BITS, _COLOURS = 12, 24, 28, 46


def load_indices(file: Picture, stored: IO[bytes]) -> None:
    """Load an open BMP as indices into its colour table if Pillow has dropped that.

    Parameters
    ----------
    file : Image
        File opened by Pillow, with pixels not loaded yet. Other files are left alone.
    stored : file
        The file itself.

    Raises
    ------
    ValueError
        If pixels have numbers that the colour table does not have.
    """
    from PIL import ImagePalette

    bmp: Any = file
    if file.format != "BMP" or file.mode not in _READ_AS:
        return
    stored.seek(0)
    head = np.frombuffer(stored.read(_COLOURS + 4), np.uint8)
    old = head[14] == _OLD
    bits = int(head[_BITS_OLD if old else _BITS])
    if bits == _READ_AS[file.mode] or bits not in _INDICES:
        return
    colours = 0 if old else int(head[_COLOURS:].view("<u4")[0])
    # Pillow drops no other table than these two.
    greys = np.arange(colours or 2**bits) if file.mode == "L" else [0, 255][:colours]
    table = np.repeat(np.asarray(greys, np.uint8), 3).tobytes()
    bmp._mode, bmp.palette = "P", ImagePalette.raw("RGB", table)
    *place, how = bmp.tile[0]
    make = getattr(bmp.tile[0], "_make", tuple)  # a plain tuple before Pillow 11
    bmp.tile = [make((*place, (_INDICES[bits], *how[1:])))]
    file.load()
    largest = int(np.asarray(file).max(initial=0))
    if largest >= len(greys):
        raise ValueError(
            f"it has pixels of number {largest}, but its colour table ends at "
            f"{len(greys) - 1}: save it as PNG"
        )
