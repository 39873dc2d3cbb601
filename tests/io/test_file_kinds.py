"""The header says which files napari decodes otherwise than the command."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from imageio import v3 as imageio
from odd_files import ORIENTATION, odd_files, ordinary_files, picture
from PIL import Image

from napari_attnseg.errors import InputError
from napari_attnseg.io.file_kinds import FileKind, file_kind, header_size, tiff_axes
from napari_attnseg.io.images import read_image


def shown_by_napari(path: Path) -> np.ndarray | None:
    """As napari's own reader has it; None if it refuses the file."""
    try:
        return imageio.imread(path)
    except ValueError:
        return None


def read_by_command(path: Path) -> np.ndarray | None:
    try:
        return read_image(path)
    except InputError:
        return None


def test_each_kind_is_known_by_its_header(tmp_path: Path) -> None:
    expected = odd_files(tmp_path)
    assert {name: file_kind(tmp_path / name) for name in expected} == expected
    assert {*expected.values(), FileKind.ORIENTED} == set(FileKind)


def test_of_each_kind_the_pixels_differ(tmp_path: Path) -> None:
    """Else the warning would be untrue."""
    for name in odd_files(tmp_path):
        napari, own = (f(tmp_path / name) for f in (shown_by_napari, read_by_command))
        alike = napari is not None and own is not None and napari.shape == own.shape
        assert not (alike and np.array_equal(napari, own)), name


def test_ordinary_files_are_read_alike_and_are_of_no_kind(tmp_path: Path) -> None:
    for name in ordinary_files(tmp_path):
        path = tmp_path / name
        assert file_kind(path) is None, name
        np.testing.assert_array_equal(shown_by_napari(path), read_image(path), name)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_an_orientation_is_seen_wherever_it_is_written(
    tmp_path: Path, suffix: str
) -> None:
    path, stored = tmp_path / f"a.{suffix}", Image.fromarray(picture())
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        stored.save(path, exif=exif)
        expected = None if orientation == 1 else FileKind.ORIENTED
        assert file_kind(path) is expected
        # napari shows them as they are stored.
        shown, own = shown_by_napari(path), read_image(path)
        assert shown is not None and shown.shape == (48, 64, 3)
        assert np.array_equal(shown, own) is (orientation == 1)


def test_what_is_no_image_is_of_no_kind(tmp_path: Path) -> None:
    odd_files(tmp_path)
    for name in ("cut.jpg", "cut.tif", "cut.png", "notes.txt"):
        source = tmp_path / {"jpg": "cmyk.jpg", "tif": "cmyk.tif"}.get(
            name[-3:], "grey_alpha.png"
        )
        (tmp_path / name).write_bytes(source.read_bytes()[:9])
        assert file_kind(tmp_path / name) is None
    assert file_kind(tmp_path) is None
    assert file_kind(tmp_path / "missing.png") is None
    assert file_kind("a" * 5000 + ".png") is None


def test_the_header_says_the_size_of_the_upright_picture(tmp_path: Path) -> None:
    ordinary = ordinary_files(tmp_path)
    for name in [*ordinary, *odd_files(tmp_path)]:
        assert header_size(tmp_path / name) == (48, 64), name
    stored = Image.fromarray(picture())
    for suffix in ("jpg", "png", "webp", "tif"):
        for orientation in range(1, 9):
            exif = Image.Exif()
            exif[ORIENTATION] = orientation
            path = tmp_path / f"a.{suffix}"
            stored.save(path, exif=exif)
            assert header_size(path) == read_image(path).shape[:2]
    (tmp_path / "x.png").write_text("hello")
    assert header_size(tmp_path / "x.png") is None


def test_a_tiff_names_its_axes(tmp_path: Path) -> None:
    planes = np.moveaxis(picture(), -1, 0)
    imagej, ome, plain = (tmp_path / f"{n}.tif" for n in ("ij", "a.ome", "plain"))
    tifffile.imwrite(imagej, planes, imagej=True, metadata={"axes": "CYX"})
    tifffile.imwrite(
        ome, planes, photometric="minisblack", metadata={"axes": "TYX"}, ome=True
    )
    tifffile.imwrite(plain, planes, photometric="minisblack")
    assert tiff_axes(imagej, planes.shape) == ("c", "y", "x")
    assert tiff_axes(ome, planes.shape) == ("t", "y", "x")
    assert tiff_axes(plain, planes.shape)[0] not in ("c", "t", "z")
    assert tiff_axes(imagej, (48, 64)) == ()
    assert tiff_axes(tmp_path / "missing.tif", (48, 64)) == ()
