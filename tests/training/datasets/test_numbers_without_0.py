"""Masks in which another number than 0 is background, and numbers of small types."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from attnseg_training.datasets import load_dataset
from attnseg_training.datasets.check import check
from attnseg_training.datasets.masks import UnclearMaskError, read
from napari_attnseg.errors import InputError
from napari_attnseg.io.dataset_toml import read_descriptor

H, W = 60, 80
Y, X = np.mgrid[:H, :W]
LESION = (Y - 30) ** 2 + (X - 40) ** 2 < 200


def written(file: Path, values: np.ndarray) -> Path:
    tifffile.imwrite(file, values)
    return file


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [
        ("uint8", 150, 255),
        ("int8", 70, 127),
        ("uint16", 32768, 33023),
        ("int16", 20000, 32767),
        ("uint32", 2**31 + 9, 2**32 - 1),
        ("int32", 2**30 + 9, 2**31 - 1),
        ("int64", 2**62 + 9, 2**63 - 1),
        ("uint64", 2**63 + 9, 2**64 - 1),
        ("float32", 150, 255),
    ],
)
def test_two_large_numbers_without_0_are_refused_in_every_type(
    tmp_path: Path, dtype: str, low: int, high: int
) -> None:
    values = np.where(LESION, np.array(high, dtype), np.array(low, dtype))
    with pytest.raises(UnclearMaskError, match="no 0 and the values"):
        read(written(tmp_path / "m.tif", values))


def test_soft_edges_that_begin_high_are_refused(tmp_path: Path) -> None:
    near = np.hypot(Y - 30, X - 40).clip(10, 20)
    values = (255 - 11.5 * (near - 10)).astype(np.uint8)  # 140 to 255
    with pytest.raises(UnclearMaskError, match="no 0 and the values"):
        read(written(tmp_path / "m.tif", values))


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "int64"])
def test_the_largest_numbers_are_lesion_beside_0(tmp_path: Path, dtype: str) -> None:
    whole = np.dtype(dtype).kind in "iu"
    top = np.iinfo(dtype).max if whole else np.finfo(dtype).max
    values = np.where(LESION, np.array(top, dtype), np.array(0, dtype))
    assert np.array_equal(read(written(tmp_path / "m.tif", values)).planes[0], LESION)


def folder(root: Path, toml: str, low: int, high: int) -> Path:
    """Four images whose masks hold two numbers; there is nothing that moves."""
    for name in ("images", "masks"):
        (root / name).mkdir(parents=True)
    for i in range(4):
        wave = 100 + 50 * np.sin(Y / (5 + 4 * i)) + 40 * np.cos(X / (4 + 5 * i))
        Image.fromarray(wave.astype(np.uint8)).save(root / "images" / f"{i}.png")
        lesion = np.roll(LESION, (5 * i, 7 * i), (0, 1))
        values = np.where(lesion, high, low).astype(np.int16)
        tifffile.imwrite(root / "masks" / f"{i}.tif", values)
    (root / "dataset.toml").write_text(toml, encoding="utf-8")
    return root


@pytest.mark.parametrize(
    ("low", "high", "toml"),
    [
        (1, 2, "classes = {background = 1, lesion = 2}"),
        (1, 2, "threshold = 1.5"),
        (2, 1, "classes = {Background = [2, 9], lesion = 1}"),
        (0, -1, "classes = {lesion = -1}"),
        (-1, 0, "classes = {background = -1, lesion = 0}"),
        (-1, 1, "threshold = 0"),
    ],
)
def test_what_is_background_can_be_said(
    tmp_path: Path, low: int, high: int, toml: str
) -> None:
    data = load_dataset(folder(tmp_path / "d", toml, low, high))
    assert len(data.classes) == 1
    sample = data.split("all")[1]
    assert np.array_equal(sample.read_planes()[1][0], np.roll(LESION, (5, 7), (0, 1)))
    assert check(tmp_path / "d").found == []


def test_what_is_neither_has_a_negative_number(tmp_path: Path) -> None:
    toml = "classes = {background = 1, lesion = 2}\nignore = -1"
    root = folder(tmp_path / "d", toml, 1, 2)
    values = np.where(LESION, 2, 1).astype(np.int32)
    values[20] = -1
    tifffile.imwrite(root / "masks" / "0.tif", values)
    _, planes, ignored = load_dataset(root).split("all")[0].read_all()
    assert np.array_equal(planes[0] > 0, values == 2)
    assert ignored is not None and np.array_equal(ignored, values == -1)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ((-1, 1, 2), "classes = {background = 1, lesion = 2} if it is so, with a name"),
        ((-1, 0), "classes = {lesion = -1} if that is lesion"),
        # The usual case comes first: numbers one less than those of classes.
        ((-1, 0), "write into dataset.toml classes = {background = -1, lesion = 0} if"),
        ((-9999, 1), "threshold = 0"),
        ((1, 2), "classes = {background = 1, lesion = 2} if it is so, or export"),
    ],
)
def test_a_way_out_gives_what_is_meant(
    tmp_path: Path, values: tuple[int, ...], told: str
) -> None:
    mask = np.where(LESION, values[-1], values[-2])
    mask[20] = values[0]
    with pytest.raises(UnclearMaskError) as error:
        read(written(tmp_path / "m.tif", mask.astype(np.int32)))
    assert told in str(error.value)
    assert "threshold = 0" not in str(error.value) or told == "threshold = 0"


@pytest.mark.parametrize(
    ("toml", "told"),
    [
        (
            'classes = ["background", "polyp"]',
            'classes = ["polyp"] if the background is 0, or classes = {"background" = '
            '1, "polyp" = 2}',
        ),
        ('classes = ["polyp", "BG"]', 'classes = ["polyp"]'),
        ("classes = {polyp = 1, void = 255}", "write ignore = 255"),
        ('classes = ["polyp", "unlabeled"]', "write ignore = 2"),
        ("classes = {background = 1, polyp = 1}", "that is no class's"),
        ("classes = {background = 1}", "beside background"),
        ('classes = {background = "black", polyp = 1}', "as a whole number"),
    ],
)
def test_background_is_no_class(tmp_path: Path, toml: str, told: str) -> None:
    (tmp_path / "dataset.toml").write_text(toml, encoding="utf-8")
    with pytest.raises(InputError) as error:
        read_descriptor(tmp_path)
    assert told in str(error.value)


def test_a_background_of_0_says_nothing_new(tmp_path: Path) -> None:
    toml = "classes = {background = 0, polyp = 1}"
    (tmp_path / "dataset.toml").write_text(toml, encoding="utf-8")
    said = read_descriptor(tmp_path)
    assert (said.classes, said.values, said.background) == (("polyp",), (1,), ())


def test_0_is_a_class_where_background_has_another_number(tmp_path: Path) -> None:
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    cup = (Y - 30) ** 2 + (X - 40) ** 2 < 60
    values = np.where(cup, 0, np.where(LESION, 128, 255)).astype(np.uint8)
    Image.fromarray(values).save(tmp_path / "masks" / "a.bmp")
    Image.fromarray(values[..., None].repeat(3, -1)).save(tmp_path / "images" / "a.png")
    file = tmp_path / "dataset.toml"
    file.write_text("classes = {background = 255, disc = 128, cup = 0}")
    report = check(tmp_path)
    assert not report.found
    assert report.pixels == {"disc": (LESION & ~cup).mean(), "cup": cup.mean()}
    for other in ("{background = [0, 255], cup = 0}", "{disc = 128, cup = 0}"):
        file.write_text(f"classes = {other}")
        with pytest.raises(InputError, match=r"no class.s|other than 0 unless"):
            read_descriptor(tmp_path)


@pytest.mark.parametrize(
    ("low", "lesion", "top"), [(1, 2, 255), (10, 20, 200), (1, 2, 2**16 - 1)]
)
def test_a_large_number_beside_those_without_0_is_asked_about(
    tmp_path: Path, low: int, lesion: int, top: int
) -> None:
    values = np.where(LESION, lesion, low)
    values[4:10, 5:20] = top
    dtype = np.uint8 if top < 256 else np.uint16
    file = written(tmp_path / "m.tif", values.astype(dtype))
    with pytest.raises(UnclearMaskError, match="no 0 and the values") as error:
        read(file)
    for way in (
        f"classes = {{background = {low}, lesion = {lesion}}}",
        f"threshold = {(low + lesion) / 2:g}",
        f"ignore = {top}",
    ):
        assert way in str(error.value)
    limit = (low + lesion) / 2
    for said in ({"threshold": limit}, {"values": (lesion,), "background": (low,)}):
        found = read(file, ignore=top, **said)  # type: ignore[arg-type]
        assert np.array_equal(found.planes[0] > 0, LESION)


def test_soft_edges_may_begin_at_1(tmp_path: Path) -> None:
    near = np.hypot(Y - 30, X - 40).clip(14, 17)
    values = (255 - 254 * (near - 14) / 3).astype(np.uint8)  # 1 to 255
    assert values.min() == 1
    lesion = read(written(tmp_path / "m.tif", values)).planes[0] > 0
    assert np.array_equal(lesion, values > 127)
