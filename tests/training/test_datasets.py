"""Data folders: splits, masks of every kind, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attnseg_training.datasets import load_dataset, read_mask
from napari_attnseg.errors import InputError, UnknownNameError


def names(data: Path, split: str, **options: int) -> set[str]:
    return {s.name for s in load_dataset(data, **options).split(split)}


def test_official_validation_file_is_the_test_set(data_folder: Path) -> None:
    assert names(data_folder, "test") == {"disc09", "disc10", "disc11"}
    train, val = names(data_folder, "train"), names(data_folder, "val")
    assert train | val == {f"disc{i:02d}" for i in range(9)}
    assert len(val) == 1 and not train & val
    assert names(data_folder, "val") == val
    others = {frozenset(names(data_folder, "val", seed=s)) for s in range(5)}
    assert len(others) > 1
    assert "honest" in load_dataset(data_folder).protocol


def test_complete_splits_stay_as_they_are(data_folder: Path) -> None:
    (data_folder / "splits" / "test.txt").write_text("disc00\n")
    (data_folder / "splits" / "train.txt").write_text("disc01\ndisc02\n")
    assert names(data_folder, "train") == {"disc01", "disc02"}
    assert names(data_folder, "val") == {"disc09", "disc10", "disc11"}
    assert names(data_folder, "test") == {"disc00"}


def test_folder_without_splits(data_folder: Path) -> None:
    for file in (data_folder / "splits").iterdir():
        file.unlink()
    (data_folder / "splits").rmdir()
    assert len(names(data_folder, "all")) == 12
    assert len(names(data_folder, "val")) == 1
    with pytest.raises(UnknownNameError, match="train"):
        names(data_folder, "trian")


def test_sample_reads_image_and_mask(data_folder: Path) -> None:
    image, mask = load_dataset(data_folder).split("test")[0].read()
    assert image.shape == (40, 48, 3) and image.dtype == np.uint8
    assert set(np.unique(mask)) == {0, 1}
    assert image[mask == 1].mean() > image[mask == 0].mean() + 100


@pytest.mark.parametrize("high", [1, 255])
@pytest.mark.parametrize("mode", ["L", "1", "P", "RGB"])
def test_masks_of_every_kind(tmp_path: Path, mode: str, high: int) -> None:
    truth = np.zeros((8, 8), bool)
    truth[2:5, 3:7] = True
    if mode == "1":
        picture = Image.fromarray(truth)
    elif mode == "P":
        picture = Image.fromarray(truth.astype(np.uint8), "L").convert("P")
        picture.putdata(truth.astype(np.uint8).ravel().tolist())
    else:
        picture = Image.fromarray((truth * high).astype(np.uint8)).convert(mode)
    picture.save(tmp_path / "m.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png"), truth)


def test_jpeg_mask_loses_its_ringing(tmp_path: Path) -> None:
    truth = np.zeros((64, 64), bool)
    truth[16:40, 20:50] = True
    path = tmp_path / "m.jpg"
    Image.fromarray((truth * 255).astype(np.uint8)).save(path, quality=50)
    assert len(np.unique(np.asarray(Image.open(path)))) > 2
    np.testing.assert_array_equal(read_mask(path), truth)


def test_broken_folders_are_named(data_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="images/ and masks/"):
        load_dataset(tmp_path / "nowhere")
    mask = data_folder / "masks" / "disc03.png"
    Image.fromarray(np.zeros((40, 47), np.uint8)).save(mask)
    data = load_dataset(data_folder)
    sample = next(s for p in data.splits.values() for s in p if s.name == "disc03")
    with pytest.raises(InputError, match=r"40×47.*40×48"):
        sample.read()
    mask.write_text("not an image")
    with pytest.raises(InputError, match=r"disc03\.png"):
        sample.read()
    mask.unlink()
    with pytest.raises(InputError, match=r"1 of .* masks are missing.*disc03"):
        load_dataset(data_folder)
