"""Areas in mm² of images that say how large a pixel is."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from attnseg_training.datasets import load_dataset
from attnseg_training.datasets.nifti import Spacing
from attnseg_training.evaluation.areas import area_summary, areas, pixel_mm2
from attnseg_training.evaluation.evaluate import evaluate
from napari_attnseg.metrics import Confusion


@pytest.mark.parametrize(
    ("unit", "expected"),
    [("mm", 0.4), ("micron", 0.4e-6), ("meter", 0.4e6), ("unknown", np.nan)],
)
def test_the_unit_counts(unit: str, expected: float) -> None:
    spacing = Spacing(0.8, 0.5, unit)
    assert pixel_mm2(spacing) == pytest.approx(expected, nan_ok=True)
    assert np.isnan(pixel_mm2(None))


def test_areas_are_pixels_times_their_size() -> None:
    counts = [Confusion(10, 20, 30, 40), Confusion(1, 1, 1, 1)]
    assert areas(counts[0], 0.5) == (20, 15)
    assert area_summary(counts, [0.5, np.nan]) == {
        "areas": {"n": 1, "area_mm2": 20, "found_mm2": 15}
    }
    assert area_summary(counts, [np.nan, np.nan]) == {}


def test_evaluate_gives_areas_of_nifti_images(
    tmp_path: Path, tiny_weights: Path
) -> None:
    nibabel = pytest.importorskip("nibabel")
    mask = np.zeros((40, 30, 1), np.uint8)
    mask[5:15, 5:10] = 1
    for part in ("images", "masks"):
        (tmp_path / part).mkdir()
        for name in "ab":
            image = nibabel.Nifti1Image(mask, np.diag([0.5, 0.8, 2, 1]))
            if name == "a":
                image.header.set_xyzt_units("mm")
            nibabel.save(image, tmp_path / part / f"{name}.nii.gz")
    report = evaluate(tiny_weights, load_dataset(tmp_path), "all", "cpu")
    first, second = csv.DictReader(io.StringIO(report.to_csv()))
    assert float(first["area_mm2"]) == pytest.approx(50 * 0.5 * 0.8)
    found = np.count_nonzero(report.mask(0, (30, 40)))
    assert float(first["found_mm2"]) == pytest.approx(found * 0.5 * 0.8)
    assert second["area_mm2"] == second["found_mm2"] == "nan"
    assert report.summary()["areas"] == {
        "n": 1,
        "area_mm2": pytest.approx(20),
        "found_mm2": pytest.approx(found * 0.4),
    }
