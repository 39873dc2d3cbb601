"""Correct what Pillow omits or misreports about an open file."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_attnseg.io.orientation import TAG, known_orientation

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

#: TIFF tag of the colours of a palette.
_COLOUR_MAP = 320


@contextmanager
def large_pictures() -> Iterator[None]:
    """Let Pillow open pictures of up to 179 megapixels without a warning of an attack.

    Larger ones are still refused by it.
    """
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        yield


def load(file: Picture) -> tuple[int, bool]:
    """Load a picture; return its orientation, and whether Pillow has applied it."""
    if file.format == "TIFF":  # Pillow turns it while it loads, and drops the tag
        tags: Any = file
        turn = known_orientation(tags.tag_v2.get(TAG, 1))
        file.load()
        return turn, True
    file.load()
    try:
        return known_orientation(file.getexif().get(TAG, 1)), False
    except (OSError, SyntaxError, ValueError):  # damaged metadata of a sound picture
        return 1, False


def widen_palette(file: Picture) -> None:
    """Read the palette of a TIFF as 8-bit colours if no value is larger than 255.

    A palette of a TIFF has 16 bits per colour, but some programs write 8-bit values,
    which Pillow would show as black.
    """
    tags: Any = file
    colours = np.asarray(tags.tag_v2.get(_COLOUR_MAP, ()))
    if colours.any() and colours.max() < 256:
        file.putpalette(colours.reshape(3, -1).T.astype(np.uint8).tobytes())


def is_lossy(file: Picture, path: Path) -> bool:
    """Whether compression has changed the numbers of an open file at that path."""
    if file.format == "WEBP":
        with path.open("rb") as stored:
            head = stored.read(64)
        return b"VP8L" not in head
    return file.format in ("JPEG", "MPO") or file.info.get("compression") in (
        "jpeg",
        "tiff_jpeg",
    )
