"""What is told of the files of a data folder before any is read."""

from __future__ import annotations

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
    assert "number: 'a0' with 'mask_5'" in said and "(and of 5 more)" in said
    for path in sorted((folder / "masks").iterdir(), reverse=True):
        path.rename(path.with_stem(f"mask_{int(path.stem[5:]) + 1}"))
    assert listed([1, 2, 3, 4, 5, 6]) == []  # counted from 1


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
