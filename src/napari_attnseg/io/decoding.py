"""Decode image files; all pictures and masks are read this way.

It returns the stored numbers, whatever they mean. The calling code decides whether they
are intensities or lesions. Only the orientation is applied here.
"""

from __future__ import annotations

import logging
import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.io.bmp_palettes import load_indices
from napari_attnseg.io.colour_profiles import PROFILE_TAG
from napari_attnseg.io.deep_png import deep_pixels, is_deep
from napari_attnseg.io.imagej_calibration import Calibration, calibration_of
from napari_attnseg.io.jpeg_ends import expect_last_block
from napari_attnseg.io.jpeg_holes import expect_no_hole
from napari_attnseg.io.jpeg_scans import expect_every_scan
from napari_attnseg.io.orientation import TAG, as_stored, known_orientation, upright
from napari_attnseg.io.other_formats import other_format, other_format_words
from napari_attnseg.io.other_pictures import different_pictures
from napari_attnseg.io.picture_profile import profile_of
from napari_attnseg.io.pillow_files import is_lossy, large_pictures, load, widen_palette
from napari_attnseg.io.png_checksums import expect_pixels_undamaged
from napari_attnseg.io.tiff_bits import (
    RemedyError,
    expect_package,
    expect_readable_bits,
    is_exchanged,
    is_spread,
    needs_package,
)
from napari_attnseg.io.tiff_pages import (
    are_red_green_blue,
    main_frames,
    main_page,
    main_series,
)

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

Array = NDArray[Any]

