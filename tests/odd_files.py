"""Drawings of image files of every kind that viewers and commands may decode apart."""

import struct
import zlib
from pathlib import Path

import numpy as np
import tifffile
from colour_profiles import ADOBE, icc_profile
from numpy.typing import NDArray
from PIL import Image

from napari_attnseg.io.file_kinds import FileKind

ORIENTATION = 274


def picture(height: int = 48, width: int = 64) -> NDArray[np.uint8]:
    """Colours that differ between channels, rows and columns."""
    rows, columns = np.mgrid[:height, :width]
    channels = [columns * 255 // width, rows * 255 // height, rows * 0 + 60]
    return np.stack(channels, -1).astype(np.uint8)


def odd_files(folder: Path) -> dict[str, FileKind]:
    """Write a file of each kind; returns name → kind."""
    rgb = picture()
    image, grey = Image.fromarray(rgb), Image.fromarray(rgb[..., 0])
    alpha = Image.merge("LA", [grey, grey.point(lambda _: 200)])
    image.convert("CMYK").save(folder / "cmyk.jpg")
    image.convert("CMYK").save(folder / "cmyk.tif")
    image.quantize(32).save(folder / "palette.tif")
    alpha.save(folder / "grey_alpha.png")
    tifffile.imwrite(folder / "white.tif", rgb[..., 0], photometric="miniswhite")
    image.convert("YCbCr").save(folder / "ycbcr.tif")
    image.convert("LAB").save(folder / "lab.tif")
    planes = np.moveaxis(rgb, -1, 0)
    tifffile.imwrite(
        folder / "planar.tif", planes, photometric="rgb", planarconfig="separate"
    )
    write_png_16(folder / "colour_16.png", rgb.astype(np.uint16) * 257)
    image.save(folder / "adobe.png", icc_profile=icc_profile(ADOBE))
    return {
        "adobe.png": FileKind.COLOUR_PROFILE,
        "cmyk.jpg": FileKind.CMYK,
        "cmyk.tif": FileKind.CMYK,
        "palette.tif": FileKind.PALETTE,
        "grey_alpha.png": FileKind.GREY_ALPHA,
        "white.tif": FileKind.MIN_IS_WHITE,
        "ycbcr.tif": FileKind.YCBCR,
        "lab.tif": FileKind.LAB,
        "planar.tif": FileKind.PLANAR,
        "colour_16.png": FileKind.COLOUR_16,
    }


def ordinary_files(folder: Path) -> list[str]:
    """Write files that everyone decodes alike; returns their names."""
    rgb = picture()
    image = Image.fromarray(rgb)
    for suffix in ("png", "jpg", "tif", "bmp", "webp"):
        image.save(folder / f"rgb.{suffix}")
    upright = Image.Exif()
    upright[ORIENTATION] = 1
    image.save(folder / "upright.jpg", exif=upright)
    image.quantize(32).save(folder / "palette.png")
    image.quantize(32).save(folder / "palette.bmp")
    Image.fromarray(np.dstack([rgb, rgb[..., 0]])).save(folder / "rgba.png")
    Image.fromarray(rgb[..., 0]).save(folder / "grey.png")
    Image.fromarray(rgb[..., 0].astype(np.uint16) * 257).save(folder / "grey_16.png")
    Image.fromarray(rgb[..., 0] > 100).save(folder / "one_bit.png")
    tifffile.imwrite(folder / "float.tif", rgb[..., 0] / np.float32(255))
    tifffile.imwrite(folder / "colour_16.tif", rgb.astype(np.uint16) * 257)
    return sorted(path.name for path in folder.iterdir())


def write_png_16(path: Path, pixels: NDArray[np.uint16]) -> None:
    """Write a PNG of 16 bits per channel, which Pillow cannot write in colour."""
    height, width, channels = pixels.shape
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]

    def chunk(name: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + check

    head = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    data = b"".join(chunk(name, part) for name, part in parts)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + data)


def turn(file: Path, orientation: int) -> None:
    """Turn a picture as viewers do: by its EXIF, not by the pixels that are stored."""
    with Image.open(file) as opened:
        exif, pixels = opened.getexif(), opened.copy()
    exif[274] = orientation
    pixels.save(file, exif=exif)
