"""Recognise, from the header, files that viewers decode in another way.

Only headers are read, and no error is raised: a file that cannot be read counts as
ordinary here, and `images.read_image` reports what is wrong with it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from napari_attnseg.io.colour_profiles import PROFILE_TAG, profile_name
from napari_attnseg.io.deep_png import is_deep
from napari_attnseg.io.picture_profile import profile_of
from napari_attnseg.io.pillow_files import large_pictures
from napari_attnseg.io.tiff_pages import main_page

#: Key, in provenance, of the `FileKind` of an image that a viewer decoded otherwise.
VIEWER_DECODING = "viewer_decoding"


class FileKind(StrEnum):
    """A kind of file of which napari's own reader shows other pixels than `read_image`.

    Members
    -------
    CMYK
        Inks instead of colours, which napari shows as RGBA.
    PALETTE
        A TIFF of indices into a table of colours, which napari shows as grey.
    GREY_ALPHA
        Grey and alpha, which napari shows as a stack of columns.
    MIN_IS_WHITE
        A TIFF in which 0 is white, which napari shows inverted.
    YCBCR
        A TIFF of brightness and two colour differences, which napari shows as RGB.
    LAB
        A TIFF in CIELAB, which napari shows as RGB.
    PLANAR
        A TIFF whose colour channels lie one after the other, which napari shows as
        frames.
    ORIENTED
        A picture to be turned or mirrored before it is shown, which napari does not.
    COLOUR_16
        A PNG of more than 8 bits per colour, of which napari shows the upper 8.
    COLOUR_PROFILE
        Colours of a profile other than sRGB, which napari shows as if they were sRGB.
    """

    CMYK = "cmyk"
    PALETTE = "palette"
    GREY_ALPHA = "grey_alpha"
    MIN_IS_WHITE = "min_is_white"
    YCBCR = "ycbcr"
    LAB = "lab"
    PLANAR = "planar"
    ORIENTED = "oriented"
    COLOUR_16 = "colour_16"
    COLOUR_PROFILE = "colour_profile"


#: EXIF and TIFF tag of the orientation in which a picture is to be shown; 1: as stored.
_ORIENTATION = 274
_TIFF = (".tif", ".tiff")
#: Formats that Pillow may look into: some of its others start programs.
_FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "GIF")
#: Modes of Pillow whose pixels become colours of 8 bits.
_COLOURS = ("RGB", "RGBA", "P")
_OF_MODE = {
    "CMYK": FileKind.CMYK,
    "LA": FileKind.GREY_ALPHA,
    "La": FileKind.GREY_ALPHA,
    "PA": FileKind.GREY_ALPHA,
}


def file_kind(path: str | Path) -> FileKind | None:
    """Kind of a file that napari's own reader shows in another way than `read_image`.

    Returns
    -------
    FileKind or None
        None for an ordinary image, and for a file that cannot be read.
    """
    try:
        stat = os.stat(path)  # noqa: PTH116 (Path's raises for too long a name)
        return _file_kind(Path(path), stat.st_mtime_ns, stat.st_size)
    except (OSError, ValueError):
        return None


@lru_cache(maxsize=256)
def _file_kind(path: Path, modified: int, size: int) -> FileKind | None:
    try:
        if path.suffix.lower() in _TIFF:
            return _tiff_kind(path)
        return _other_kind(path)
    # The decoders raise many kinds for a damaged file.
    except Exception:
        return None


def _tiff_kind(path: Path) -> FileKind | None:
    import tifffile

    kinds = tifffile.PHOTOMETRIC
    found: FileKind | None = None
    with tifffile.TiffFile(path) as file:
        page = main_page(file)
        photometric, samples = page.photometric, int(page.samplesperpixel)
        orientation = page.tags.get(_ORIENTATION)
        if photometric == kinds.SEPARATED:
            found = FileKind.CMYK
        elif photometric == kinds.PALETTE:
            found = FileKind.PALETTE
        elif photometric == kinds.MINISWHITE:
            found = FileKind.MIN_IS_WHITE
        elif photometric == kinds.CIELAB:
            found = FileKind.LAB
        # The decoder of JPEG gives RGB.
        elif photometric == kinds.YCBCR and page.compression not in (6, 7):
            found = FileKind.YCBCR
        elif photometric == kinds.MINISBLACK and samples == 2 and page.extrasamples:
            found = FileKind.GREY_ALPHA
        elif photometric == kinds.RGB and page.planarconfig == 2 and samples > 1:
            found = FileKind.PLANAR
        elif orientation is not None and orientation.value in range(2, 9):
            found = FileKind.ORIENTED
        elif photometric == kinds.RGB and page.dtype == "uint8":
            profile = page.tags.valueof(PROFILE_TAG)
            found = FileKind.COLOUR_PROFILE if profile_name(profile) else None
    return found


def _other_kind(path: Path) -> FileKind | None:
    from PIL import Image

    with large_pictures():
        opened = Image.open(path, formats=_FORMATS)
    with opened as file:
        if is_deep(file):
            return FileKind.COLOUR_16
        if file.mode in _OF_MODE:
            return _OF_MODE[file.mode]
        if file.getexif().get(_ORIENTATION, 1) in range(2, 9):
            return FileKind.ORIENTED
        if file.mode in _COLOURS and profile_name(profile_of(file)):
            return FileKind.COLOUR_PROFILE
    return None


def header_size(path: Path) -> tuple[int, int] | None:
    """Rows and columns of the upright picture, as the header says; None: unknown."""
    import tifffile
    from PIL import Image

    try:
        if path.suffix.lower() in _TIFF:
            with tifffile.TiffFile(path) as file:
                page = main_page(file)
                size = int(page.imagelength), int(page.imagewidth)
                turn = page.tags.valueof(_ORIENTATION)
        else:
            with large_pictures(), Image.open(path, formats=_FORMATS) as picture:
                size = picture.height, picture.width
                turn = picture.getexif().get(_ORIENTATION)
    # The decoders raise many kinds for a damaged file.
    except Exception:
        return None
    return size[::-1] if turn in range(5, 9) else size


def tiff_axes(path: str | Path, shape: Sequence[int]) -> tuple[str, ...]:
    """Names of the axes of a TIFF (OME, ImageJ) that holds an array of that shape.

    Returns
    -------
    tuple of str
        Lower-case letters such as ``("c", "y", "x")``; empty if nothing is known.
    """
    import tifffile

    if Path(path).suffix.lower() not in _TIFF:
        return ()
    try:
        with tifffile.TiffFile(path) as file:
            series = file.series[0]
            if tuple(series.shape) == tuple(shape):
                return tuple(series.axes.lower())
    # The decoders raise many kinds for a damaged file.
    except Exception:
        return ()
    return ()
