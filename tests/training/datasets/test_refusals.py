"""What lies in a data folder and cannot be used is said in words, never passed over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageDraw

from attnseg_training.datasets import Sample, load_dataset
from attnseg_training.datasets.all_masks import look_at_masks
from attnseg_training.datasets.check import check
from attnseg_training.datasets.masks import MaskKind, read
from attnseg_training.datasets.nifti import read_nifti
from attnseg_training.datasets.rules import Rule, RuleError
from napari_attnseg.errors import InputError

SQUARE = np.zeros((16, 20), np.uint8)
SQUARE[3:9, 4:12] = 255


def save(path: Path, values: np.ndarray = SQUARE, **how: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path, **how)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in "abcd":
        save(tmp_path / "images" / f"{name}.png", np.dstack([SQUARE] * 3))
        save(tmp_path / "masks" / f"{name}.png")
    return tmp_path


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
def test_other_sizes_are_found_before_the_network_runs(
    folder: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = load_dataset(folder).split("all")
    decoded: list[str] = []
    whole = Sample.read_with_traits

    def decode(self: Sample, *given: Any) -> Any:
        decoded.append(self.name)
        return whole(self, *given)

    monkeypatch.setattr(Sample, "read_with_traits", decode)
    assert look_at_masks(samples).total == 4 and decoded == []
    (folder / "images" / "d.png").unlink()
    save(folder / "images" / f"d.{suffix}", np.dstack([SQUARE[:-1]] * 3))
    with pytest.raises(RuleError, match="'d' has 16×20 px, its image 15×20") as found:
        look_at_masks(load_dataset(folder).split("all"))
    assert found.value.rule is Rule.SIZE and decoded == ["d"]


def test_webp_is_read_like_the_others(tmp_path: Path) -> None:
    rgb = np.dstack([SQUARE, SQUARE // 2, 255 - SQUARE])
    for name in "ab":
        save(tmp_path / "images" / f"{name}.webp", rgb, lossless=True)
        save(tmp_path / "masks" / f"{name}.webp", SQUARE, lossless=True)
    first, _ = load_dataset(tmp_path).split("all")
    image, mask = first.read()
    np.testing.assert_array_equal(image, rgb)
    np.testing.assert_array_equal(mask, SQUARE > 0)


@pytest.mark.parametrize("part", ["images", "masks"])
def test_a_folder_of_another_kind_says_which(folder: Path, part: str) -> None:
    for path in (folder / part).iterdir():
        np.save(path.with_suffix(".npy"), SQUARE)
        path.unlink()
    (folder / part / "more").mkdir()
    words = rf"{part}, found none \(4 \.npy, 1 folder left out\)"
    for command in (load_dataset, check):
        with pytest.raises(InputError, match=words):
            command(folder)


def test_folders_of_nnunet_say_what_to_rename(folder: Path) -> None:
    (folder / "images").rename(folder / "imagesTr")
    (folder / "masks").rename(folder / "labelsTr")
    said = (
        r"as nnU-Net wants it: rename imagesTr to images and labelsTr to masks, .*_00"
    )
    with pytest.raises(InputError, match=said):
        load_dataset(folder)


def test_folders_without_anything_in_them_are_refused(folder: Path) -> None:
    (folder / "splits").mkdir()
    for command in (load_dataset, check):
        with pytest.raises(InputError, match=r"splits as text .* found none; add them"):
            command(folder)
    (folder / "splits").rmdir()
    for part in ("masks", "images"):
        for path in (folder / part).iterdir():
            path.unlink()
    for command in (load_dataset, check):
        with pytest.raises(InputError, match=r"images in .*images, found none; put"):
            command(folder)


@pytest.mark.parametrize("split", ["train", "val", "test"])
@pytest.mark.parametrize("text", ["", "\n  \n\n"])
def test_an_empty_list_is_refused(folder: Path, split: str, text: str) -> None:
    lists = {"train": "a\nb", "val": "c", "test": "d", "later": "", split: text}
    (folder / "splits").mkdir()
    for name, names in lists.items():
        (folder / "splits" / f"{name}.txt").write_text(names)
    for command in (load_dataset, check):
        with pytest.raises(InputError, match=rf"images in .*{split}\.txt, found none"):
            command(folder)
    (folder / "splits" / f"{split}.txt").unlink()
    load_dataset(folder)


def test_the_class_whose_folder_lacks_masks_is_named(folder: Path) -> None:
    (folder / "dataset.toml").write_text('classes = ["polyp", "tool"]')
    for name in "abcd":
        for kind in ("polyp", "tool"):
            save(folder / "masks" / kind / f"{name}.png")
    (folder / "masks" / "tool" / "c.png").unlink()
    (folder / "masks" / "tool" / "d.png").unlink()
    (folder / "masks" / "polyp" / "b.png").unlink()
    with pytest.raises(InputError, match=r"1 of 4 masks .*masks/polyp, first 'b'"):
        load_dataset(folder)
    save(folder / "masks" / "polyp" / "b.png")
    with pytest.raises(InputError, match=r"2 of 4 masks .*masks/tool, first 'c'"):
        load_dataset(folder)
    told = [text for kind, _, text in check(folder).found if kind == "missing mask"]
    assert told == [
        f"{n} has no mask in the folder of the class 'tool': add one, black if empty."
        for n in "cd"
    ]


@pytest.mark.parametrize("name", ["x.png", "x.jpg", "x.tif", "x.webp"])
def test_an_empty_file_is_called_so(tmp_path: Path, name: str) -> None:
    from napari_attnseg.io.images import read_image

    (tmp_path / name).touch()
    readers: tuple[Callable[[Path], object], ...] = (read, read_image)
    for reader in readers:
        with pytest.raises(InputError, match=rf"{name} .*\(it is empty: 0 bytes\)"):
            reader(tmp_path / name)
        (tmp_path / name).write_text("hello")
        with pytest.raises(InputError) as refused:
            reader(tmp_path / name)
        assert "<" not in str(refused.value)
        (tmp_path / name).write_bytes(b"")


def test_an_empty_nifti_file_is_called_so(tmp_path: Path) -> None:
    pytest.importorskip("nibabel")
    (tmp_path / "x.nii").touch()
    with pytest.raises(InputError, match=r"x\.nii .*\(it is empty: 0 bytes\)"):
        read_nifti(tmp_path / "x.nii")


@pytest.mark.parametrize("shift", [(30, 0), (100, 0)])
def test_a_nifti_mask_beyond_its_image_is_told(
    tmp_path: Path, shift: tuple[int, int]
) -> None:
    nibabel = pytest.importorskip("nibabel")
    mask = np.zeros((40, 30, 1), np.uint8)
    mask[5:15, 5:10] = 1
    affine = np.eye(4)
    image, moved = tmp_path / "image.nii", tmp_path / "mask.nii"
    nibabel.save(nibabel.Nifti1Image(mask, affine), image)
    affine[:2, 3] = shift
    nibabel.save(nibabel.Nifti1Image(mask, affine), moved)
    # 50 pixels of lesion, of which the rows from 40 on lie beyond: 5 + 30 to 14 + 30.
    outside = {30: "25 of its pixels that are not 0 lie", 100: "50 of its"}[shift[0]]
    with pytest.raises(RuleError, match=rf"within the image .* {outside}") as refused:
        read_nifti(moved, image)
    assert refused.value.rule is Rule.GRID


@pytest.mark.parametrize("suffix", ["png", "jpg"])
@pytest.mark.parametrize("width", [2, 8])
def test_a_photo_with_an_outline_is_called_a_picture(
    tmp_path: Path, suffix: str, width: int
) -> None:
    rows, columns = np.mgrid[:120, :160]
    photo = np.stack([rows, columns, rows], -1) + 60
    picture = Image.fromarray(photo.astype(np.uint8))
    box = (40, 30, 110, 90)
    ImageDraw.Draw(picture).ellipse(box, outline=(0, 255, 0), width=width)
    picture.save(tmp_path / f"o.{suffix}")
    with pytest.raises(RuleError, match="a photo with an outline drawn on it"):
        read(tmp_path / f"o.{suffix}")


def test_probabilities_are_called_so(tmp_path: Path) -> None:
    import tifffile

    columns = np.linspace(0, 1, 41, dtype=np.float32)
    values = np.repeat((np.abs(columns - 0.5) < 0.2)[None], 20, 0) * np.float32(0.8)
    values[:, 12] = 0.4
    tifffile.imwrite(tmp_path / "p.tif", values)
    found = read(tmp_path / "p.tif")
    assert found.how is MaskKind.PROBABILITIES
    np.testing.assert_array_equal(found.planes[0], values > 0.5)


@pytest.mark.parametrize(
    "name", ["Dataset.toml", "dataset.toml.txt", "dataset.tml", "datset.toml"]
)
def test_a_description_under_another_name_is_refused(folder: Path, name: str) -> None:
    (folder / "dataset.txt").write_text("Discs, drawn by hand.")
    (folder / "about.toml").write_text("threshold = 127")
    assert load_dataset(folder).threshold is None
    (folder / name).write_text("threshold = 127")
    if not (folder / "dataset.toml").exists():  # as where case does not count
        with pytest.raises(InputError, match=f"found {name}, .* rename it to dataset"):
            load_dataset(folder)
    (folder / name).rename(folder / "dataset.toml")
    (folder / "dataset.txt").write_text("threshold = 3")
    assert load_dataset(folder).threshold == 127
    (folder / "dataset.toml").unlink()
    with pytest.raises(InputError, match=r"found dataset\.txt"):
        load_dataset(folder)


def test_folders_in_capitals_are_told_so(folder: Path) -> None:
    (folder / "masks").rename(folder / "Masks")
    if (folder / "masks").exists():
        pytest.skip("case does not count here")
    with pytest.raises(InputError, match="small letters: rename Masks to masks"):
        load_dataset(folder)
    (folder / "images").rename(folder / "Images")
    with pytest.raises(InputError, match="rename Images to images and Masks to masks"):
        load_dataset(folder)


def test_folders_of_voc_are_told_so(folder: Path) -> None:
    (folder / "masks").rename(folder / "SegmentationClass")
    with pytest.raises(InputError, match="rename SegmentationClass to masks\\."):
        load_dataset(folder)
    (folder / "images").rename(folder / "JPEGImages")
    both = "rename JPEGImages to images and SegmentationClass to masks\\."
    with pytest.raises(InputError, match=both):
        load_dataset(folder)
    (folder / "JPEGImages").rename(folder / "else")
    alone = "rename SegmentationClass to masks, and put the images into images/\\."
    with pytest.raises(InputError, match=alone):
        load_dataset(folder)


def test_folders_of_splits_are_told_what_to_do_with(
    folder: Path, tmp_path: Path
) -> None:
    root = tmp_path / "splits"
    for split in ("train", "valid"):
        (root / split).mkdir(parents=True)
    move = "move the images of all into images/ and their masks into masks/"
    with pytest.raises(InputError, match=f"holds train/, valid/; {move}"):
        load_dataset(root)
    for part in ("images", "masks"):
        (folder / part).rename(root / "train" / part)
    with pytest.raises(InputError, match=f"such as .*train, or {move}"):
        load_dataset(root)
    load_dataset(root / "train")


@pytest.mark.parametrize("suffix", [".txt", ".json"])
def test_polygons_in_place_of_masks_are_told_so(folder: Path, suffix: str) -> None:
    for mask in (folder / "masks").iterdir():
        mask.rename(mask.with_suffix(suffix))
    with pytest.raises(InputError, match=r"draw them as PNG .*polygon2mask, or choose"):
        load_dataset(folder)


def test_a_class_is_absent_only_from_masks_that_were_read(folder: Path) -> None:
    (folder / "dataset.toml").write_text('classes = ["polyp", "ulcer"]')
    (folder / "masks").rename(folder / "polyp")
    (folder / "masks" / "ulcer").mkdir(parents=True)
    (folder / "polyp").rename(folder / "masks" / "polyp")
    report = check(folder)
    kinds = {kind for kind, _, _ in report.found}
    assert "missing mask" in kinds and "absent class" not in kinds
    assert not report.files.left_out
    save(folder / "masks" / "ulcer" / "a.png", SQUARE * 0)
    report = check(folder)
    (told,) = [text for kind, _, text in report.found if kind == "absent class"]
    assert told == "No mask that could be read has 'ulcer'."
    assert not report.files.left_out


@pytest.mark.parametrize("background", [-1, np.nan])
def test_negative_numbers_and_nan_have_a_way_out(
    folder: Path, background: float
) -> None:
    for name in "abcd":
        (folder / "masks" / f"{name}.png").unlink()
        values = np.where(SQUARE > 0, 1, background).astype(np.float32)
        tifffile.imwrite(folder / "masks" / f"{name}.tif", values)
    for said in ("", "classes = {lesion = 1}"):
        (folder / "dataset.toml").write_text(said)
        with pytest.raises(RuleError, match="threshold = 0"):
            load_dataset(folder).split("all")[0].read()
    (folder / "dataset.toml").write_text('classes = ["lesion"]\nthreshold = 0')
    _, mask = load_dataset(folder).split("all")[0].read()
    np.testing.assert_array_equal(mask > 0, SQUARE > 0)
