"""Every orientation of every kind of file gives the one upright picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_attnseg.io.decoding import decode
from napari_attnseg.io.images import read_image, read_upright, turned

ORIENTATIONS = range(1, 9)
#: How an upright picture is stored so that the orientation makes it upright again, in
#: Pillow's words: an independent source for the eight values.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def upright_picture() -> np.ndarray:
    """An asymmetric picture of large flat fields, which JPEG keeps nearly."""
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[8:24, 8:56] = 250
    picture[8:40, 40:56] = (160, 160, 160)
    return picture


def stored(picture: Image.Image, orientation: int) -> Image.Image:
    turn = STORED[orientation]
    return picture if turn is None else picture.transpose(turn)


def expect_upright(path: Path, wanted: np.ndarray, orientation: int) -> None:
    found = read_upright(path)
    assert found.orientation == orientation
    assert turned(path) == (orientation != 1)
    assert found.pixels.shape == wanted.shape
    difference = np.abs(found.pixels.astype(float) - wanted)
    assert difference.mean() < 0.02 * wanted.max()  # turned wrongly: above 0.1
    kept = read_image(path, upright=False)
    assert kept.shape[:2] == (wanted.shape[:2][:: -1 if orientation > 4 else 1])
    again = stored(Image.fromarray(np.zeros(wanted.shape[:2], np.uint8)), orientation)
    assert kept.shape[:2] == np.asarray(again).shape


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_exif(tmp_path: Path, suffix: str, orientation: int) -> None:
    path = tmp_path / f"x{suffix}"
    image = stored(Image.fromarray(upright_picture()), orientation)
    exif = Image.Exif()
    exif[274] = orientation
    image.save(path, exif=exif, quality=95)
    expect_upright(path, upright_picture(), orientation)
    kept = read_image(path, upright=False).astype(float)
    assert np.abs(kept - np.asarray(image)).mean() < 4


TIFF_KINDS = [
    (mode, compression)
    for mode in ("RGB", "RGBA", "L", "P", "1", "CMYK", "YCbCr", "LA")
    for compression in (None, "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")
    if compression != "jpeg" or mode not in ("P", "1")
]


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_tiff_of_every_kind_and_compression(tmp_path: Path, orientation: int) -> None:
    for mode, compression in [*TIFF_KINDS, ("1", "group3"), ("1", "group4")]:
        image = Image.fromarray(upright_picture())
        if mode == "1":
            image = image.convert("L").point(lambda v: 255 * (v > 200)).convert("1")
        image = stored(image.convert(mode), orientation)
        path = tmp_path / f"{mode}_{compression}.tif"
        options = {"compression": compression, "tiffinfo": {274: orientation}}
        image.save(path, **{k: v for k, v in options.items() if v})
        wanted = upright_picture()
        if mode == "L":
            wanted = wanted[..., 0]
        elif mode == "1":
            wanted = wanted[..., 0] > 200
        elif mode == "RGBA":
            wanted = np.dstack([wanted, np.full(wanted.shape[:2], 255, np.uint8)])
        expect_upright(path, wanted, orientation)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("dtype", [np.uint16, np.float32, np.int64, bool])
def test_tiff_of_many_bits(tmp_path: Path, dtype: type, orientation: int) -> None:
    upright = (upright_picture()[..., 0] > 0).astype(dtype) * dtype(1)
    image = stored(Image.fromarray((upright > 0).astype(np.uint8)), orientation)
    values = np.asarray(image).astype(dtype)
    for compression in (None, "zlib"):
        path = tmp_path / f"{compression}.tif"
        extra = [(274, "H", 1, orientation, True)]
        tifffile.imwrite(path, values, compression=compression, extratags=extra)
        (series,) = decode(path).series
        assert series.array.dtype == dtype
        np.testing.assert_array_equal(series.array, upright)


def test_every_page_of_a_stack_is_turned(tmp_path: Path) -> None:
    upright = np.arange(2 * 5 * 7, dtype=np.uint16).reshape(2, 5, 7)
    path = tmp_path / "stack.tif"
    extra = [(274, "H", 1, 8, True)]  # shown after a quarter turn to the left
    tifffile.imwrite(
        path,
        np.rot90(upright, -1, (1, 2)).copy(),
        photometric="minisblack",
        extratags=extra,
    )
    np.testing.assert_array_equal(read_image(path), upright)


@pytest.mark.parametrize("value", [0, 9, 270])
def test_what_is_no_orientation_changes_nothing(tmp_path: Path, value: int) -> None:
    exif = Image.Exif()
    exif[274] = value
    path = tmp_path / "x.png"
    Image.fromarray(upright_picture()).save(path, exif=exif)
    expect_upright(path, upright_picture(), 1)
