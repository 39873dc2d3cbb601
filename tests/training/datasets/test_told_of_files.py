"""What is told of the files of a data folder before any is read."""

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
from attnseg_training.datasets.check import check
from attnseg_training.datasets.rules import Rule
from napari_attnseg.errors import InputError

NAMES = [f"a{i}" for i in range(6)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for part in ("images", "masks"):
        (tmp_path / part).mkdir()
    for i, name in enumerate(NAMES):
        image = rng.integers(0, 256, (32, 40, 3)).astype(np.uint8)
        Image.fromarray(image).save(tmp_path / "images" / f"{name}.png")
        mask = np.zeros((32, 40), np.uint8)
        mask[5 + i : 20, 8 : 20 + i] = 255
        Image.fromarray(mask).save(tmp_path / "masks" / f"{name}.png")
    return tmp_path


def told(folder: Path, rule: Rule) -> list[str]:
    """Sentences of the rule, which `check` and `load_dataset` tell alike."""
    said = [str(hint) for hint in check(folder).questions if hint.rule == rule]
    assert said == [str(h) for h in load_dataset(folder).hints if h.rule == rule]
    return said


@pytest.mark.parametrize("name", ["masks_corrected", "masks2", "gt", "labels"])
def test_other_masks_of_the_same_names_are_told(folder: Path, name: str) -> None:
    shutil.copytree(folder / "masks", folder / name)
    assert told(folder, Rule.SECOND_MASKS) == []
    mask = np.asarray(Image.open(folder / "masks/a0.png"))
    Image.fromarray(mask).save(folder / name / "a0.png", compress_level=0)
    assert told(folder, Rule.SECOND_MASKS) == []  # written in another way
    for one in ("a1", "a3"):
        Image.fromarray(mask).save(folder / name / f"{one}.png")
    (said,) = told(folder, Rule.SECOND_MASKS)
    assert f"{name}/, where 2 of 6 are different" in said
    assert "'a1' (and of 1 more)" in said


@pytest.mark.parametrize("name", ["images_small", "mask_overlays", "predictions"])
def test_folders_of_pictures_are_no_masks(folder: Path, name: str) -> None:
    shutil.copytree(folder / "images", folder / name)
    assert told(folder, Rule.SECOND_MASKS) == []


def test_listed_pairs_whose_numbers_contradict_are_told(folder: Path) -> None:
    (folder / "splits").mkdir()
    for path in (folder / "masks").iterdir():
        path.rename(path.with_stem(f"mask_{path.stem[1:]}"))

    def listed(masks: list[int]) -> list[str]:
        lines = [f"images/a{i}.png,masks/mask_{m}.png" for i, m in enumerate(masks)]
        (folder / "splits" / "train.txt").write_text("\n".join(lines))
        return told(folder, Rule.CROSSED_PAIRS)

    assert listed([0, 1, 2, 3, 4, 5]) == []
    (said,) = listed([5, 0, 1, 2, 3, 4])
    assert said.startswith("Lists give 6 images a mask of another number, such as ")
    assert "such as 'a0' with 'mask_5', but images and masks are numbered" in said
    for path in sorted((folder / "masks").iterdir(), reverse=True):
        path.rename(path.with_stem(f"mask_{int(path.stem[5:]) + 1}"))
    assert listed([1, 2, 3, 4, 5, 6]) == []  # counted from 1


NOT_READ = {
    "exclude.txt": "case_01\ncase_02.png\ncase_03\n",
    "exclude.csv": "image,reason\ncase_01.png,dark\ncase_02,dark\ncase_03,wrong mask\n",
    "annotations/instances_test.json": json.dumps(
        {"images": [{"id": i, "file_name": f"test/case_0{i}.png"} for i in (1, 2, 3)]}
    ),
    "splits_final.json": json.dumps(
        [{"train": [f"case_0{i}" for i in range(5)], "val": ["case_05"]}]
    ),
    "images/metadata.jsonl": "".join(
        f'{{"file_name": "case_0{i}.png", "split": "{s}"}}\n'
        for i, s in enumerate(["train"] * 4 + ["test"] * 2)
    ),
    "data.yaml": "test:\n  - images/case_01.jpg\n  - case_02\n  - case_03.jpg\n",
    "annotations.xml": "".join(
        f'<image name="case_0{i}.png" subset="Train">' for i in range(6)
    ),
}
#: Number of images, of six, that each of them names.
NAMED = dict(zip(NOT_READ, (3, 3, 3, 6, 6, 3, 6), strict=True))
OF_NO_SPLIT = {
    "boxes.json": json.dumps({f"case_0{i}": {"label": "polyp"} for i in range(6)}),
    "files.txt": "".join(f"images/case_0{i}.png\n" for i in range(6)),
    "README.txt": "such as case_01, case_02, and case_03",
    "results.csv": "name,dice\ncase_01,0.5\ncase_02,0.5\ncase_03,0.5\n",
    "notes.txt": "case_01 and case_02",
}


@pytest.mark.parametrize("name", [*NOT_READ, *OF_NO_SPLIT])
def test_files_that_name_images_and_are_not_read_are_told(
    folder: Path, name: str
) -> None:
    for path in [*folder.glob("*/*.png")]:
        path.rename(path.with_stem(f"case_0{path.stem[1:]}"))
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text({**NOT_READ, **OF_NO_SPLIT}[name])
    said = told(folder, Rule.UNREAD_LISTS)
    assert len(said) == (name in NOT_READ)
    if said:
        assert f": {name} names {NAMED[name]} of 6 images; if" in said[0]


def test_files_that_agree_with_the_lists_are_not_told(folder: Path) -> None:
    (folder / "splits").mkdir()
    for split, names in {"train": NAMES[:3], "test": NAMES[3:]}.items():
        (folder / "splits" / f"{split}.txt").write_text("\n".join(names))
    (folder / "coco.json").write_text(json.dumps([f"{n}.png" for n in NAMES[:3]]))
    assert told(folder, Rule.UNREAD_LISTS) == []
    (folder / "exclude.txt").write_text("\n".join(NAMES[1:4]))
    (said,) = told(folder, Rule.UNREAD_LISTS)
    assert "exclude.txt names 3 of 6 images" in said and "coco" not in said
    (folder / "exclude.txt").write_text("\n".join(NAMES[1:5]), encoding="utf-16")
    (said,) = told(folder, Rule.UNREAD_LISTS)
    assert "exclude.txt names 4 of 6 images" in said
    for more in range(5):
        (folder / f"out{more}.txt").write_text("\n".join(NAMES[:4]))
    (said,) = told(folder, Rule.UNREAD_LISTS)
    assert "names 4 of 6 images, and 1 more file; if" in said


def test_numbers_that_are_names_of_images_are_none_in_a_table(folder: Path) -> None:
    for path in [*folder.glob("*/*.png")]:
        path.rename(path.with_stem(path.stem[1:]))
    (folder / "log.csv").write_text("epoch,loss\n0,1.5\n1,1\n2,2\n3,1\n")
    (folder / "labels.json").write_text('{"0": "lesion", "1": "other", "2": 3}')
    assert told(folder, Rule.UNREAD_LISTS) == []
    (folder / "holdout.txt").write_text("0\n1\n2\n")
    (said,) = told(folder, Rule.UNREAD_LISTS)
    assert "holdout.txt names 3 of 6 images; if" in said


@pytest.mark.parametrize("prefix", ["", "img_"])
def test_lists_of_numbers_of_images_are_told(folder: Path, prefix: str) -> None:
    for path in [*folder.glob("*/*.png")]:
        path.rename(path.with_stem(f"{prefix}{int(path.stem[1:]):04d}"))
    numbers = json.dumps({"train": [0, 5, 3, 2], "val": [1, 4]})
    (folder / "log.json").write_text('{"train": [0.5, 0.25, 0.1, 1, 2]}')
    (folder / "sizes.json").write_text('{"train": [880, 1000, 1, 2, 120]}')
    assert told(folder, Rule.UNREAD_LISTS) == []
    (folder / "cv_0.json").write_text(numbers)
    (said,) = told(folder, Rule.UNREAD_LISTS)
    assert ": cv_0.json names 6 of 6 images; if" in said
    (folder / "trainval-fold0.json").write_text(numbers)
    with pytest.raises(
        InputError, match=r"but trainval-fold0\.json, which is not read"
    ):
        check(folder)


@pytest.mark.parametrize(
    ("names", "held"),
    [
        ("train_1 train_2 train_3 testA_1 testB_1 test_4", "3 train, 3 test"),
        ("001_train 002_train 003_Val 004_Val 5test 6test", "2 train, 2 val, 2 test"),
        ("train1 train2 train3 valid-1 valid-2 valid-3", "3 train, 3 val"),
        ("test_1 test_2 test_3 test_4 test_5 test_6", ""),
        ("testis_1 testis_2 value_1 value_2 trained_1 trained_2", ""),
        ("train_1 train_2 test_1 test_2 other_1 other_2", ""),
    ],
)
def test_splits_in_the_names_of_images_are_told(
    folder: Path, names: str, held: str
) -> None:
    for i, name in enumerate(names.split()):
        for path in folder.glob(f"*/a{i}.png"):
            path.rename(path.with_stem(name))
    said = told(folder, Rule.NAMED_SPLITS)
    assert len(said) == bool(held)
    if said:
        first = min(names.split())
        assert f"such as {first!r}: {held}; but there are no lists" in said[0]
        (folder / "splits").mkdir()
        (folder / "splits" / "train.txt").write_text("\n".join(names.split()))
        assert told(folder, Rule.NAMED_SPLITS) == []


def test_folders_that_hold_images_with_masks_are_told(folder: Path) -> None:
    (folder / "images" / "previews").mkdir()
    shutil.copy(folder / "images/a0.png", folder / "images/previews/a0_small.png")
    shutil.copy(folder / "images/a1.png", folder / "images/previews/a1.png")
    assert told(folder, Rule.FOLDERS_LEFT_OUT) == []
    for patient in range(4):
        for part in ("images", "masks"):
            (folder / part / f"p{patient}").mkdir()
            for name in ("a0.png", "b.png"):
                shutil.copy(
                    folder / part / "a0.png", folder / part / f"p{patient}" / name
                )
    (said,) = told(folder, Rule.FOLDERS_LEFT_OUT)
    each = "2 in images/p0/, 2 in images/p1/, 2 in images/p2/"
    count = f"8 images, {each} and others in 1 more folder"
    assert f"such as 'p0/a0': {count}; move" in said


def test_names_that_a_list_repeats_are_counted(folder: Path) -> None:
    (folder / "splits").mkdir()

    def listed(train: list[str]) -> list[str]:
        for split, names in {"train": train, "val": ["a4"], "test": ["a5"]}.items():
            (folder / "splits" / f"{split}.txt").write_text("\n".join(names))
        return told(folder, Rule.LISTED_AGAIN)

    assert listed(NAMES[:4]) == []
    (said,) = listed([*NAMES[:4], "a0", "a0.png", "a2"])
    assert "5 lines for 2 images in the list of train; each is used once" in said
    assert len(load_dataset(folder).split("train")) == 4
    result = CliRunner().invoke(app, ["check", str(folder)], env={"COLUMNS": "500"})
    assert "5 lines for 2 images in the list of train" in result.output
    assert result.exit_code == 0
