"""TIFFs of few bits, and of compressions that tifffile alone does not read."""

from __future__ import annotations

import struct
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from attnseg_training.datasets.masks import read
from napari_attnseg.errors import InputError
from napari_attnseg.io.images import read_image, read_numbers
from napari_attnseg.io.tiff_bits import RemedyError, expect_package

WHITE_IS_ZERO, BLACK_IS_ZERO = 0, 1
#: Tags and kinds of values in a TIFF.
COMPRESSION, SHORT = 259, 3


def packed(path: Path, values: np.ndarray, bits: int, photometric: int) -> Path:
    """An uncompressed grey TIFF of so many bits."""
    rows = (values[..., None] >> np.arange(bits)[::-1]) & 1
    data = np.packbits(rows.reshape(len(values), -1).astype(bool), axis=1).tobytes()
    height, width = values.shape
    tags = [(256, width), (257, height), (258, bits), (COMPRESSION, 1)]
    tags += [(262, photometric), (273, 8), (277, 1), (278, height), (279, len(data))]
    body = data + bytes(len(data) % 2)
    entries = [struct.pack("<HHII", tag, SHORT, 1, value) for tag, value in tags]
    head = b"II*\0" + struct.pack("<I", 8 + len(body))
    path.write_bytes(
        head + body + struct.pack("<H", len(tags)) + b"".join(entries) + bytes(4)
    )
    return path


def compressed(path: Path, code: int) -> Path:
    """A TIFF that says so of its pixels."""
    packed(path, np.zeros((8, 8), int), 8, BLACK_IS_ZERO)
    data = path.read_bytes()
    entry = struct.pack("<HHI", COMPRESSION, SHORT, 1)
    at = data.index(entry) + len(entry)
    path.write_bytes(data[:at] + struct.pack("<H", code) + data[at + 2 :])
    return path


@pytest.mark.parametrize("bits", [2, 4])
@pytest.mark.parametrize("photometric", [WHITE_IS_ZERO, BLACK_IS_ZERO])
def test_few_bits_are_spread_as_those_of_a_png(
    tmp_path: Path, bits: int, photometric: int
) -> None:
    values = np.random.default_rng(0).integers(0, 2**bits, (7, 13))
    stored = values if photometric == BLACK_IS_ZERO else 2**bits - 1 - values
    path = packed(tmp_path / "a.tif", stored, bits, photometric)
    expected = (values * (255 // (2**bits - 1))).astype(np.uint8)
    np.testing.assert_array_equal(read_image(path), expected)
    np.testing.assert_array_equal(read_numbers(path), expected)


def test_a_mask_of_four_bits_has_its_classes(tmp_path: Path) -> None:
    values = np.zeros((20, 24), int)
    values[3:9, 4:12], values[12:18, 4:12] = 1, 2
    path = packed(tmp_path / "a.tif", values, 4, BLACK_IS_ZERO)
    found = read(path, (1, 2))
    np.testing.assert_array_equal(found.planes[0], values == 1)
    np.testing.assert_array_equal(found.planes[1], values == 2)
    one = read(packed(path, 15 * (values > 0), 4, BLACK_IS_ZERO))
    np.testing.assert_array_equal(one.planes[0], values > 0)


def test_12_bits_are_read_or_refused_with_what_to_do(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 4096, (7, 12))
    found = read_image(packed(tmp_path / "a.tif", values, 12, BLACK_IS_ZERO))
    np.testing.assert_array_equal(found, values)
    for bits, photometric in ((12, WHITE_IS_ZERO), (6, BLACK_IS_ZERO)):
        path = packed(tmp_path / "a.tif", values >> (12 - bits), bits, photometric)
        words = (
            rf"^a\.tif cannot be read: .* {bits} bits.* save it with 8 or 16 bits\.$"
        )
        with pytest.raises(InputError, match=words):
            read_image(path)


@pytest.mark.parametrize(
    ("code", "name"), [(34927, "WebP"), (50002, "JPEG XL"), (34887, "LERC")]
)
@pytest.mark.skipif(find_spec("imagecodecs") is not None, reason="it is installed")
def test_a_compression_that_needs_a_package_is_named(
    tmp_path: Path, code: int, name: str
) -> None:
    path = compressed(tmp_path / "a.tif", code)
    words = f"a.tif cannot be read: it is compressed with {name}, which needs the "
    words += "package imagecodecs: run pip install imagecodecs, or save it without "
    words += "compression."
    with pytest.raises(InputError) as caught:
        read_image(path)
    assert str(caught.value) == words
    with pytest.raises(InputError) as caught:
        read(path)
    assert str(caught.value) == f"The mask {words}"


def test_zstandard_is_named_where_neither_decoder_has_it(tmp_path: Path) -> None:
    path = compressed(tmp_path / "a.tif", 50000)
    with (
        tifffile.TiffFile(path) as file,
        pytest.raises(RemedyError, match="is compressed with Zstandard, which needs"),
    ):
        expect_package(file.pages.first, False)


@pytest.mark.parametrize("kind", ["f4", "i4", "i2"])
@pytest.mark.skipif(find_spec("imagecodecs") is not None, reason="it is installed")
def test_compressed_numbers_whose_bytes_pillow_exchanges_are_refused(
    tmp_path: Path, kind: str
) -> None:
    """Big-endian files, as Bio-Formats writes them."""
    path = tmp_path / "a.tif"
    values = np.arange(64).reshape(8, 8).astype(f">{kind}")
    tifffile.imwrite(path, values, byteorder=">", photometric="minisblack")
    np.testing.assert_array_equal(read_image(path), values)
    data = path.read_bytes()
    entry = struct.pack(">HHI", COMPRESSION, SHORT, 1)
    at = data.index(entry) + len(entry)
    path.write_bytes(data[:at] + struct.pack(">H", 5) + data[at + 2 :])  # LZW
    with pytest.raises(
        InputError, match="compressed with LZW, which needs the package"
    ):
        read_image(path)


def test_damage_is_not_called_a_missing_package(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    path = tmp_path / "a.tif"
    Image.fromarray(noise).save(path, compression="tiff_lzw")
    data = path.read_bytes()
    path.write_bytes(data[:300] + bytes(1000) + data[1300:])
    with pytest.raises(InputError, match="replace it") as caught:
        read_image(path)
    assert "imagecodecs" not in str(caught.value)


@pytest.mark.skipif(find_spec("imagecodecs") is not None, reason="it is installed")
def test_numbers_that_pillow_does_not_know_are_not_called_another_format(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.eye(8), compression=None)
    data = path.read_bytes()
    entry = struct.pack("<HHI", COMPRESSION, SHORT, 1)
    at = data.index(entry) + len(entry)
    path.write_bytes(data[:at] + struct.pack("<H", 5) + data[at + 2 :])  # LZW
    words = (
        "numbers of 64 bits compressed with LZW, which needs the package imagecodecs"
    )
    with pytest.raises(InputError, match=words):
        read_image(path)
