"""Masks in a folder of each image, as of the 2018 Data Science Bowl."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attnseg_training.datasets import load_dataset
from attnseg_training.datasets.check import check
from napari_attnseg.errors import InputError

#: Names as those of the Data Science Bowl, and the column of a nucleus in each mask.
NAMES = ("0a7d30b252", "0a3f9c1e77", "ff3e512b5f")
NUCLEI = {"05a8f65ad6": 0, "1b2c3d4e5f": 16, "c0ffee0123": 40}


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.astype(np.uint8)).save(path)


def mask(x: int) -> np.ndarray:
    found = np.zeros((24, 64))
    found[8:16, x : x + 8] = 255
    return found


def cases(root: Path) -> Path:
    """NAME/images/NAME.png and NAME/masks/HASH.png."""
    for i, name in enumerate(NAMES):
        pixels = np.random.default_rng(i).integers(0, 256, (24, 64, 3))
        save(root / name / "images" / f"{name}.png", pixels)
        for other, x in NUCLEI.items():
            save(root / name / "masks" / f"{i}{other}.png", mask(x + i))
    return root


def folders(root: Path) -> Path:
    """images/NAME.png and masks/NAME/HASH.png."""
    for i, name in enumerate(NAMES):
        pixels = np.random.default_rng(i).integers(0, 256, (24, 64, 3))
        save(root / "images" / f"{name}.png", pixels)
        for other, x in NUCLEI.items():
            save(root / "masks" / name / f"{i}{other}.png", mask(x + i))
    return root


def masks_read(root: Path) -> dict[str, np.ndarray]:
    parts = load_dataset(root).splits.values()
    return {s.name: s.read()[1] for samples in parts for s in samples}


@pytest.mark.parametrize("layout", [cases, folders])
def test_masks_in_a_folder_of_an_image_are_united_once_that_is_said(
    tmp_path: Path, layout: Callable[[Path], Path]
) -> None:
    root = layout(tmp_path / "d")
    words = "'0a3f9c1e77', found several in the folder of its name, which may be"
    with pytest.raises(InputError, match=words) as stop:
        load_dataset(root)
    assert 'further_masks = "unite" into dataset.toml' in str(stop.value)
    report = check(root).to_json()
    assert report["counts"] == {"several masks": 3}
    assert "several masks" in report["stops_training"] and not report["left_out"]

    (root / "dataset.toml").write_text('further_masks = "unite"')
    read = masks_read(root)
    assert sorted(read) == sorted(NAMES)
    for i, name in enumerate(NAMES):
        truth = sum(mask(x + i) for x in NUCLEI.values())
        np.testing.assert_array_equal(read[name], truth > 0)
    assert not check(root).to_json()["stops_training"]
    assert check(root).to_json()["left_out"] == {}


@pytest.mark.parametrize("layout", [cases, folders])
def test_a_single_mask_in_each_folder_is_that_of_the_image(
    tmp_path: Path, layout: Callable[[Path], Path]
) -> None:
    root = layout(tmp_path / "d")
    for path in sorted(root.rglob("masks/**/*.png")):
        if "05a8f65ad6" not in path.name:
            path.unlink()
    read = masks_read(root)
    for i, name in enumerate(NAMES):
        np.testing.assert_array_equal(read[name], mask(i) > 0)


def test_masks_of_an_image_lie_beside_a_folder_of_it(tmp_path: Path) -> None:
    root = folders(tmp_path / "d")
    save(root / "masks" / f"{NAMES[0]}.png", mask(56))
    for path in sorted((root / "masks" / NAMES[1]).iterdir())[1:]:
        path.unlink()
    told = {name: text for _, name, text in check(root).found}
    words = "several in the folder of its name and one beside it, which"
    assert words in told[NAMES[0]] and sorted(told) == [NAMES[0], NAMES[2]]
    (root / "dataset.toml").write_text('further_masks = "unite"')
    read = masks_read(root)
    assert read[NAMES[0]].sum() == 4 * 64 and read[NAMES[1]].sum() == 64


def test_names_that_recur_in_the_folders_may_be_classes(tmp_path: Path) -> None:
    root = folders(tmp_path / "d")
    for path in sorted((root / "masks").rglob("*.png")):
        path.unlink()
    for name in NAMES:
        for kind, x in (("polyp", 0), ("tool", 20)):
            save(root / "masks" / name / f"{kind}.png", mask(x))
    words = r'masks/polyp/0a3f9c1e77 and so on and write classes = \["polyp", "tool"\]'
    with pytest.raises(InputError, match=words):
        load_dataset(root)


def test_a_folder_without_its_image_is_refused_by_name(tmp_path: Path) -> None:
    root = cases(tmp_path / "d")
    (root / NAMES[1] / "images" / f"{NAMES[1]}.png").rename(
        root / NAMES[1] / "images" / "other.png"
    )
    with pytest.raises(InputError, match="found 0a3f9c1e77, which holds other; add"):
        load_dataset(root)


def test_the_folder_above_is_told_which_one_to_give(tmp_path: Path) -> None:
    cases(tmp_path / "d" / "stage1_train")
    with pytest.raises(InputError, match=r"give \S+stage1_train\.$"):
        load_dataset(tmp_path / "d")


def test_folders_that_are_called_otherwise_are_refused_with_what_to_rename(
    tmp_path: Path,
) -> None:
    root = folders(tmp_path / "d")
    for name in NAMES:
        (root / "masks" / name).rename(root / "masks" / f"{name}_masks")
    with pytest.raises(InputError, match=r"end in '_masks' beyond.*rename the folders"):
        load_dataset(root)
    for name in NAMES:
        folder = root / "masks" / f"{name}_masks"
        folder.rename(root / "masks" / name[::-1])
    with pytest.raises(InputError, match="as the image that its masks belong to"):
        load_dataset(root)
