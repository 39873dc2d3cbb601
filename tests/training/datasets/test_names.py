"""Images and masks whose names went through several systems; what is left out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from attnseg_training.cli import app
from attnseg_training.datasets import load_dataset
from attnseg_training.datasets.layouts import find_files
from napari_attnseg.errors import InputError


def write(path: Path, value: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    square = np.zeros((8, 8), np.uint8)
    square[2:5, value : value + 3] = 255
    Image.fromarray(square).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images with the same square in image and mask, at another place in each."""
    for i, name in enumerate("abc"):
        write(tmp_path / "images" / f"{name}.png", i)
        write(tmp_path / "masks" / f"{name}.png", i)
    return tmp_path


def first_columns(folder: Path) -> dict[str, int]:
    """Name → first column of its mask, which is that of its image too."""
    found = {}
    for sample in load_dataset(folder).split("all"):
        image, mask = sample.read()
        np.testing.assert_array_equal(image[..., 0] > 0, mask > 0)
        found[sample.name] = int(np.flatnonzero(mask.any(0))[0])
    return found


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("le\u0301sion", "l\u00e9sion"),
        ("l\u00e9sion", "le\u0301sion"),
        ("IMG_01", "img_01"),
        ("E\u0301T\u00c9", "\u00e9te\u0301"),
    ],
)
def test_names_that_differ_in_form_are_paired(
    folder: Path, image: str, mask: str
) -> None:
    write(folder / "images" / f"{image}.png", 4)
    write(folder / "masks" / f"{mask}.PNG", 4)
    assert first_columns(folder) == {"a": 0, "b": 1, "c": 2, image: 4}
    (folder / "splits").mkdir()
    (folder / "splits" / "train.txt").write_text(f"{mask}\na\nb", encoding="utf-8")
    assert image in {s.name for s in load_dataset(folder).split("train")} | {
        s.name for s in load_dataset(folder).split("val")
    }


def test_two_names_of_one_form_are_refused_unless_they_are_one_file(
    folder: Path,
) -> None:
    (folder / "images" / "A.png").symlink_to("a.png")
    assert set(first_columns(folder)) == {"a", "b", "c"}
    (folder / "images" / "A.png").unlink()
    write(folder / "images" / "A.png", 4)
    with pytest.raises(InputError, match=r"A\.png and a\.png .* only in capital"):
        load_dataset(folder)


def test_a_link_to_an_image_is_no_second_image(folder: Path) -> None:
    for part in ("images", "masks"):
        (folder / part / "0.png").symlink_to("a.png")
    assert first_columns(folder) == {"a": 0, "b": 1, "c": 2}
    files = find_files(folder)
    assert files.left_out == {"same_file": 2}
    # Nor where lists name both, one of them for another split.
    (folder / "splits").mkdir()
    (folder / "splits" / "train.txt").write_text("a\nb\nc\n0")
    assert find_files(folder).named["train"] == ("a", "b", "c")
    (folder / "splits" / "train.txt").write_text("a\nb")
    (folder / "splits" / "test.txt").write_text("0\nc")
    with pytest.raises(InputError, match="both train and test"):
        load_dataset(folder)


def test_a_link_with_a_mask_of_its_own_is_a_second_reader(folder: Path) -> None:
    (folder / "images" / "a2.png").symlink_to("a.png")
    shutil.copy(folder / "masks" / "a.png", folder / "masks" / "a2.png")
    assert first_columns(folder) == {"a": 0, "a2": 0, "b": 1, "c": 2}


def test_one_empty_mask_may_be_linked_to_by_many_images(folder: Path) -> None:
    for name in "de":
        write(folder / "images" / f"{name}.png", 4)
        (folder / "masks" / f"{name}.png").symlink_to("c.png")
    assert {s.name for s in load_dataset(folder).split("all")} == set("abcde")


def test_what_is_left_out_of_a_folder_is_counted(folder: Path) -> None:
    assert find_files(folder).left_out == {}
    for name in ("x.npy", "y.npy", "z.NPY"):
        (folder / "images" / name).touch()
    (folder / "masks" / "old").mkdir()
    (folder / "masks" / "d.png").touch()
    (folder / "masks" / "old.png").mkdir()  # has the suffix, but is no file
    (folder / "images" / "gone.png").symlink_to("nowhere.png")
    (folder / "splits").mkdir()
    (folder / "splits" / "train.txt").write_text("a\nb")
    assert find_files(folder).left_out == {
        ".npy": 3,
        "folder": 2,
        "broken_link": 1,
        "mask_without_image": 1,
        "not_listed": 1,
    }
    assert load_dataset(folder).left_out == find_files(folder).left_out


def test_check_says_what_is_left_out(folder: Path, tmp_path: Path) -> None:
    (folder / "images" / "x.npy").touch()
    (folder / "images" / "more").mkdir()
    file = tmp_path / "found.json"
    done = CliRunner().invoke(app, ["check", str(folder), "--json", str(file)])
    assert json.loads(file.read_text())["left_out"] == {".npy": 1, "folder": 1}
    assert done.stdout.rstrip().endswith("1 .npy, 1 folder left out.")


@pytest.mark.parametrize("line", ["a.png", "images/a.png", "data\\images\\A.PNG", "a"])
def test_lists_may_name_files(folder: Path, line: str) -> None:
    lists = {"train": f"{line}\n{line}\na\nb\n", "val": "c\n", "test": "c\n"}
    (folder / "splits").mkdir()
    for split, text in lists.items():
        (folder / "splits" / f"{split}.txt").write_text(text)
    named = find_files(folder).named
    assert named["train"] == ("a", "b")  # listed three times, one image


def test_an_image_that_cannot_be_used_is_named(folder: Path) -> None:
    import tifffile

    (folder / "images" / "b.png").unlink()
    values = np.full((8, 8), np.nan, np.float32)
    tifffile.imwrite(folder / "images" / "b.tif", values)
    with pytest.raises(InputError, match=r"^b\.tif cannot be used: .*64 values"):
        load_dataset(folder).split("all")[1].read()


def test_hidden_files_are_counted_but_for_those_of_the_system(folder: Path) -> None:
    for name in (".5mm.png", ".DS_Store", "._a.png", "Thumbs.db", ".directory"):
        (folder / "masks" / name).touch()
    assert find_files(folder).left_out == {"hidden": 1}


@pytest.mark.parametrize("name", ["polyp\xa01", "polyp\u202f1", "po\u200blyp 1"])
def test_names_that_look_the_same_are_paired(folder: Path, name: str) -> None:
    shutil.copy(folder / "images" / "a.png", folder / "images" / f"{name}.png")
    shutil.copy(folder / "masks" / "a.png", folder / "masks" / "polyp 1.png")
    files = find_files(folder)
    assert files.masks[name] == (folder / "masks" / "polyp 1.png",)
    assert files.left_out == {}
