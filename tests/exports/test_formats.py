"""Masks as COCO, NIfTI and plain PNG are read again as they were."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from typer.testing import CliRunner

from napari_attnseg.cli import app
from napari_attnseg.errors import InputError
from napari_attnseg.exports import MaskSeries
from napari_attnseg.exports.coco import coco_json, repeated_words, run_lengths
from napari_attnseg.exports.masks import class_names
from napari_attnseg.exports.record import RECORD
from napari_attnseg.exports.volumes import nifti_bytes, png_files
from napari_attnseg.io.readers import open_frames
from napari_attnseg.io.results import Results, save_results
from napari_attnseg.objects.descriptors import PixelSize
from napari_attnseg.results import Segmentation


def masks(count: int = 1) -> NDArray[np.uint8]:
    found = np.zeros((count, 20, 30), np.uint8)
    found[:, 2:6, 3:9] = 1
    found[:, 12:18, 20:] = 2
    found[-1, 12:15, 4:5] = 1
    return found


def decoded(code: dict[str, Any]) -> NDArray[np.bool_]:
    """As pycocotools decodes uncompressed run lengths: columns first, 0 first."""
    height, width = code["size"]
    values = np.arange(len(code["counts"])) % 2
    flat = np.repeat(values, code["counts"])
    return flat.reshape(width, height).T.astype(bool)


@pytest.mark.parametrize("seed", range(3))
def test_run_lengths_are_those_of_coco(seed: int) -> None:
    mask = np.random.default_rng(seed).random((5, 7)) < 0.5
    mask[0, 0] = bool(seed)
    np.testing.assert_array_equal(decoded(run_lengths(mask)), mask)
    empty = np.zeros((2, 3), bool)
    assert run_lengths(empty) == {"size": [2, 3], "counts": [6]}
    assert run_lengths(~empty) == {"size": [2, 3], "counts": [0, 6]}


def test_results_of_one_image_under_two_names_are_told() -> None:
    def of(stem: str, sha256: str, frames: tuple[int, ...] | None = None) -> MaskSeries:
        facts = {"image_sha256": sha256}
        return MaskSeries(stem, masks(), frames, ("a", "b"), facts, image=Path("x.tif"))

    assert repeated_words([of("a", "1"), of("b", "2")]) == ""
    said = repeated_words([of("a", "1"), of("b", "2"), of("c", "1")])
    assert said.startswith("a and c are results of one image, which is in annotations")
    # A film is known by its file.
    assert "f and g" in repeated_words([of("f", "", (0,)), of("g", "", (0,))])


def test_coco_has_an_annotation_per_object() -> None:
    series = [
        MaskSeries("a", masks(), None, ("polyp", "tool"), image=Path("x/a.jpg")),
        MaskSeries("b", masks(2), (4, 7), ("tool", "polyp")),
    ]
    found = json.loads(coco_json(series))
    names = {one["id"]: one["name"] for one in found["categories"]}
    assert names == {1: "polyp", 2: "tool"}
    images = {one["id"]: one["file_name"] for one in found["images"]}
    assert images == {1: "a.jpg", 2: "b#4", 3: "b#7"}
    assert len({one["id"] for one in found["annotations"]}) == 3 + 2 + 3
    for number, series_mask, classes in (
        (1, masks()[0], ("polyp", "tool")),
        (3, masks(2)[1], ("tool", "polyp")),
    ):
        whole = np.zeros_like(series_mask)
        for one in found["annotations"]:
            if one["image_id"] != number:
                continue
            inside = decoded(one["segmentation"])
            whole[inside] = classes.index(names[one["category_id"]]) + 1
            rows, columns = np.nonzero(inside)
            left, top, width, height = one["bbox"]
            assert (left, top) == (columns.min(), rows.min())
            assert (width, height) == (np.ptp(columns) + 1, np.ptp(rows) + 1)
            assert one["area"] == inside.sum()
        np.testing.assert_array_equal(whole, series_mask)


def test_nifti_lies_where_its_source_does(tmp_path: Path) -> None:
    affine = np.array([[-0.5, 0, 0, 9], [0, -0.7, 0, 8], [0, 0, 3, 7], [0, 0, 0, 1.0]])
    source = tmp_path / "v.nii.gz"
    values = np.random.default_rng(0).random((30, 20, 4)).astype(np.float32)
    nibabel.save(nibabel.Nifti1Image(values, affine), source)
    one = MaskSeries("v", masks(2), (1, 3), ("a", "b"), image=source)
    path = tmp_path / "m.nii.gz"
    path.write_bytes(nifti_bytes(one))
    read: Any = nibabel.load(path)
    np.testing.assert_allclose(read.affine, affine, atol=1e-6)
    # Slices that were not segmented are 0, and the others where they were.
    with open_frames(path) as frames:
        assert [frames[i].max() for i in range(4)] == [0, 2, 0, 2]
        np.testing.assert_array_equal(frames[3], masks(2)[1])


@pytest.mark.parametrize("single", [0, 1])
def test_nifti_keeps_an_axis_of_length_1(tmp_path: Path, single: int) -> None:
    source = tmp_path / "v.nii.gz"
    values = np.expand_dims(masks()[0].T.astype(np.float32), single)
    nibabel.save(nibabel.Nifti1Image(values, np.diag([2, 3, 4, 1.0])), source)
    with open_frames(source) as frames:
        facts = {"file_facts": frames.facts.to_provenance()}
    one = MaskSeries("v", masks(), None, ("a", "b"), facts, image=source)
    path = tmp_path / "m.nii.gz"
    path.write_bytes(nifti_bytes(one))
    read: Any = nibabel.load(path)
    np.testing.assert_array_equal(read.get_fdata(), values)
    np.testing.assert_allclose(read.affine, np.diag([2, 3, 4, 1.0]))


def test_nifti_of_another_image_has_the_size_of_its_pixels(tmp_path: Path) -> None:
    path = tmp_path / "m.nii.gz"
    pixel = PixelSize(200, 500, "µm")
    path.write_bytes(
        nifti_bytes(MaskSeries("a", masks(), None, ("a", "b"), pixel=pixel))
    )
    with open_frames(path) as frames:
        assert frames.facts.unit == "mm"
        assert frames.facts.spacing == pytest.approx((0.2, 0.5))
        np.testing.assert_array_equal(frames[0], masks()[0])
    plain = nifti_bytes(MaskSeries("a", masks(), None, ("a", "b")))
    read = nibabel.Nifti1Image.from_bytes(gzip.decompress(plain))
    assert read.header.get_xyzt_units()[0] == "unknown"


def test_labels_beside_the_classes_have_a_name_and_large_ones_no_room() -> None:
    assert class_names({"classes": ["polyp"]}, masks()) == ("polyp", "label 2")
    with pytest.raises(InputError, match="up to 255 in a mask, but one has 300"):
        class_names({"classes": ["polyp"]}, np.full((1, 2, 2), 300))


def test_png_of_labels(tmp_path: Path) -> None:
    found = png_files(MaskSeries("a", masks(2), (0, 5), ("a", "b")))
    assert list(found) == ["a_000000_labels.png", "a_000005_labels.png"]
    path = tmp_path / "x.png"
    path.write_bytes(found["a_000005_labels.png"])
    np.testing.assert_array_equal(np.asarray(Image.open(path)), masks(2)[1])


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("coco", "annotations.json"),
        ("nifti", "a_labels.nii.gz"),
        ("labels-png", "a_labels.png"),
    ],
)
def test_the_command_writes_each_kind(tmp_path: Path, kind: str, name: str) -> None:
    mask = masks()[0]
    run = Segmentation(
        mask, np.zeros((2, 20, 30), np.float32), (), {"classes": ["a", "b"]}
    )
    save_results(Results("a", "a", [run]), tmp_path / "r", "a")
    words = ["export", str(tmp_path / "r"), "--out", str(tmp_path / "o")]
    done = CliRunner().invoke(app, [*words, "--format", kind], catch_exceptions=False)
    assert done.exit_code == 0 and "1 of 1 results exported: 1 file " in done.stderr
    assert {path.name for path in (tmp_path / "o").iterdir()} == {name, RECORD}
    done = CliRunner().invoke(
        app, [*words[:1], str(tmp_path), *words[2:], "--format", kind]
    )
    assert "there are none" in str(done.exception)