#: Formats that Pillow may try: some of its others start programs (EPS: Ghostscript).
FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF")
#: Pillow modes whose values are neither grey nor RGB, and what they become.
_CONVERTED = {
    "P": "RGB",
    "PA": "RGBA",
    "La": "LA",
    "CMYK": "RGB",
    "YCbCr": "RGB",
    "LAB": "RGB",
    "HSV": "RGB",
}
#: TIFF compressions that change pixels: both kinds of JPEG.
_LOSSY_TIFF = (6, 7)
#: The first bytes of a TIFF.
_TIFF = (b"II", b"MM", b"EP")
#: Takes what a decoder logs: what is wrong is said once, as an error.
_UNSAID = logging.NullHandler()
_DIFFERENT = "its pages ask to be shown in different orientations"


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Pages of one size and kind.

    Attributes
    ----------
    array : ndarray, shape (..., H, W) or (..., H, W, samples)
        The numbers that the file holds, the picture upright.
    colour : bool
        Whether the last axis is samples: grey and alpha, RGB or RGBA.
    indices : ndarray of int or None, shape (H, W)
        Index of each pixel into the palette, if the file has a palette.
    """

    array: Array
    colour: bool
    indices: Array | None = None

    @property
    def pages(self) -> list[Array]:
        """Each page, of shape (H, W) or (H, W, samples)."""
        ndim = 3 if self.colour else 2
        return list(self.array.reshape(-1, *self.array.shape[-ndim:]))


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """Content of an image file.

    Attributes
    ----------
    series : tuple of Series
        Several where pages differ in size or kind.
    orientation : int
        Orientation that was applied, 1 to 8.
    white_is_zero : bool
        Whether a TIFF says that its smallest number is white.
    lossy : bool
        Whether compression has changed the numbers.
    stack : bool
        Whether several pages of one kind form one array, as in a plain TIFF.
    bits : int
        Bits of a grey value that was stored in 2 or 4 bits and is spread over 0 to 255;
        else 8.
    others : int
        Number of pictures of an MPO that differ from the first, and were left out.
    thumbnails : int
        Number of pages that a TIFF calls smaller copies, and that were left out.
    transparency : int
        Number of pages that it calls transparency masks, and that were left out.
    profile : bytes or None
        Embedded ICC profile, or one of a PNG's gamma; it was not applied.
    calibration : Calibration or None
        How ImageJ shows the numbers of a grey TIFF; it was not applied.
    """

    series: tuple[Series, ...]
    orientation: int = 1
    white_is_zero: bool = False
    lossy: bool = False
    stack: bool = False
    bits: int = 8
    others: int = 0
    thumbnails: int = 0
    transparency: int = 0
    profile: bytes | None = None
    calibration: Calibration | None = None

    def stored(self) -> Decoded:
        """Copy with the pixels as they are stored, without the orientation."""
        turned = tuple(
            Series(
                as_stored(
                    one.array, self.orientation, one.array.ndim - 2 - int(one.colour)
                ),
                one.colour,
                None
                if one.indices is None
                else as_stored(one.indices, self.orientation),
            )
            for one in self.series
        )
        return replace(self, series=turned, orientation=1)


def decode(path: Path) -> Decoded:
    """Decode every page of an image file, the picture upright.

    tifffile decodes TIFF. Pillow decodes everything else, and TIFFs whose colours or
    compression tifffile alone does not read, with the same numbers. If a JPEG holds
    several pictures (MPO), the first one is decoded.

    Raises
    ------
    Exception
        Any error that a decoder raises for a damaged file.
    """
    if path.stat().st_size == 0:
        raise ValueError("it is empty: 0 bytes")
    if name := other_format(path):
        raise ValueError(other_format_words(name))
    if path.suffix.lower() in (".tif", ".tiff"):
        log = logging.getLogger("tifffile")
        log.addHandler(_UNSAID)
        try:
            return _decode_tiff(path)
        finally:
            log.removeHandler(_UNSAID)
    return _decode_pillow(path)


def _decode_tiff(path: Path) -> Decoded:
    import tifffile

    with path.open("rb") as stored:
        if stored.read(2) not in _TIFF:
            raise _no_tiff(stored)
    try:
        file = tifffile.TiffFile(path)
    except struct.error as error:
        raise ValueError("it is cut short") from error
    with file:
        if not len(file.pages) or not file.pages.first.shape:
            raise ValueError("it is a TIFF without any page")
        page = main_page(file)
        kinds, kind = tifffile.PHOTOMETRIC, page.photometric
        if kind not in (kinds.MINISBLACK, kinds.MINISWHITE, kinds.RGB):
            return _decode_pillow(path)
        main, thumbnails, masks = main_series(file)
        white = bool(kind == kinds.MINISWHITE)
        expect_readable_bits(page, white)
        if is_spread(page):
            return _through_pillow(path, page, white)
        grey = page.photometric != kinds.RGB
        calibration = calibration_of(file, page.dtype, white) if grey else None
        # Of a stack, often the first page alone has the tag.
        turns = {
            known_orientation(int(one.tags.valueof(TAG)))
            for series in main
            for one in series.pages
            if isinstance(one, tifffile.TiffPage) and TAG in one.tags
        } or {1}
        if len(turns) > 1:
            raise ValueError(_DIFFERENT)
        (turn,) = turns
        lossy = int(page.compression) in _LOSSY_TIFF
        try:
            found = tuple(_series(one, turn) for one in main)
        except (ValueError, NotImplementedError, ImportError) as error:
            # Its compressed kinds (LZW: DRIVE) need a package that Pillow does without.
            if not needs_package(error):
                raise
            decoded = _through_pillow(path, page, white)
            return replace(decoded, calibration=calibration)
        return Decoded(
            *(found, turn, white, lossy),
            stack=True,
            thumbnails=thumbnails,
            transparency=masks,
            profile=page.tags.valueof(PROFILE_TAG),
            calibration=calibration,
        )


def _no_tiff(stored: IO[bytes]) -> ValueError:
    """Error of a file that is named as a TIFF and is none."""
    from PIL import Image, UnidentifiedImageError

    stored.seek(0)
    try:
        with large_pictures(), Image.open(stored, formats=FORMATS) as file:
            kind = file.format
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        return ValueError("it is no TIFF, whatever its name says")
    words = f"it is no TIFF but a {kind}: give its name the suffix of {kind}"
    return RemedyError(words)


def _series(series: Any, turn: int) -> Series:
    import tifffile

    page = series.keyframe
    array = np.asarray(series.asarray())
    apart = page.planarconfig == tifffile.PLANARCONFIG.SEPARATE
    rgb = page.photometric == tifffile.PHOTOMETRIC.RGB
    if rgb and apart:
        array = np.moveaxis(array, -3, -1)
    samples = int(page.samplesperpixel)
    if not rgb and are_red_green_blue(series):
        return Series(upright(np.moveaxis(array, 0, -1), turn, 0), True)
    if not rgb and not apart and samples > 3:  # of shape (H, W, 4), but no RGBA
        raise ValueError(
            f"it holds {samples} channels that it does not call colours; save one of "
            "them, or three as RGB"
        )
    alpha = samples == 2 and any(page.extrasamples) and not apart
    colour = bool(rgb or alpha)
    if not colour and array.ndim > 2 and array.shape[-1] == 1:
        array = array[..., 0]  # (H, W, 1) is grey, not H pages
    return Series(upright(array, turn, array.ndim - 2 - int(colour)), colour)


def _through_pillow(path: Path, page: Any, white: bool) -> Decoded:
    """Decode what tifffile cannot decompress, to the numbers that it would give.

    Grey of 2 and 4 bits is spread over 0 to 255, as that of a PNG.
    """
    from PIL import UnidentifiedImageError

    if is_exchanged(page):
        expect_package(page, True)
    try:
        decoded = _decode_pillow(path)
    except (OSError, SyntaxError, ValueError) as error:
        expect_package(page, isinstance(error.__cause__, UnidentifiedImageError))
        raise
    series = []
    for one in decoded.series:
        array = one.array
        # Pillow inverts grey of up to 8 bits.
        if white and array.dtype.kind in "bu" and array.dtype.itemsize == 1:
            array = ~array
        series.append(Series(array.astype(page.dtype), one.colour))
    return Decoded(
        *(tuple(series), decoded.orientation, white, decoded.lossy),
        bits=int(page.bitspersample) if is_spread(page) else 8,
        thumbnails=decoded.thumbnails,
        transparency=decoded.transparency,
        profile=decoded.profile,
    )


def _decode_pillow(path: Path) -> Decoded:
    from PIL import Image, UnidentifiedImageError

    # Opened here: what Pillow opens by name it maps into memory, and then it scrambles
    # an uncompressed TIFF that is to be shown after a quarter turn.
    with path.open("rb") as stored, large_pictures():
        try:
            file = Image.open(stored, formats=FORMATS)
            _expect_undamaged(file, path)
            load_indices(file, stored)
        except Image.DecompressionBombError as error:
            reason = "it is too large for this format: save it as TIFF"
            raise ValueError(reason) from error
        except UnidentifiedImageError as error:
            raise ValueError("it holds an image of another format, or none") from error
        turns, found, bits = set(), [], 8
        frames, thumbnails, masks = main_frames(file, path)
        for i in frames:
            if i > 0 or len(frames) > 1:
                file.seek(i)
            deep = deep_pixels(path, file) if is_deep(file) else None
            bits = next((n for n in (2, 4) if f"'L;{n}'" in str(file.tile)), bits)
            turn, turned = load(file)
            turns.add(turn)
            if file.format in ("JPEG", "MPO"):
                expect_last_block(file, path)
            if deep is None:
                found.append(_frame(file, 1 if turned else turn, bits))
            else:
                found.append(Series(upright(deep, turn), True))
        if len(turns) > 1:
            raise ValueError(_DIFFERENT)
        lossy, others = is_lossy(file, path), different_pictures(file)
        return Decoded(
            *(_joined(found), turns.pop()),
            lossy=lossy,
            bits=bits,
            others=others,
            thumbnails=thumbnails,
            transparency=masks,
            profile=profile_of(file),
        )


def _expect_undamaged(file: Picture, path: Path) -> None:
    """Raise ValueError for damage of an open file that Pillow does not report."""
    if file.format == "PNG":
        expect_pixels_undamaged(path.read_bytes())
    elif file.format in ("JPEG", "MPO"):
        data = path.read_bytes()
        expect_no_hole(data)
        if file.format == "JPEG" and file.info.get("progressive"):
            expect_every_scan(data)


def _frame(file: Picture, turn: int, bits: int) -> Series:
    mode = _CONVERTED.get(file.mode, file.mode)
    key = file.info.get("transparency")
    if file.mode == "L" and bits < 8 and isinstance(key, int):
        # Pillow spreads the greys over 0 to 255, but not the transparent one.
        key = file.info["transparency"] = key * (255 // (2**bits - 1))
    if key is not None and file.mode == "P":
        mode = "RGBA"
    elif key is not None and file.mode in ("1", "L", "RGB") and np.any(key):
        mode = "RGBA" if file.mode == "RGB" else "LA"
    if file.format == "TIFF" and file.mode == "P":
        widen_palette(file)
    array = np.asarray(file if mode == file.mode else file.convert(mode))
    indices = upright(np.asarray(file), turn) if file.mode == "P" else None
    return Series(upright(array, turn), array.ndim == 3, indices)


def _joined(frames: list[Series]) -> tuple[Series, ...]:
    """Frames of one size and kind as one series."""
    first = frames[0]
    if len(frames) == 1 or any(f.array.shape != first.array.shape for f in frames):
        return tuple(frames)
    return (Series(np.stack([f.array for f in frames]), first.colour),)
