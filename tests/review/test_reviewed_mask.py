"""Masks of results that were saved inverted are not shown as if they were right."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from made_series import SHAPE, square, write_results
from PIL import Image

from napari_attnseg.errors import InputError
from napari_attnseg.io.results import Results, save_results
from napari_attnseg.results import Segmentation
from napari_attnseg.review.case import Case
from napari_attnseg.review.cases import find_cases
from napari_attnseg.review.reviewed_mask import reviewed_mask


def test_an_inverted_mask_of_an_image_is_refused(tmp_path: Path) -> None:
    folder = write_results(tmp_path, {"a": None, "b": None})
    inverted = Image.fromarray((1 - square(0)) * 255)
    inverted.save(folder / "a_mask.png")
    first, second = find_cases(folder).cases
    with pytest.raises(InputError, match=r"a_mask\.png, but .* saved inverted"):
        reviewed_mask(first)
    read = reviewed_mask(second)
    assert read is not None and not read.assumed
    np.testing.assert_array_equal(read.labels, square(1))
    # Without what was found it cannot be told, and is reviewed as before.
    (folder / "a_probability.tif").unlink()
    read = reviewed_mask(first)
    assert read is not None and read.labels.mean() > 0.5


def test_an_inverted_slice_of_a_stack_is_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "s.tif", np.zeros((2, *SHAPE), np.uint8))
    found = [
        Segmentation(
            square(i),
            np.where(square(i), 0.9, 0.1)[None].astype(np.float32),
            (),
            {"image_sha256": str(i), "mask_sha256": "", "threshold": 0.5},
        )
        for i in range(2)
    ]
    image = tmp_path / "s.tif"
    save_results(Results("s", str(image), found, 2, image=image), tmp_path / "out", "s")
    masks = np.stack([square(0), 1 - square(1)])
    tifffile.imwrite(tmp_path / "out" / "s_mask.tif", masks * 255)
    first, second = find_cases(tmp_path / "out").cases
    read = reviewed_mask(first)
    assert read is not None
    np.testing.assert_array_equal(read.labels, square(0))
    with pytest.raises(InputError, match="saved inverted"):
        reviewed_mask(second)


def test_an_inverted_frame_of_a_film_is_refused(tmp_path: Path) -> None:
    rows, columns = np.nonzero(square(3))
    table = tmp_path / "f_frames.csv"
    table.write_text(
        "frame,area_px,centre_row,centre_column\n"
        f"4,{len(rows)},{rows.mean()},{columns.mean()}\n"
    )
    mask = tmp_path / "frame_000004_mask.png"
    case = Case("f", tmp_path / "f.mp4", mask, mask_value=255, frame=4, table=table)
    Image.fromarray(square(3) * 255).save(mask)
    read = reviewed_mask(case)
    assert read is not None and not read.assumed
    Image.fromarray((1 - square(3)) * 255).save(mask)
    with pytest.raises(InputError, match="saved inverted"):
        reviewed_mask(case)


def test_all_where_nothing_was_found_is_told(tmp_path: Path) -> None:
    folder = write_results(tmp_path, {"a": None})
    tifffile.imwrite(folder / "a_probability.tif", np.zeros(SHAPE, np.float32))
    Image.fromarray(np.full(SHAPE, 255, np.uint8)).save(folder / "a_mask.png")
    facts = json.loads((folder / "a.json").read_text())
    facts["provenance"]["mask_sha256"] = ""
    (folder / "a.json").write_text(json.dumps(facts))
    (case,) = find_cases(folder).cases
    read = reviewed_mask(case)
    assert read is not None and "saved inverted" in read.assumed
