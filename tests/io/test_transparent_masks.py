"""Transparency of grey and palette masks says the same as that of RGBA masks."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from edited_results import film, saved
from PIL import Image

from napari_attnseg.errors import InputError
from napari_attnseg.exports import load_masks
from napari_attnseg.io.deep_png import is_deep
from napari_attnseg.io.images import read_image, read_numbers
from napari_attnseg.review.mask_file import read_mask

Y, X = np.mgrid[:80, :80]
FOUND = (((Y - 30) / 12) ** 2 + ((X - 45) / 18) ** 2 < 1).astype(np.uint8)
#: Half of the lesion, which somebody erased to transparency.
ERASED = (FOUND > 0) & (X < 45)
WHITE, BLACK = np.full(FOUND.shape, 255, np.uint8), np.zeros(FOUND.shape, np.uint8)


def grey(file: Path, level: np.ndarray, alpha: np.ndarray) -> None:
    Image.fromarray(np.dstack([level, alpha]).astype(np.uint8)).save(file, "PNG")


def rgba(file: Path, level: np.ndarray, alpha: np.ndarray) -> None:
    pixels = np.dstack([level, level, level, alpha]).astype(np.uint8)
    Image.fromarray(pixels).save(file, "PNG")


def palette(file: Path, level: np.ndarray, alpha: np.ndarray) -> None:
    """PNG of indices, with one for each pair of grey and alpha."""
    pairs, index = np.unique(
        np.stack([level.ravel(), alpha.ravel()]), axis=1, return_inverse=True
    )
    made = Image.fromarray(index.reshape(level.shape).astype(np.uint8)).convert("L")
    made = Image.frombytes("P", made.size, made.tobytes())
    made.putpalette(np.repeat(pairs[0], 3).astype(np.uint8).tobytes())
    made.save(file, "PNG", transparency=pairs[1].astype(np.uint8).tobytes())


def png(
    file: Path, kind: int, depth: int, rows: bytes, *more: tuple[bytes, bytes]
) -> None:
    """Write what Pillow cannot: grey with alpha of 16 bits, one transparent grey."""
    header = struct.pack(">IIBBBBB", *FOUND.shape[::-1], depth, kind, 0, 0, 0)
    parts = [(b"IHDR", header), *more, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    file.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(
            struct.pack(">I", len(data))
            + name
            + data
            + struct.pack(">I", zlib.crc32(name + data))
            for name, data in parts
        )
    )


def deep(file: Path, level: np.ndarray, alpha: np.ndarray) -> None:
    pixels = (np.dstack([level, alpha]).astype(">u2") * 257).astype(">u2")
    png(file, 4, 16, b"".join(b"\0" + row.tobytes() for row in pixels))
    with Image.open(file) as made:
        assert is_deep(made)


KINDS = [grey, palette, deep, rgba]


def result(folder: Path, kind: str = "image") -> tuple[Path, Path]:
    """JSON file of results, and the file of its mask."""
    if kind == "image":
        return saved(folder, FOUND), folder / "x_mask.png"
    return film(folder, FOUND), folder / "x/frame_000004_mask.png"


@pytest.mark.parametrize("kind", ["image", "film"])
@pytest.mark.parametrize("write", KINDS)
def test_a_lesion_erased_to_transparency_is_refused(
    tmp_path: Path, write, kind: str
) -> None:
    story, mask = result(tmp_path, kind)
    write(mask, FOUND * 255, np.where(ERASED, 0, 255))
    with pytest.raises(InputError, match="transparent parts beside grey ones"):
        load_masks(story)
    with pytest.raises(InputError, match="transparent parts beside grey ones"):
        read_mask(mask, 255)
    with pytest.raises(InputError, match="transparent parts beside grey ones"):
        read_mask(mask)


@pytest.mark.parametrize("write", KINDS)
@pytest.mark.parametrize("level", [WHITE, BLACK])
def test_alpha_is_the_mask_where_grey_does_not_vary(
    tmp_path: Path, write, level: np.ndarray
) -> None:
    _, mask = result(tmp_path)
    write(mask, level, FOUND * 255)
    assert np.array_equal(read_mask(mask, 255).labels, FOUND)
    assert np.array_equal(read_mask(mask).labels, FOUND)


@pytest.mark.parametrize("write", KINDS)
def test_opaque_masks_are_read_as_before(tmp_path: Path, write) -> None:
    _, mask = result(tmp_path)
    write(mask, FOUND * 255, WHITE)
    assert np.array_equal(read_mask(mask, 255).labels, FOUND)
    assert np.array_equal(read_mask(mask).labels, FOUND)


@pytest.mark.parametrize("white", [False, True])
def test_alpha_of_a_tiff(tmp_path: Path, white: bool) -> None:
    file = tmp_path / "mask.tif"
    kind = "miniswhite" if white else "minisblack"
    pixels = np.dstack([WHITE, FOUND * 255])
    tifffile.imwrite(file, pixels, photometric=kind, extrasamples=["unassalpha"])
    assert np.array_equal(read_mask(file, 255).labels, FOUND)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_one_transparent_grey(tmp_path: Path, bits: int) -> None:
    """A black lesion on white that is transparent, as ImageMagick writes it."""
    file, top = tmp_path / "mask.png", 2**bits - 1
    values = np.where(FOUND > 0, 0, top).astype(np.uint8)
    flat = np.unpackbits(values[..., None], axis=-1)[..., 8 - bits :]
    packed = np.packbits(flat.reshape(len(FOUND), -1), axis=1)
    rows = b"".join(b"\0" + row.tobytes() for row in packed)
    png(file, 0, bits, rows, (b"tRNS", top.to_bytes(2, "big")))
    assert np.array_equal(read_mask(file, 255).labels, FOUND)


def test_an_image_is_read_without_alpha(tmp_path: Path) -> None:
    file = tmp_path / "image.png"
    palette(file, FOUND * 255, np.where(ERASED, 0, 255))
    assert np.array_equal(read_image(file), np.dstack([FOUND * 255] * 3))
    assert read_numbers(file).shape == (80, 80, 4)
