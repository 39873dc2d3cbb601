"""Read image files; a damaged one is refused, never read in part."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.errors import InputError
from napari_attnseg.io.folders import entries, left_out, left_out_words

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")


def read_image(path: Path) -> NDArray[np.generic]:
    """Read an image file as an array: (H, W), (H, W, 3) or (H, W, 4), dtype kept.

    TIFF goes through tifffile (16 bit, float), everything else through Pillow; a
    palette, CMYK or YCbCr becomes RGB. Pixels are as stored: see `turned`.

    Raises
    ------
    InputError
        If the file is missing, is not an image, is cut short, or could only be read in
        part (several pages of another kind than a plain TIFF's, 16-bit colour that
        Pillow would cut to 8 bits).
    """
    if not is_file(path):
        raise InputError(f"There is no file {path}; check the path.")
    try:
        if path.suffix.lower() in (".tif", ".tiff"):
            return _read_tiff(path)
        return _read_pillow(path)
    # The decoders raise many kinds for a damaged file; each means the same to a user.
    except Exception as error:
        reason = str(error).replace(str(path), path.name) or type(error).__name__
        raise InputError(
            f"{path.name} cannot be read as an image ({reason}); expected a whole PNG, "
            "JPEG, TIFF, BMP or WebP file: replace it."
        ) from error


#: Formats that Pillow may try: some of its others start programs (EPS: Ghostscript).
_FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF")
#: Pillow modes whose values are not grey or RGB intensities alone.
_ODD = ("P", "PA", "LA", "La", "CMYK", "YCbCr", "LAB", "HSV")
#: Modes to which Pillow cuts 16-bit colour.
_CUT = ("RGB", "RGBA", "LA")
#: EXIF tag of the orientation in which a picture is to be shown; 1: as stored.
_ORIENTATION = 274


def is_file(path: Path) -> bool:
    """Return whether a file exists; False, not an error, for a name that cannot be."""
    return os.path.isfile(path)  # noqa: PTH113 (Path's raises for too long a name)


def turned(path: Path) -> bool:
    """Return whether EXIF asks to rotate or flip the image; `read_image` does not."""
    from PIL import Image

    try:
        with Image.open(path, formats=_FORMATS) as file:
            return bool(file.getexif().get(_ORIENTATION, 1) != 1)
    # Its own metadata may be damaged, or the file be larger than Pillow opens.
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return False


def _read_tiff(path: Path) -> NDArray[np.generic]:
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            if len(file.series) != 1:
                raise TypeError(f"it holds {len(file.series)} images; save one of them")
            page = file.pages.first
            kinds, kind = tifffile.PHOTOMETRIC, page.photometric
            if kind not in (kinds.MINISBLACK, kinds.MINISWHITE, kinds.RGB):
                return _read_pillow(path)
            array = np.asarray(file.asarray())
            if kind == kinds.MINISWHITE and array.dtype.kind in "bu":
                array = ~array
            apart = page.planarconfig == tifffile.PLANARCONFIG.SEPARATE
            if kind == kinds.RGB and apart:
                array = np.moveaxis(array, -3, -1)
            return array
    except ValueError as error:
        # Its compressed kinds (LZW: DRIVE) need a package that Pillow does without.
        if "imagecodecs" not in str(error):
            raise
        return _read_pillow(path)


def _read_pillow(path: Path) -> NDArray[np.generic]:
    from PIL import Image

    try:
        file = Image.open(path, formats=_FORMATS)
    except Image.DecompressionBombError as error:
        raise ValueError("it is too large for this format: save it as TIFF") from error
    with file:
        # Else Pillow reads the first one, and the upper 8 bits, without a word. MPO: a
        # phone's JPEG with previews.
        pages = 1 if file.format == "MPO" else getattr(file, "n_frames", 1)
        if pages > 1:
            raise ValueError(f"it holds {pages} images; save one of them")
        if any(";16" in str(tile) for tile in file.tile) and file.mode in _CUT:
            raise ValueError("16-bit colour is read from an uncompressed TIFF only")
        return np.asarray(file.convert("RGB") if file.mode in _ODD else file)


def find_images(inputs: list[Path]) -> list[Path]:
    """List the given files and the images of each given folder, sorted by name.

    A file that is given or lies there under several names is listed once; see
    `folders.left_out` for what else lies in the folders.

    Raises
    ------
    InputError
        If an input does not exist, or a folder holds no image.
    """
    found: list[Path] = []
    for path in inputs:
        if os.path.isdir(path):  # noqa: PTH112 (as `is_file`)
            inside = [
                p for p in entries(path) if p.suffix.lower() in SUFFIXES and p.is_file()
            ]
            if not inside:
                others = left_out_words(left_out([path], []))
                raise InputError(
                    f"Expected images in {path}, found none with the suffixes "
                    f"{', '.join(SUFFIXES)}{f' ({others})' if others else ''}; choose "
                    "another folder."
                )
            files = {p.resolve() for p in inside if not p.is_symlink()}
            found += [
                p for p in inside if not (p.is_symlink() and p.resolve() in files)
            ]
        elif is_file(path):
            found.append(path)
        else:
            raise InputError(f"There is no file or folder {path}; check the path.")
    once: dict[Path, Path] = {}
    for path in found:
        once.setdefault(path.resolve(), path)
    return list(once.values())
