"""Masks of a DICOM SEG on the slices of a series, by image or by place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from medical_files import dicom_file

from attnseg_training.datasets.seg_masks import seg_masks
from napari_attnseg.errors import InputError
from napari_attnseg.io.readers.sets import set_of

H, W, COUNT = 24, 40, 8
SERIES, REFERENCE = "1.2.3.4", "1.2.3.9"


def mask_of(number: int) -> np.ndarray:
    mask = np.zeros((H, W), np.uint8)
    mask[2 + number : 20, 5 : 30 - number] = 1
    return mask


def items(*each: dict[str, Any]) -> Any:
    from pydicom import Dataset

    found = []
    for one in each:
        found.append(Dataset())
        for name, value in one.items():
            setattr(found[-1], name, value)
    return found


def place(number: int) -> dict[str, Any]:
    return {"ImagePositionPatient": [-100, -80, 3.0 * number]}


ALONG = {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}
PIXELS = {"PixelSpacing": [0.7, 0.6], "SliceThickness": 3}


def ct_series(folder: Path, **more: Any) -> Path:
    """Slices whose files follow each other against their positions."""
    for i in range(COUNT):
        facts = {
            **place(i),
            **ALONG,
            **PIXELS,
            "FrameOfReferenceUID": REFERENCE,
            **more,
        }
        facts |= {"SeriesInstanceUID": SERIES, "SOPInstanceUID": f"1.2.3.4.{i + 1}"}
        pixels = np.full((H, W), 100 * i, np.uint16)
        dicom_file(folder / f"{COUNT - i}.dcm", pixels, **facts)
    return folder


def seg_file(
    path: Path,
    slices: Sequence[int],
    source: Callable[[int], list[dict[str, Any]]] = lambda _: [],
    masks: Callable[[int], np.ndarray] = mask_of,
    **more: Any,
) -> Path:
    """As 3D Slicer and OHIF write it: one segment, a frame for each of some slices."""
    from pydicom.uid import SegmentationStorage

    frames = []
    for i in slices:
        group = {"PlanePositionSequence": items(place(i))}
        if source(i):
            made = items({"SourceImageSequence": items(*source(i))})
            group["DerivationImageSequence"] = made
        frames.append(group)
    shared = {"PlaneOrientationSequence": items(ALONG)}
    shared["PixelMeasuresSequence"] = items(more.pop("pixels", PIXELS))
    facts = {
        "SOPClassUID": SegmentationStorage,
        "SegmentationType": "BINARY",
        "NumberOfFrames": len(slices),
        "FrameOfReferenceUID": REFERENCE,
        "SharedFunctionalGroupsSequence": items(shared),
        "PerFrameFunctionalGroupsSequence": items(*frames),
        **more,
    }
    return dicom_file(path, np.stack([masks(i) for i in slices]), **facts)


def all_images(_: int) -> list[dict[str, Any]]:
    return [{"ReferencedSOPInstanceUID": f"1.2.3.4.{i + 1}"} for i in range(COUNT)]


def own_image(number: int) -> list[dict[str, Any]]:
    return all_images(0)[number : number + 1]


@pytest.mark.parametrize("slices", [range(COUNT), [6, 5, 4, 2], [3]])
@pytest.mark.parametrize("source", [lambda _: [], all_images, own_image])
def test_masks_lie_on_the_slices_of_their_images_or_of_their_places(
    tmp_path: Path, slices: Sequence[int], source: Callable
) -> None:
    pytest.importorskip("pydicom")
    images = set_of(ct_series(tmp_path / "ct"))
    named = items({"SeriesInstanceUID": SERIES})
    seg = seg_file(tmp_path / "seg.dcm", slices, source, ReferencedSeriesSequence=named)
    found = seg_masks([seg], images)
    assert sorted(found) == sorted(slices)
    for i in slices:
        np.testing.assert_array_equal(found[i], mask_of(i))


def test_masks_of_an_image_of_several_frames_lie_at_their_places(
    tmp_path: Path,
) -> None:
    """The file of all slices is named, but not the frame."""
    pytest.importorskip("pydicom")
    frames = [{"PlanePositionSequence": items(place(i))} for i in range(COUNT)]
    shared = {"PlaneOrientationSequence": items(ALONG)}
    shared["PixelMeasuresSequence"] = items(PIXELS)
    image = dicom_file(
        tmp_path / "ct.dcm",
        np.zeros((COUNT, H, W), np.uint16),
        SOPInstanceUID="1.2.3.4.1",
        FrameOfReferenceUID=REFERENCE,
        SharedFunctionalGroupsSequence=items(shared),
        PerFrameFunctionalGroupsSequence=items(*frames),
    )
    seg = seg_file(tmp_path / "seg.dcm", [5, 2], lambda _: own_image(0))
    found = seg_masks([seg], set_of(image))
    assert sorted(found) == [2, 5]
    np.testing.assert_array_equal(found[5], mask_of(5))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"FrameOfReferenceUID": "1.2.3.8"}, "FrameOfReferenceUID"),
        ({"pixels": {"PixelSpacing": [0.7, 0.65]}}, "none of the given slices"),
        ({"masks": lambda i: mask_of(i)[:-1]}, "none of the given slices"),
        ({"slices": [1.4]}, r"none of the given slices .* \(-100, -80, 4.2 mm\)"),
        ({"slices": [COUNT]}, "none of the given slices"),
        (
            {"ReferencedSeriesSequence": [{"SeriesInstanceUID": "1.9"}]},
            "another series",
        ),
        ({"slices": [2, 2]}, "of one segment have the same"),
        ({"source": lambda _: [{"ReferencedSOPInstanceUID": "1.9"}]}, "not among"),
        ({"PerFrameFunctionalGroupsSequence": []}, "of one segment have the same"),
    ],
)
def test_masks_of_other_images_are_refused(
    tmp_path: Path, more: dict[str, Any], words: str
) -> None:
    pytest.importorskip("pydicom")
    images = set_of(ct_series(tmp_path / "ct"))
    given = {"slices": [4, 3], "masks": lambda _: mask_of(0), **more}
    series = given.get("ReferencedSeriesSequence")
    if series:
        given["ReferencedSeriesSequence"] = items(*series)
    seg = seg_file(tmp_path / "seg.dcm", **given)
    with pytest.raises(InputError, match=words):
        seg_masks([seg], images)


def test_two_masks_of_a_slice_and_slices_at_one_place_are_refused(
    tmp_path: Path,
) -> None:
    pytest.importorskip("pydicom")
    images = set_of(ct_series(tmp_path / "ct"))
    segs = [seg_file(tmp_path / f"{i}.dcm", [2, 3 + i]) for i in range(2)]
    with pytest.raises(InputError, match=r"1\.dcm has a further one of frame 2 of"):
        seg_masks(segs, images)
    phases = set_of(ct_series(tmp_path / "phases", **place(2)))
    with pytest.raises(InputError, match="8 of the given slices lie at the place"):
        seg_masks(segs[:1], phases)
