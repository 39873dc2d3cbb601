"""Series of several patients have one number, and so one name of their results."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from medical_files import dicom_file

from napari_attnseg.batch import segment_files
from napari_attnseg.errors import InputError


def test_results_of_another_series_of_that_number_are_not_replaced(
    tmp_path: Path, tiny_weights: Path
) -> None:
    rng = np.random.default_rng(0)
    for patient, uid in (("one", "1.2.3.1"), ("two", "1.2.3.2")):
        for i in range(2):
            pixels = rng.integers(0, 255, (32, 40), np.uint8)
            more = {"SeriesInstanceUID": uid, "SeriesNumber": 7}
            path = tmp_path / patient / f"{i}.dcm"
            dicom_file(path, pixels, InstanceNumber=i, **more)
    how = (tmp_path / "out", tiny_weights, "cpu")
    for _ in range(2):  # its own results are replaced
        done = segment_files([tmp_path / "one"], *how, overlay=False)
        assert [one.error for one in done] == [None, None]
    table = (tmp_path / "out" / "US-series-7_frames.csv").read_bytes()
    with pytest.raises(InputError, match=r"US-series-7\.json would be replaced"):
        list(segment_files([tmp_path / "two"], *how, overlay=False))
    assert (tmp_path / "out" / "US-series-7_frames.csv").read_bytes() == table
