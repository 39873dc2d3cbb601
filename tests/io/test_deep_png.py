"""PNGs of 16 bits per colour are read whole; colours and keys of other files too."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_attnseg.errors import InputError
from napari_attnseg.io.decoding import decode
from napari_attnseg.io.file_kinds import FileKind, file_kind
from napari_attnseg.io.images import read_image

#: Samples per pixel → what a PNG calls them.
KINDS = {2: 4, 3: 2, 4: 6}


def chunk(kind: bytes, data: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + check


def filtered(rows: np.ndarray, y: int, step: int) -> bytes:
    """Bytes of a row by one of the five filters of PNG."""
    now, above = rows[y], rows[y - 1] if y else np.zeros_like(rows[y])
    left, corner = np.roll(now, step), np.roll(above, step)
    left[:step] = corner[:step] = 0
    near = left + above - corner
    a, b, c = abs(near - left), abs(near - above), abs(near - corner)
    paeth = np.where((a <= b) & (a <= c), left, np.where(b <= c, above, corner))
    taken = (0 * now, left, above, (left + above) // 2, paeth)[y % 5]
    return bytes([y % 5]) + ((now - taken) % 256).astype(np.uint8).tobytes()


def deep_png(file: Path, pixels: np.ndarray) -> Path:
    """A PNG of 16 bits per colour (H, W, samples), which Pillow cannot write."""
    height, width, samples = pixels.shape
    rows = pixels.astype(">u2").reshape(height, -1).view(np.uint8).astype(int)
    data = b"".join(filtered(rows, y, 2 * samples) for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 16, KINDS[samples], 0, 0, 0)
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(data)), (b"IEND", b"")]
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts))
    return file


@pytest.mark.parametrize("samples", KINDS)
def test_every_bit_of_16_is_read(tmp_path: Path, samples: int) -> None:
    pixels = np.random.default_rng(samples).integers(0, 2**16, (11, 7, samples))
    path = deep_png(tmp_path / "deep.png", pixels)
    (series,) = decode(path).series
    assert series.array.dtype == np.uint16
    assert np.array_equal(series.array, pixels)
    assert file_kind(path) == FileKind.COLOUR_16  # the viewer shows the upper 8
    shown = pixels if samples > 2 else pixels[..., [0, 0, 0]]
    assert np.array_equal(read_image(path), shown)


def test_colours_that_would_be_cut_are_refused(tmp_path: Path) -> None:
    pixels = np.arange(8 * 8 * 3, dtype=np.uint16).reshape(8, 8, 3) * 300
    tifffile.imwrite(tmp_path / "zlib.tif", pixels, compression="zlib")
    assert np.array_equal(read_image(tmp_path / "zlib.tif"), pixels)
    data = deep_png(tmp_path / "cut.png", pixels).read_bytes()
    (tmp_path / "cut.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"cut\.png cannot be read"):
        read_image(tmp_path / "cut.png")


def test_a_bitmap_of_16_bits_a_pixel_is_read(tmp_path: Path) -> None:
    red, green, blue = np.meshgrid([0, 31], [0, 21, 63], [0, 31], indexing="ij")
    words = (red << 11 | green << 5 | blue).astype("<u2").reshape(3, 4)
    head = struct.pack("<IiiHHIIiiII", 40, 4, 3, 1, 16, 3, 24, 0, 0, 0, 0)
    masks = struct.pack("<III", 0xF800, 0x7E0, 0x1F)
    start = 14 + len(head) + len(masks)
    data = head + masks + words[::-1].tobytes()
    file = tmp_path / "a.bmp"
    file.write_bytes(b"BM" + struct.pack("<IHHI", 14 + len(data), 0, 0, start) + data)
    found = read_image(file).astype(int)
    true = np.stack([red / 31, green / 63, blue / 31], -1).reshape(3, 4, 3) * 255
    assert np.abs(found - true).max() <= 1
    assert file_kind(file) is None


def test_a_palette_of_8_bits_in_a_tiff_has_its_colours(tmp_path: Path) -> None:
    colours = np.zeros((3, 256), np.uint16)
    colours[:, 1], colours[:, 2] = (255, 128, 0), (10, 20, 200)
    index = np.arange(12, dtype=np.uint8).reshape(3, 4) % 3
    for name, scale in (("8.tif", 1), ("16.tif", 257)):
        tifffile.imwrite(
            tmp_path / name, index, photometric="palette", colormap=colours * scale
        )
        assert np.array_equal(read_image(tmp_path / name), colours.T[index]), name


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_colour_key_is_alpha_unless_it_is_black(tmp_path: Path, mode: str) -> None:
    grey = np.zeros((6, 8), np.uint8)
    grey[:, 5:] = 255
    picture = Image.fromarray(grey).convert(mode)
    for key in (0, 255):
        said = key if mode == "L" else (key,) * 3
        picture.save(tmp_path / "a.png", transparency=said)
        array = decode(tmp_path / "a.png").series[0].array
        assert np.array_equal(np.atleast_3d(array)[..., 0], grey)
        if key:
            assert np.array_equal(array[..., -1] == 0, grey == 255)
        else:
            assert array.shape == np.asarray(picture).shape
