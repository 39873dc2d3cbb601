"""DICOM images beside PNG masks: read as ``attnseg segment`` reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from medical_files import dicom_file
from PIL import Image
from pydicom.uid import VLWholeSlideMicroscopyImageStorage

from attnseg_training.datasets import load_dataset
from attnseg_training.datasets.nifti import Spacing
from napari_attnseg.errors import InputError
from napari_attnseg.intensity import DEFAULT_PERCENTILES, Percentiles
from napari_attnseg.io.readers import read_picture
from napari_attnseg.io.readers.window import rule_for
from napari_attnseg.preprocessing import to_rgb

WINDOW = {"WindowCenter": 40, "WindowWidth": 401, "PixelSpacing": [0.5, 0.25]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    (tmp_path / "masks").mkdir()
    for i, name in enumerate(("a.dcm", "b.dcm", "c")):  # archives give no suffix
        stored = rng.integers(-900, 2000, (40, 48)).astype(np.int16)
        dicom_file(tmp_path / "images" / name, stored, **WINDOW)
        mask = np.zeros((40, 48), np.uint8)
        mask[5 + i : 20, 10:30] = 255
        Image.fromarray(mask).save(tmp_path / "masks" / f"{name[0]}.png")
    return tmp_path


def test_pairs_are_found_and_read(folder: Path) -> None:
    dataset = load_dataset(folder)
    samples = {s.name: s for split in dataset.splits.values() for s in split}
    assert sorted(samples) == ["a", "b", "c"]
    rule = Percentiles(*DEFAULT_PERCENTILES)
    for sample in samples.values():
        rgb, mask = sample.read(rule)
        assert (rgb.shape, mask.shape) == ((40, 48, 3), (40, 48))
        found = read_picture(sample.image)
        stored = found.pixels.astype(float)
        # (40 - 0.5) ± 200, PS3.3 C.11.2.1.2.1.
        expected = np.clip((stored - -160.5) / 400, 0, 1) * 255
        np.testing.assert_allclose(rgb[..., 0], expected, atol=0.51)
        seen, _ = to_rgb(found.pixels, intensity=rule_for(found.facts, rule))
        np.testing.assert_array_equal(rgb, (seen * 255).round().astype(np.uint8))
        assert sample.spacing == Spacing(0.5, 0.25, "mm")
    assert mask.any()


def test_several_frames_are_refused(folder: Path) -> None:
    frames = np.zeros((3, 40, 48), np.uint8)
    path = dicom_file(folder / "images" / "a.dcm", frames)
    dataset = load_dataset(folder)
    samples = {s.name: s for split in dataset.splits.values() for s in split}
    assert samples["a"].image == path
    with pytest.raises(InputError, match="holds 3 frames"):
        samples["a"].read()


def test_slides_and_their_labels_are_refused(folder: Path) -> None:
    pixels = np.zeros((2, 40, 48), np.uint8)
    said = {
        "SOPClassUID": VLWholeSlideMicroscopyImageStorage,
        "TotalPixelMatrixRows": 40,
        "TotalPixelMatrixColumns": 96,
    }
    dicom_file(folder / "images" / "a.dcm", pixels, **said)
    kind = ["ORIGINAL", "PRIMARY", "LABEL"]
    dicom_file(folder / "images" / "b.dcm", pixels[0], ImageType=kind, **said)
    splits = load_dataset(folder).splits
    samples = {s.name: s for split in splits.values() for s in split}
    with pytest.raises(InputError, match="a whole slide of 96 × 40 pixels as tiles"):
        samples["a"].read()
    with pytest.raises(InputError, match=r"the label of a slide.*leave it out"):
        samples["b"].read()
