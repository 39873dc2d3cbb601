"""BMP files of few colours are read by their colour table, whatever their bits."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from napari_attnseg.errors import InputError
from napari_attnseg.io.images import read_image

MASK = np.zeros((13, 22), np.uint8)
MASK[3:9, 5:17] = 1
BLACK_WHITE = [0, 255]


def packed(rows: np.ndarray, bits: int) -> bytes:
    """Rows of pixels, the lowest first, each filled up to four bytes."""
    each = np.unpackbits(rows[..., None], axis=-1)[..., 8 - bits :]
    rows = np.packbits(each.reshape(len(rows), -1), axis=1)[::-1]
    return np.pad(rows, ((0, 0), (0, -rows.shape[1] % 4))).tobytes()


def runs(rows: np.ndarray, bits: int) -> bytes:
    """Rows as runs of one pixel, as the two compressions of BMP allow."""
    lines = [b"".join(bytes([1, int(v) << 8 - bits]) for v in row) for row in rows]
    return b"\0\0".join(lines[::-1]) + b"\0\1"


def bmp(
    file: Path, rows: np.ndarray, bits: int, greys: list[int], how: int = 0
) -> Path:
    """Write indices (H, W) of 1, 4 or 8 bits and their colour table of greys."""
    data = runs(rows, bits) if how else packed(rows, bits)
    table = b"".join(bytes([grey] * 3 + [0]) for grey in greys)
    start, (h, w) = 54 + len(table), rows.shape
    head = struct.pack("<IHHI", start + len(data), 0, 0, start)
    sizes = 40, w, h, 1, bits, how, len(data), 0, 0, len(greys), 0
    info = struct.pack("<IiiHHIIiiII", *sizes)
    file.write_bytes(b"BM" + head + info + table + data)
    return file


@pytest.mark.parametrize(
    ("bits", "greys", "how"),
    [
        (1, BLACK_WHITE, 0),
        (4, BLACK_WHITE, 0),
        (8, BLACK_WHITE, 0),
        (4, BLACK_WHITE, 2),
        (8, BLACK_WHITE, 1),
        (8, [255, 0], 0),
        (4, [255, 0], 0),
        (4, list(range(16)), 0),
        (4, list(range(3)), 2),
        (8, list(range(256)), 0),
        (8, [0, 1, 9], 0),
    ],
)
def test_pixels_have_the_colours_of_the_table(
    tmp_path: Path, bits: int, greys: list[int], how: int
) -> None:
    rows = MASK.copy()
    if len(greys) > 2:
        rows[10:, 2:4] = 2
    pixels = read_image(bmp(tmp_path / "a.bmp", rows, bits, greys, how))
    expected = np.array(greys, np.uint8)[rows]
    if bits == 1:
        expected = expected > 0
    found = pixels if pixels.ndim == 2 else pixels[..., 0]
    np.testing.assert_array_equal(found, expected)


def test_a_table_of_one_colour(tmp_path: Path) -> None:
    for bits in (4, 8):
        pixels = read_image(bmp(tmp_path / "a.bmp", MASK * 0, bits, [0]))
        assert pixels.shape[:2] == MASK.shape
        assert not pixels.any()


@pytest.mark.parametrize(("bits", "greys"), [(8, BLACK_WHITE), (4, [0])])
def test_pixels_beyond_the_table_are_refused(
    tmp_path: Path, bits: int, greys: list[int]
) -> None:
    file = bmp(tmp_path / "a.bmp", MASK * 9, bits, greys)
    with pytest.raises(InputError, match="pixels of number 9, but its colour table"):
        read_image(file)
