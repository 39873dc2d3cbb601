"""Linear PNGs become sRGB; those that say the gamma of sRGB keep their numbers."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from odd_files import picture
from PIL import Image

from napari_attnseg.io.colour_profiles import COLOUR_PROFILE
from napari_attnseg.io.file_kinds import FileKind, file_kind
from napari_attnseg.io.images import read_image, read_numbers, read_upright

COLOURS = (picture() // 2 + 60).astype(np.uint8)


def linear(rgb: np.ndarray) -> np.ndarray:
    x = rgb / 255
    light = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    return (255 * light).round().astype(np.uint8)


def written(path: Path, pixels: np.ndarray, gamma: int, srgb: bool = False) -> Path:
    """A PNG that says a gamma in hundred thousandths, and perhaps that it is sRGB."""
    Image.fromarray(pixels).save(path)
    data = path.read_bytes()
    added = b""
    chunks = [b"gAMA" + struct.pack(">I", gamma), *([b"sRGB\0"] * srgb)]
    for chunk in chunks:
        added += struct.pack(">I", len(chunk) - 4) + chunk
        added += struct.pack(">I", zlib.crc32(chunk))
    path.write_bytes(data[:33] + added + data[33:])
    return path


def test_linear_colours_become_srgb(tmp_path: Path) -> None:
    stored = linear(COLOURS)
    path = written(tmp_path / "a.png", stored, 100_000)
    found = read_upright(path)
    assert np.abs(found.pixels.astype(int) - COLOURS).max() <= 4
    assert found.noted == {COLOUR_PROFILE: "gamma 1.00"}
    np.testing.assert_array_equal(read_image(path), found.pixels)
    np.testing.assert_array_equal(read_numbers(path), stored)
    assert file_kind(path) is FileKind.COLOUR_PROFILE


@pytest.mark.parametrize(("gamma", "srgb"), [(45_455, False), (100_000, True)])
def test_the_gamma_of_srgb_changes_nothing(
    tmp_path: Path, gamma: int, srgb: bool
) -> None:
    path = written(tmp_path / "a.png", COLOURS, gamma, srgb)
    np.testing.assert_array_equal(read_image(path), COLOURS)
    assert file_kind(path) is None and read_upright(path).noted == {}


def test_numbers_of_grey_are_left_alone(tmp_path: Path) -> None:
    path = written(tmp_path / "a.png", COLOURS[..., 0], 100_000)
    np.testing.assert_array_equal(read_image(path), COLOURS[..., 0])
