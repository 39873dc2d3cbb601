"""Image files as arrays, each kind with its own dtype and channels."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_attnseg.errors import InputError
from napari_attnseg.io.images import find_images, read_image, turned


@pytest.mark.parametrize(
    ("name", "dtype", "shape"),
    [
        ("grey.png", np.uint8, (5, 7)),
        ("rgb.png", np.uint8, (5, 7, 3)),
        ("rgba.png", np.uint8, (5, 7, 4)),
        ("deep.png", np.uint16, (5, 7)),
        ("deep.tif", np.uint16, (5, 7)),
        ("float.tif", np.float32, (5, 7)),
        ("rgb.tif", np.uint8, (5, 7, 3)),
    ],
)
def test_lossless_kinds_come_back(
    tmp_path: Path, name: str, dtype: type, shape: tuple[int, ...]
) -> None:
    values = np.random.default_rng(0).integers(0, 200, shape).astype(dtype)
    path = tmp_path / name
    if path.suffix == ".tif":
        tifffile.imwrite(path, values)
    else:
        Image.fromarray(values).save(path)
    found = read_image(path)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, values)


def test_palette_becomes_rgb(tmp_path: Path) -> None:
    rgb = np.zeros((4, 4, 3), np.uint8)
    rgb[1:3] = (200, 30, 90)
    Image.fromarray(rgb).convert("P", palette=Image.Palette.ADAPTIVE).save(
        tmp_path / "p.png"
    )
    np.testing.assert_array_equal(read_image(tmp_path / "p.png"), rgb)


@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
@pytest.mark.parametrize("mode", ["P", "CMYK", "1", "L"])
def test_every_kind_of_tiff_has_the_colours_that_it_shows(
    tmp_path: Path, mode: str, compression: str | None
) -> None:
    rgb = np.full((20, 30, 3), (200, 30, 90), np.uint8)
    rgb[5:9] = 255
    image = Image.fromarray(rgb).convert(mode)
    # 262: photometric interpretation; 0: min is white.
    tags = {262: 0} if mode == "L" else {}
    image.save(tmp_path / "x.tif", compression=compression, tiffinfo=tags)
    shown = Image.open(tmp_path / "x.tif")
    grey = mode in ("1", "L")
    expected = np.asarray(shown if grey else shown.convert("RGB"))
    np.testing.assert_array_equal(read_image(tmp_path / "x.tif"), expected)


def test_colours_in_planes_of_their_own(tmp_path: Path) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (3, 20, 30), dtype=np.uint8)
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, rgb, photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(read_image(path), rgb.transpose(1, 2, 0))


def test_what_would_be_half_read_is_refused(tmp_path: Path) -> None:
    pages = [Image.fromarray(np.full((9, 9), i, np.uint8)) for i in range(3)]
    more = {"save_all": True, "append_images": pages[1:]}
    pages[0].save(tmp_path / "moving.png", **more)
    pages[0].save(tmp_path / "packed.tif", compression="tiff_lzw", **more)
    with tifffile.TiffWriter(tmp_path / "sizes.tif") as file:
        file.write(np.zeros((9, 9), np.uint8))
        file.write(np.zeros((5, 5), np.uint8))
    pages[0].save(tmp_path / "moving.gif", **more)
    pages[0].save(tmp_path / "moving.webp", lossless=True, **more)
    clip = "PNG, or convert a clip to MP4."
    for name, count, remedy in (
        ("moving.png", 3, clip),
        ("moving.gif", 3, clip),
        ("moving.webp", 3, clip),
        ("packed.tif", 3, "PNG."),
        ("sizes.tif", 2, "PNG."),
    ):
        words = f"{name} cannot be read: it holds {count} images: save one of them as "
        with pytest.raises(InputError, match=f"^{re.escape(words + remedy)}$"):
            read_image(tmp_path / name)


def test_four_channels_are_not_taken_for_colour_and_alpha(tmp_path: Path) -> None:
    """As of a microscope or a satellite: no channel may be dropped without a word."""
    values = np.random.default_rng(0).integers(0, 200, (5, 7, 4)).astype(np.uint8)
    path, rgba = tmp_path / "channels.tif", tmp_path / "rgba.tif"
    tifffile.imwrite(path, values, photometric="minisblack", planarconfig="contig")
    with pytest.raises(InputError, match="4 channels that it does not call colours"):
        read_image(path)
    tifffile.imwrite(rgba, values)
    np.testing.assert_array_equal(read_image(rgba), values)


def test_no_other_program_is_started_for_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "photo.png"
    Image.new("RGB", (9, 9)).save(path, "EPS")
    started = []
    monkeypatch.setattr("subprocess.check_call", lambda *a, **k: started.append(a))
    with pytest.raises(InputError, match=r"photo\.png cannot be read"):
        read_image(path)
    assert not started


def test_a_photo_that_is_to_be_turned_is_noticed(tmp_path: Path) -> None:
    image = Image.new("RGB", (9, 5))
    exif = image.getexif()
    exif[274] = 6
    image.save(tmp_path / "turned.jpg", exif=exif)
    image.save(tmp_path / "plain.jpg")
    (tmp_path / "text.jpg").write_text("no image")
    found = [turned(tmp_path / f"{n}.jpg") for n in ("turned", "plain", "text")]
    assert found == [True, False, False]
    assert read_image(tmp_path / "turned.jpg").shape == (9, 5, 3)
    assert read_image(tmp_path / "turned.jpg", upright=False).shape == (5, 9, 3)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_cut_files_are_refused(tmp_path: Path, suffix: str) -> None:
    values = np.random.default_rng(0).integers(0, 255, (80, 80, 3), dtype=np.uint8)
    path = tmp_path / f"whole{suffix}"
    tifffile.imwrite(path, values) if suffix == ".tif" else Image.fromarray(
        values
    ).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=r"whole.*cannot be read"):
        read_image(path)


def test_folders_are_searched_and_order_is_kept(tmp_path: Path) -> None:
    for name in ("b.png", "a.JPG", "c.txt", "d.gif", ".hidden.png"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    again = Path(os.path.relpath(tmp_path / "b.png"))
    found = find_images([tmp_path / "b.png", tmp_path, again])
    assert [p.name for p in found] == ["b.png", "a.JPG", "d.gif"]
    with pytest.raises(InputError, match="no file"):
        find_images([tmp_path / ("x" * 300)])
    with pytest.raises(InputError, match="no file"):
        find_images([tmp_path / "none"])


def test_an_image_of_another_format_is_not_called_none(tmp_path: Path) -> None:
    file = tmp_path / "scan.png"
    file.write_bytes(b"8BPS\0\1")  # Photoshop's
    with pytest.raises(InputError, match="an image of another format, or none"):
        read_image(file)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"II*\0\0\0\0\0", "a TIFF without any page"),
        (b"II*\0\x08" + bytes(9), "a TIFF without any page"),
        (b"II*\0", "cut short"),
        (b"\x89PNG", "no TIFF"),
    ],
)
def test_a_tiff_without_a_picture_is_called_so(
    tmp_path: Path, data: bytes, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.tif").write_bytes(data)
    with pytest.raises(InputError, match=words):
        read_image(tmp_path / "a.tif")
    assert not capfd.readouterr().err


def test_a_jpeg_that_is_named_as_a_tiff_is_told_as_what_it_is(tmp_path: Path) -> None:
    Image.fromarray(np.full((8, 9), 90, np.uint8)).save(tmp_path / "a.tif", "JPEG")
    with pytest.raises(InputError) as error:
        read_image(tmp_path / "a.tif")
    words = "it is no TIFF but a JPEG: give its name the suffix of JPEG"
    assert str(error.value) == f"a.tif cannot be read: {words}."


def test_a_folder_has_jpegs_under_each_of_their_suffixes(tmp_path: Path) -> None:
    """Browsers on Windows save photos as ``.jfif``."""
    grey = Image.fromarray(np.full((8, 9), 90, np.uint8))
    names = ["a.jfif", "b.JPG", "c.jpeg"]
    for name in names:
        grey.save(tmp_path / name, format="JPEG")
    assert [path.name for path in find_images([tmp_path])] == names
    assert (read_image(tmp_path / "a.jfif") == 90).all()
