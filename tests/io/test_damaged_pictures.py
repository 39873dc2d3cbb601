"""Damaged PNG and JPEG files that Pillow decodes without a word are refused."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from attnseg_training.datasets.check import check
from napari_attnseg.errors import InputError
from napari_attnseg.io.images import read_image
from napari_attnseg.io.jpeg_holes import HOLE, expect_no_hole
from napari_attnseg.io.jpeg_markers import SOS, pixels_end, segments
from napari_attnseg.io.jpeg_scans import expect_every_scan
from napari_attnseg.io.readers.dicom_jpeg import is_ycbcr

NOISE = np.random.default_rng(3).normal(size=(512, 512, 3))
PICTURE = (128 + 800 * gaussian_filter(NOISE, (4, 4, 0))).clip(0, 255).astype(np.uint8)


def encoded(image: np.ndarray, kind: str, **options: object) -> bytearray:
    file = io.BytesIO()
    Image.fromarray(image).save(file, kind, **options)
    return bytearray(file.getvalue())


def with_wrong_checksum(image: np.ndarray) -> bytearray:
    data = encoded(image, "PNG")
    data[data.index(b"IEND") - 5] ^= 1
    return data


def test_pixels_of_a_png_that_do_not_fit_their_checksum_are_refused(
    data_folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encoded(PICTURE, "PNG"))
    assert np.array_equal(read_image(path), PICTURE)
    path.write_bytes(with_wrong_checksum(PICTURE))
    np.asarray(Image.open(path))  # decodes it without a word
    with pytest.raises(InputError, match="damaged: its pixels do not fit"):
        read_image(path)
    mask = sorted((data_folder / "masks").iterdir())[0].with_suffix(".png")
    assert mask.exists()
    values = np.asarray(Image.open(mask).convert("L")).copy()
    values[0, :2] = 0, 1
    mask.write_bytes(with_wrong_checksum(values))
    (told,) = (text for _, _, text in check(data_folder).found)
    assert mask.name in told and "damaged" in told and "ignore" not in told


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"optimize": True}])
def test_a_hole_in_a_jpeg_is_refused(tmp_path: Path, options: dict[str, bool]) -> None:
    path, data = tmp_path / "a.jpg", encoded(PICTURE, "JPEG", quality=95, **options)
    path.write_bytes(data)
    assert read_image(path).shape == PICTURE.shape
    begin = data.index(b"\xff\xda") + 200
    data[begin : begin + HOLE] = bytes(HOLE)
    path.write_bytes(data)
    with pytest.raises(InputError, match="hole of zeros"):
        read_image(path)


ENCODINGS = [
    {},
    {"optimize": True},
    {"subsampling": 0},
    {"restart_marker_rows": 1},
    {"restart_marker_blocks": 3},
    {"progressive": True},
]


def pixels_of(data: bytes) -> tuple[int, int]:
    """Where the last scan begins and ends."""
    begin = [end for marker, _, end in segments(data) if marker == SOS][-1]
    return begin, pixels_end(data, begin)


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("options", ENCODINGS)
def test_a_jpeg_whose_end_was_written_after_it_broke_off_is_refused(
    tmp_path: Path, options: dict[str, object], mode: str
) -> None:
    image = np.asarray(Image.fromarray(PICTURE).convert(mode))
    data, path = bytes(encoded(image, "JPEG", **options)), tmp_path / "a.jpg"
    begin, end = pixels_of(data)
    for share in (0.1, 0.5, 0.9, 0.99):
        at = begin + int((end - begin) * share)
        for filled in (b"", bytes(400)):
            path.write_bytes(data[:at] + filled + b"\xff\xd9")
            assert np.asarray(Image.open(path)).shape == image.shape  # without a word
            with pytest.raises(InputError, match="cut short: the last blocks"):
                read_image(path)


@pytest.mark.parametrize("blocks", range(2, 10))
def test_a_jpeg_cut_at_a_restart_marker_is_refused(tmp_path: Path, blocks: int) -> None:
    data = bytes(encoded(PICTURE[:64, :64], "JPEG", restart_marker_blocks=1))
    begin, end = pixels_of(data)
    markers = [one.start() for one in re.finditer(rb"\xff[\xd0-\xd7]", data[begin:end])]
    path = tmp_path / "a.jpg"
    path.write_bytes(data[: begin + markers[-blocks]] + b"\xff\xd9")
    with pytest.raises(InputError, match="cut short: the last blocks"):
        read_image(path)


@pytest.mark.parametrize("options", ENCODINGS)
@pytest.mark.parametrize("level", [0, 127, 128, 255])
def test_a_whole_jpeg_may_end_in_an_even_area(
    tmp_path: Path, options: dict[str, object], level: int
) -> None:
    image = PICTURE.copy()
    image[-100:, -150:] = level
    path = tmp_path / "a.jpg"
    data = bytes(encoded(image, "JPEG", **options))
    path.write_bytes(data)
    found = read_image(path)
    np.testing.assert_array_equal(found, np.asarray(Image.open(path)))
    path.write_bytes(data[:-2] + bytes(400) + b"\xff\xd9")  # filled behind its pixels
    np.testing.assert_array_equal(read_image(path), found)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"optimize": True}])
def test_even_pictures_have_no_holes(options: dict[str, bool]) -> None:
    even = np.zeros((2000, 2000, 3), np.uint8)
    even[:200, :200] = PICTURE[:200, :200]
    data = encoded(even, "JPEG", **options)
    expect_no_hole(data)
    if "optimize" in options:  # an even area of which the codes are zeros
        assert bytes(HOLE) in data
    expect_no_hole(data + bytes(4096))  # filled behind its end


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_a_jpeg_cut_anywhere_gives_no_error_of_python(
    tmp_path: Path, options: dict[str, bool]
) -> None:
    path, data = tmp_path / "a.jpg", encoded(PICTURE[:24, :24], "JPEG", **options)
    end, told = b"\xff\xd9", set()
    for cut in range(2, len(data) - 2):
        for rest in (b"", end, bytes(HOLE) + end):
            path.write_bytes(data[:cut] + rest)
            is_ycbcr(path.read_bytes())
            try:
                read_image(path)
            except InputError as error:
                told.add(str(error))
    assert told and not any("index" in one or "unpack" in one for one in told)


def test_a_scan_whose_header_contradicts_itself_is_not_read() -> None:
    data = encoded(PICTURE[:24, :24], "JPEG", progressive=True)
    begin = data.index(b"\xff\xda")
    for count in (0, 200):
        data[begin + 4] = count
        expect_every_scan(bytes(data))
        expect_no_hole(bytes(data) + bytes(HOLE))
    assert {marker for marker, *_ in segments(bytes(data))} >= {0xC2, 0xC4}
