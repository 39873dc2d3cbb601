"""Reading image files. Damaged ones are refused, never half read."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_attnseg.errors import InputError

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")


def read_image(path: Path) -> NDArray[np.generic]:
    """One image file as an array: (H, W), (H, W, 3) or (H, W, 4), dtype kept.

    TIFF goes through tifffile (16 bit, float), everything else through Pillow; a
    palette becomes RGB.

    Raises
    ------
    InputError
        If the file is missing, is not an image, or is cut short.
    """
    if not path.is_file():
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


#: Pillow modes whose values are not grey or RGB intensities alone.
_ODD = ("P", "PA", "LA", "La", "CMYK", "YCbCr", "LAB", "HSV")


def _read_tiff(path: Path) -> NDArray[np.generic]:
    import tifffile

    try:
        return np.asarray(tifffile.imread(path))
    except ValueError as error:
        # Its compressed kinds (LZW: DRIVE) need a package that Pillow does without.
        if "imagecodecs" not in str(error):
            raise
        return _read_pillow(path)


def _read_pillow(path: Path) -> NDArray[np.generic]:
    from PIL import Image

    with Image.open(path) as file:
        return np.asarray(file.convert("RGB") if file.mode in _ODD else file)


def array_sha256(array: ArrayLike) -> str:
    """SHA-256 of type, shape and values: equal if the pixels are the same."""
    values = np.ascontiguousarray(array)
    digest = hashlib.sha256(f"{values.dtype.str} {values.shape}".encode())
    digest.update(values)
    return digest.hexdigest()


def find_images(inputs: list[Path]) -> list[Path]:
    """Files as given, and the images of each folder, sorted by name.

    Raises
    ------
    InputError
        If an input does not exist, or a folder holds no image.
    """
    found: list[Path] = []
    for path in inputs:
        if path.is_dir():
            inside = sorted(
                p
                for p in path.iterdir()
                if p.suffix.lower() in SUFFIXES and not p.name.startswith(".")
            )
            if not inside:
                raise InputError(
                    f"Expected images in {path}, found none with the suffixes "
                    f"{', '.join(SUFFIXES)}; choose another folder."
                )
            found += inside
        elif path.exists():
            found.append(path)
        else:
            raise InputError(f"There is no file or folder {path}; check the path.")
    return list(dict.fromkeys(found))
