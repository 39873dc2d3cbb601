"""Lists of splits: which are read, and which are refused before they are overlooked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attnseg_training.datasets import load_dataset
from attnseg_training.datasets.check import check
from napari_attnseg.errors import InputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six images and masks, a to f, without lists."""
    plane = np.zeros((8, 10), np.uint8)
    plane[2:5, 3:7] = 255
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
        for name in "abcdef":
            Image.fromarray(plane).save(tmp_path / kind / f"{name}.png")
    return tmp_path


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.mark.parametrize(
    ("train", "val", "test"),
    [
        ("Train.txt", "Val.txt", "Test.txt"),
        ("train.TXT", "val.TXT", "test.TXT"),
        ("train.lst", "valid.txt", "test.txt"),
        ("TRAINING.txt", "Validation.lst", "testing.txt"),
    ],
)
def test_lists_in_any_case_and_by_other_words(
    folder: Path, train: str, val: str, test: str
) -> None:
    texts = {train: "a\nb.png", val: "c\nd", test: "e\nimages/f.png"}
    write(folder, {f"splits/{name}": text for name, text in texts.items()})
    write(folder, {"splits/Fold1.txt": "a", "splits/README.md": "train.txt: see a"})
    splits = load_dataset(folder).splits
    found = {split: "".join(s.name for s in of) for split, of in splits.items()}
    assert found == {"train": "ab", "val": "cd", "test": "ef", "Fold1": "a"}


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"splits/train.csv": "a\nb", "splits/test.csv": "c"}, "test.csv"),
        ({"splits/train.txt": "a\nb", "splits/parts.csv": "name\nc.png"}, "parts.csv"),
        ({"splits/split.json": '{"train": ["a"], "test": ["b"]}'}, "split.json"),
        ({"splits/README.md": "to do"}, "found none"),
        ({"splits/fold1/train.txt": "a\nb"}, "found none"),
        ({"train.txt": "a\nb", "test.txt": "c"}, "test.txt, which"),
        ({"autosplit_test.txt": "c"}, "found no such folder in "),
        ({"kvasir_test.csv": "id,size\nimages/F.png,80"}, "kvasir_test.csv, which"),
        ({"split/test.txt": "c.png"}, "split/test.txt, which"),
        ({"ImageSets/Segmentation/val.txt": "c"}, "ImageSets/Segmentation/val.txt"),
    ],
)
def test_lists_that_would_be_overlooked_are_refused(
    folder: Path, files: dict[str, str], found: str
) -> None:
    write(folder, files)
    for read in (load_dataset, check):
        with pytest.raises(InputError, match=r"one name of an image per line.*; ") as e:
            read(folder)
        assert found in str(e.value)


def test_other_files_beside_the_images_are_no_lists(folder: Path) -> None:
    write(folder, {"test.json": '{"dice": 0.9}', "README.txt": "a and b"})
    write(folder, {"results.csv": "a,0.9", "lists/train.md": "a"})
    assert set(load_dataset(folder).splits) == {"all", "train", "val"}
    # With lists that are read, others beside them are somebody else's.
    write(folder, {"train.txt": "a\nb\nc", "splits/train.txt": "a\nb"})
    assert len(load_dataset(folder).splits["train"]) == 1  # and one for val


def test_two_lists_for_one_split_are_refused(folder: Path) -> None:
    write(folder, {"splits/val.txt": "a\nb", "splits/valid.txt": "c"})
    with pytest.raises(
        InputError, match=r"val\.txt and valid\.txt .* two lists for val"
    ):
        load_dataset(folder)


def test_a_list_of_both_together_is_no_second_split(folder: Path) -> None:
    texts = {"train": "a\nb", "val": "c", "test": "d", "trainval": "a\nb\nc"}
    write(folder, {f"splits/{name}.txt": text for name, text in texts.items()})
    assert len(load_dataset(folder).splits["trainval"]) == 3
    assert "in two splits" not in check(folder).to_json()["counts"]
    write(folder, {"splits/val.txt": "b"})
    report = check(folder).to_json()
    assert report["counts"]["in two splits"] == 1
    assert "in two splits" in report["stops_training"]


def test_a_list_of_what_is_no_image_is_said_as_check_says_it(tmp_path: Path) -> None:
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
        for name in "abc":
            Image.new("L", (8, 8)).save(tmp_path / folder / f"{name}.png")
    (tmp_path / "splits").mkdir()
    (tmp_path / "splits" / "train.txt").write_text("[a-c]*\n")
    said = "is listed for train, but has no image"
    with pytest.raises(InputError, match=said):
        load_dataset(tmp_path)
    assert any(said in text for _, _, text in check(tmp_path).found)


def test_comments_in_lists_are_no_names(folder: Path) -> None:
    (folder / "images" / "a.png").rename(folder / "images" / "#1.png")
    (folder / "masks" / "a.png").rename(folder / "masks" / "#1.png")
    said = "\ufeff# made 2024-03-01\n\n"
    texts = {"train": "#1.png\nb\n  # c\n", "val": "c\nd", "test": "e\n#f.png"}
    for split, text in texts.items():
        (folder / "splits").mkdir(exist_ok=True)
        file = folder / "splits" / f"{split}.txt"
        file.write_text(said + text, encoding="utf-8")
    splits = load_dataset(folder).splits
    found = {split: [s.name for s in of] for split, of in splits.items()}
    assert found == {"train": ["#1", "b"], "val": ["c", "d"], "test": ["e"]}
    (folder / "splits" / "val.txt").write_text("# nothing")
    with pytest.raises(InputError, match=r"val\.txt, found none"):
        load_dataset(folder)


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252", "utf-8", "utf-8-sig"])
def test_a_dataset_toml_in_another_encoding_is_told(
    folder: Path, encoding: str
) -> None:
    text = 'name = "Münster"\nclasses = ["lesion"]\n'
    (folder / "dataset.toml").write_text(text, encoding=encoding)
    if encoding.startswith("utf-8"):
        assert load_dataset(folder).name == "Münster"
    else:
        with pytest.raises(InputError, match="save it as UTF-8"):
            load_dataset(folder)
