"""Known data sets: a folder as it comes from its provider is recognised and read."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attnseg_training.datasets import load_dataset
from attnseg_training.datasets.splits import carve
from napari_attnseg.errors import InputError, UnknownNameError


def write(root: Path, paths: list[str], values: int | np.ndarray) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        data = np.full((8, 10), values) if isinstance(values, int) else values
        Image.fromarray(data.astype(np.uint8)).save(root / path)


def test_busi_merges_masks_and_keeps_normal_images(tmp_path: Path) -> None:
    left, right = np.zeros((8, 10)), np.zeros((8, 10))
    left[:, :2], right[:, 8:] = 255, 255
    images = ["benign/benign (1).png", "malignant/malignant (1).png"]
    write(tmp_path, [*images, "normal/normal (1).png"], 90)
    write(tmp_path, ["benign/benign (1)_mask.png"], left)
    write(tmp_path, ["benign/benign (1)_mask_1.png"], right)
    write(tmp_path, ["malignant/malignant (1)_mask.png"], left)
    write(tmp_path, ["normal/normal (1)_mask.png"], 0)
    data = load_dataset(tmp_path)
    assert data.name == "busi" and data.classes == ("lesion",)
    found = {s.name: s.read()[1] for s in data.split("all")}
    np.testing.assert_array_equal(found["benign (1)"], (left + right) > 0)
    np.testing.assert_array_equal(found["malignant (1)"], left > 0)
    assert not found["normal (1)"].any()


def test_drive_has_its_official_test_set(tmp_path: Path) -> None:
    for part, first in (("training", 21), ("test", 1)):
        for i in (first, first + 1):
            write(tmp_path, [f"{part}/images/{i:02d}_{part}.tif"], 90)
            write(tmp_path, [f"{part}/1st_manual/{i:02d}_manual1.gif"], 255)
            write(tmp_path, [f"{part}/mask/{i:02d}_{part}_mask.gif"], 255)
    data = load_dataset(tmp_path)
    assert {s.name for s in data.split("test")} == {"01", "02"}
    train = {s.name for s in data.split("train")} | {s.name for s in data.split("val")}
    assert train == {"21", "22"} and data.split("test")[0].read()[1].all()
    assert "published test part" in data.protocol
    (tmp_path / "test/1st_manual/01_manual1.gif").unlink()
    with pytest.raises(InputError, match=r"1 of 2 masks are missing.*'01'"):
        load_dataset(tmp_path)
    # The challenge keeps the test set's masks back.
    (tmp_path / "test/1st_manual/02_manual1.gif").unlink()
    assert set(load_dataset(tmp_path).splits) == {"train", "val"}


def test_pranet_holds_several_and_each_is_asked_for_by_name(tmp_path: Path) -> None:
    for kind in ("image", "mask"):
        train = ["cju1", "cju2", "cju3", "1", "2"]
        write(tmp_path, [f"TrainDataset/{kind}/{n}.png" for n in train], 255)
        for folder, n in (("Kvasir", "cju9"), ("CVC-ClinicDB", "1"), ("CVC-300", "7")):
            for name in (n, f"{n}0"):
                write(tmp_path, [f"TestDataset/{folder}/{kind}s/{name}.png"], 255)
    with pytest.raises(InputError, match="kvasir-seg, cvc-clinicdb, cvc-300; choose"):
        load_dataset(tmp_path)
    kvasir = load_dataset(Path(f"kvasir-seg:{tmp_path}"))
    assert {s.name for s in kvasir.split("test")} == {"cju9", "cju90"}
    assert len(kvasir.split("train")) == 2 and len(kvasir.split("val")) == 1
    # Training and test number their images alike; they stay two images.
    clinic = load_dataset(Path(f"cvc-clinicdb:{tmp_path}"))
    assert {s.image.parts[-3] for s in clinic.split("test")} == {"CVC-ClinicDB"}
    assert len(clinic.split("train")) + len(clinic.split("val")) == 2
    assert list(load_dataset(Path(f"cvc-300:{tmp_path}")).splits) == ["test"]
    with pytest.raises(UnknownNameError, match="kvasir-seg"):
        load_dataset(Path(f"kvasir:{tmp_path}"))
    # One test set of it is a plain folder, too.
    assert len(load_dataset(tmp_path / "TestDataset" / "Kvasir").split("all")) == 2


def test_what_is_expected_is_said(tmp_path: Path) -> None:
    write(tmp_path, ["pictures/a.png"], 3)
    with pytest.raises(InputError, match=r"images/ and masks/.*holds pictures/"):
        load_dataset(tmp_path)
    with pytest.raises(InputError, match=r"DRIVE.*training/images/21_training"):
        load_dataset(Path(f"drive:{tmp_path}"))


def camus(root: Path, suffix: str) -> list[str]:
    """Paths of three patients, one view, two instants."""
    return [
        f"database_nifti/patient000{p}/patient000{p}_2CH_{at}{suffix}"
        for p in (1, 2, 3)
        for at in ("ED", "ES")
    ]


def test_camus_needs_nibabel_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (*camus(tmp_path, ".nii.gz"), *camus(tmp_path, "_gt.nii.gz")):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"")
    monkeypatch.setitem(sys.modules, "nibabel", None)
    with pytest.raises(InputError, match=r"nibabel.*napari-attnseg\[nifti\]"):
        load_dataset(tmp_path).split("all")[0].read()


def test_camus_keeps_patients_together(tmp_path: Path) -> None:
    nibabel = pytest.importorskip("nibabel")
    labels = np.zeros((8, 10), np.uint8)
    labels[1:3], labels[3:5], labels[5, 2:4] = 1, 2, 3
    for path in camus(tmp_path, ".nii.gz"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        for name, values in ((path, labels * 80), (path[:-7] + "_gt.nii.gz", labels)):
            # NIfTI's first axis is x.
            image = nibabel.Nifti1Image(values.T, np.eye(4))
            nibabel.save(image, tmp_path / name)
    data = load_dataset(tmp_path)
    assert data.name == "camus" and len(data.classes) == 3
    rgb, mask = data.split("all")[0].read()
    np.testing.assert_array_equal(mask, labels)
    assert rgb.shape == (8, 10, 3)
    assert len({s.name[:11] for s in data.split("val")}) == 1
    assert len(data.split("val")) == 2
    # The provider's lists name patients.
    lists = tmp_path / "database_split"
    lists.mkdir()
    for kind, patient in (("training", 1), ("validation", 2), ("testing", 3)):
        (lists / f"subgroup_{kind}.txt").write_text(f"patient000{patient}\n")
    data = load_dataset(tmp_path)
    found = {split: {s.name[:11] for s in data.split(split)} for split in data.splits}
    assert found == {
        "train": {"patient0001"},
        "val": {"patient0002"},
        "test": {"patient0003"},
    }


def test_groups_are_carved_whole() -> None:
    names = tuple(f"patient{p:02d}_{at}" for p in range(20) for at in "abc")
    train, val = carve(names, 0, r"patient\d+")
    assert len(val) == 6 and not {n[:9] for n in train} & {n[:9] for n in val}
