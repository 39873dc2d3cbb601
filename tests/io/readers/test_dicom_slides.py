"""Whole slides in DICOM: tiles are no frames, labels are no images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from medical_files import PATIENT, dicom_file
from pydicom.uid import SegmentationStorage, VLWholeSlideMicroscopyImageStorage
from typer.testing import CliRunner

from napari_attnseg.batch.base import not_images
from napari_attnseg.cli import app
from napari_attnseg.errors import InputError
from napari_attnseg.io.readers import find_sets, open_frames, read_picture
from napari_attnseg.io.readers.dicom_seg import read_segmentation

TILES = np.random.default_rng(0).integers(0, 256, (9, 32, 32, 3), np.uint8)


def slide(path: Path, tiles: Any, kind: str, size: tuple[int, int]) -> Path:
    return dicom_file(
        path,
        tiles,
        "RGB",
        SOPClassUID=VLWholeSlideMicroscopyImageStorage,
        SeriesInstanceUID="1.2.3",
        Modality="SM",
        ImageType=["ORIGINAL", "PRIMARY", kind, "NONE"],
        TotalPixelMatrixRows=size[0],
        TotalPixelMatrixColumns=size[1],
        DimensionOrganizationType="TILED_FULL",
    )


@pytest.mark.parametrize(
    ("tiles", "size"),
    [(TILES, (76, 88)), (TILES[:1], (20, 32)), (TILES[0], (64, 64)), (TILES, (32, 32))],
)
def test_tiles_are_no_frames(
    tmp_path: Path, tiles: Any, size: tuple[int, int], tiny_weights: Path
) -> None:
    path = slide(tmp_path / "in" / "DCM_0.dcm", tiles, "VOLUME", size)
    with pytest.raises(InputError, match=f"slide of {size[1]} × {size[0]} pixels") as e:
        open_frames(path)
    assert "export a region of the slide as TIFF or PNG" in str(e.value)
    words = ["segment", str(path.parent), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, [*words, "--weights", str(tiny_weights)])
    assert done.exit_code == 2 and "0 of 1 images segmented" in done.stderr
    assert "a whole slide" in done.stderr and "Quimby" not in done.output


def test_tiles_without_the_size_of_the_slide_are_refused(tmp_path: Path) -> None:
    uid = VLWholeSlideMicroscopyImageStorage
    path = dicom_file(tmp_path / "a.dcm", TILES, "RGB", SOPClassUID=uid)
    with pytest.raises(InputError, match="a whole slide as tiles of 32 × 32"):
        open_frames(path)


def test_a_level_in_one_piece_is_an_image(tmp_path: Path) -> None:
    path = slide(tmp_path / "a.dcm", TILES[0], "VOLUME", (32, 32))
    np.testing.assert_array_equal(read_picture(path).pixels, TILES[0])


@pytest.mark.parametrize("kind", ["LABEL", "OVERVIEW", "THUMBNAIL"])
def test_labels_of_slides_are_left_out_and_counted(tmp_path: Path, kind: str) -> None:
    level = slide(tmp_path / "a.dcm", TILES[0], "VOLUME", (32, 32))
    label = slide(tmp_path / "b.dcm", TILES[1], kind, (32, 32))
    (only,) = find_sets([tmp_path])
    assert only.paths == (level,)
    assert not_images([tmp_path], [level]) == {"beside_slide": 1}
    with pytest.raises(InputError, match=r"leave it out") as refused:
        open_frames(label)
    assert PATIENT not in str(refused.value)
    level.unlink()
    with pytest.raises(InputError, match="1 label, overview or thumbnail of a slide l"):
        find_sets([tmp_path])


def test_a_dicom_seg_of_tiles_is_refused(tmp_path: Path) -> None:
    masks = np.zeros((4, 8, 8), np.uint8)
    path = dicom_file(
        tmp_path / "seg.dcm",
        masks,
        SOPClassUID=SegmentationStorage,
        SegmentationType="LABELMAP",
        TotalPixelMatrixRows=16,
        TotalPixelMatrixColumns=16,
    )
    with pytest.raises(InputError, match="the DICOM SEG holds a whole slide of 16 ×"):
        read_segmentation(path)
