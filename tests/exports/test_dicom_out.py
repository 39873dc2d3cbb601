"""DICOM SEG and SR that are written are read again by pydicom and highdicom."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pydicom
import pytest
from medical_files import PATIENT, PATIENT_ID, dicom_file
from numpy.typing import NDArray
from pydicom.uid import (
    CTImageStorage,
    EnhancedCTImageStorage,
    UltrasoundMultiFrameImageStorage,
    VLEndoscopicImageStorage,
    generate_uid,
)
from typer.testing import CliRunner

from napari_attnseg.cli import app
from napari_attnseg.errors import InputError
from napari_attnseg.exports import MaskSeries
from napari_attnseg.exports.dicom import dicom_files
from napari_attnseg.exports.dicom_codes import parse_codes
from napari_attnseg.hashing import array_sha256
from napari_attnseg.io.frame_parts import FrameParts
from napari_attnseg.io.results import Results, save_results
from napari_attnseg.io.stack_results import StackNames, StackResults
from napari_attnseg.objects.descriptors import PixelSize
from napari_attnseg.results import Segmentation

RUN = {"model": "compact", "weights_sha256": "a1" * 32, "threshold": 0.4}
STUDY = generate_uid()
#: PS3.3, what a SEG has in any case (A.51.3: type 1 and 2 of its modules).
REQUIRED = [
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "Modality",
    "SeriesNumber",
    "InstanceNumber",
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "StudyID",
    "ReferringPhysicianName",
    "Manufacturer",
    "ManufacturerModelName",
    "DeviceSerialNumber",
    "SoftwareVersions",
    "ContentDate",
    "ContentTime",
    "ImageType",
    "Rows",
    "Columns",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PixelRepresentation",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "LossyImageCompression",
    "SegmentationType",
    "SegmentSequence",
    "ContentLabel",
    "ContentDescription",
    "ContentCreatorName",
    "NumberOfFrames",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    "DimensionOrganizationSequence",
    "DimensionIndexSequence",
    "ReferencedSeriesSequence",
    "PixelData",
]


def endoscopy(path: Path, frames: int | None = None, seed: int = 0) -> Path:
    """An image, or frames, of no place in the body."""
    shape = (40, 60, 3) if frames is None else (frames, 40, 60, 3)
    kind = VLEndoscopicImageStorage if frames is None else None
    return dicom_file(
        path,
        np.random.default_rng(seed).integers(0, 255, shape, np.uint8),
        "RGB",
        SOPClassUID=kind or UltrasoundMultiFrameImageStorage,
        StudyInstanceUID=STUDY,
        Modality="ES",
        SeriesNumber=1,
        **({} if frames is None else {"FrameTime": 40}),
    )


def ct(folder: Path) -> Path:
    """A series of three slices, 3 mm apart, pixels of 0.5 mm × 0.7 mm."""
    series, frame = generate_uid(), generate_uid()
    for i in range(3):
        dicom_file(
            folder / f"{i}.dcm",
            np.random.default_rng(i).integers(0, 2000, (40, 60), np.uint16),
            SOPClassUID=CTImageStorage,
            Modality="CT",
            StudyInstanceUID=STUDY,
            SeriesInstanceUID=series,
            FrameOfReferenceUID=frame,
            PositionReferenceIndicator="",
            PixelSpacing=[0.5, 0.7],
            SliceThickness=3,
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            ImagePositionPatient=[0, 0, 3 * i],
            # Slices are in order of their places, whatever files are called.
            InstanceNumber=3 - i,
            SeriesNumber=2,
        )
    return folder


def square(count: int = 1, *where: int) -> NDArray[np.uint8]:
    masks = np.zeros((count, 40, 60), np.uint8)
    for i in where or range(count):
        masks[i, 10:20, 20 + i : 40] = 1
    return masks


def read(data: bytes) -> Any:
    return pydicom.dcmread(io.BytesIO(data))


def areas(data: bytes) -> list[tuple[str, float, str]]:
    """Tracking identifier, area and unit of each group of a report, by highdicom."""
    content = hd.sr.srread(io.BytesIO(data)).content
    found = []
    for group in content.get_planar_roi_measurement_groups():
        (area,) = group.get_measurements()
        assert area.name.value == "42798000"
        name = str(group.tracking_identifier)
        found.append((name, float(area.value), area.unit.value))
    return found


def test_an_image_without_a_place_in_the_body(tmp_path: Path) -> None:
    file = endoscopy(tmp_path / "e.dcm")
    source = read(file.read_bytes())
    masks = square()
    found = dicom_files(MaskSeries("e", masks, None, ("polyp",), RUN, image=file))
    assert set(found) == {"e_seg.dcm", "e_sr.dcm"}
    seg = read(found["e_seg.dcm"])
    assert [name for name in REQUIRED if name not in seg] == []
    assert seg.SegmentationType == "BINARY" and seg.BitsAllocated == 1
    (segment,) = seg.SegmentSequence
    assert segment.SegmentLabel == "polyp"
    assert segment.SegmentAlgorithmType == "AUTOMATIC"
    (kind,) = segment.SegmentedPropertyTypeCodeSequence
    assert (kind.CodingSchemeDesignator, kind.CodeValue) == ("SCT", "68496003")
    (how,) = segment.SegmentationAlgorithmIdentificationSequence
    assert how.AlgorithmName == "napari-attnseg compact"
    assert how.AlgorithmVersion == "a1" * 32
    assert how.AlgorithmParameters == "threshold=0.4"
    (instance,) = seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    assert instance.ReferencedSOPInstanceUID == source.SOPInstanceUID
    assert instance.ReferencedSOPClassUID == VLEndoscopicImageStorage
    assert seg.StudyInstanceUID == STUDY
    pixels = hd.seg.segread(
        io.BytesIO(found["e_seg.dcm"])
    ).get_pixels_by_source_instance([source.SOPInstanceUID], combine_segments=True)
    np.testing.assert_array_equal(pixels, masks)
    # The image says no size of a pixel.
    assert areas(found["e_sr.dcm"]) == [("polyp", 200.0, "{pixels}")]
    report = read(found["e_sr.dcm"])
    assert report.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    assert report.VerificationFlag == "UNVERIFIED"
    evidence = report.CurrentRequestedProcedureEvidenceSequence[0]
    named = {
        one.ReferencedSOPInstanceUID
        for series in evidence.ReferencedSeriesSequence
        for one in series.ReferencedSOPSequence
    }
    assert {seg.SOPInstanceUID, source.SOPInstanceUID} <= named


def test_a_series_with_places_is_one_seg(tmp_path: Path) -> None:
    masks = square(3, 1, 2)
    masks[2, 30:, 50:] = 2
    one = MaskSeries(
        *("ct", masks, (0, 1, 2), ("lesion", "liver"), RUN),
        pixel=PixelSize(0.5, 0.7, "mm"),
    )
    codes = parse_codes(["Liver=SCT,10200004,Liver,anatomy"])
    found = dicom_files(one, [ct(tmp_path / "ct")], codes)
    seg = read(found["ct_seg.dcm"])
    assert int(seg.NumberOfFrames) == 3 and "FrameOfReferenceUID" in seg
    categories = [
        one.SegmentedPropertyCategoryCodeSequence[0].CodeValue
        for one in seg.SegmentSequence
    ]
    assert categories == ["49755003", "123037004"]
    names = [tmp_path / "ct" / f"{i}.dcm" for i in range(3)]
    uids = [read(name.read_bytes()).SOPInstanceUID for name in names]
    pixels = hd.seg.segread(
        io.BytesIO(found["ct_seg.dcm"])
    ).get_pixels_by_source_instance(
        uids, combine_segments=True, assert_missing_frames_are_empty=True
    )
    np.testing.assert_array_equal(pixels, masks)
    said = sorted(areas(found["ct_sr.dcm"]))
    assert said == [
        ("lesion, frame 1", pytest.approx(190 * 0.35), "mm2"),
        ("lesion, frame 2", pytest.approx(180 * 0.35), "mm2"),
        ("liver, frame 2", pytest.approx(100 * 0.35), "mm2"),
    ]


def test_a_file_of_slices_with_places_is_one_seg(tmp_path: Path) -> None:
    def group(**items: Any) -> pydicom.Dataset:
        found = pydicom.Dataset()
        for name, values in items.items():
            part = pydicom.Dataset()
            for key, value in values.items():
                setattr(part, key, value)
            setattr(found, f"{name}Sequence", [part])
        return found

    shared = group(
        PlaneOrientation={"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]},
        PixelMeasures={"PixelSpacing": [0.5, 0.5], "SliceThickness": 2},
    )
    places = [
        group(PlanePosition={"ImagePositionPatient": [0, 0, 2 * i]}) for i in range(4)
    ]
    file = dicom_file(
        tmp_path / "v.dcm",
        np.random.default_rng(0).integers(0, 2000, (4, 40, 60), np.uint16),
        SOPClassUID=EnhancedCTImageStorage,
        StudyInstanceUID=STUDY,
        Modality="CT",
        FrameOfReferenceUID=generate_uid(),
        PositionReferenceIndicator="",
        SharedFunctionalGroupsSequence=[shared],
        PerFrameFunctionalGroupsSequence=places,
    )
    one = MaskSeries("v", square(2), (0, 2), ("lesion",), RUN, image=file)
    found = dicom_files(one)
    seg = read(found["v_seg.dcm"])
    assert seg.ContentDescription == "Research use; 2 of 4 frames were segmented"
    frames = [
        group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedFrameNumber
        for group in seg.PerFrameFunctionalGroupsSequence
    ]
    assert sorted(map(int, frames)) == [1, 3]
    for frame, pixels in zip(frames, seg.pixel_array, strict=True):
        np.testing.assert_array_equal(pixels, square(2)[int(frame) // 2])
    said = {(name, area) for name, area, _ in areas(found["v_sr.dcm"])}
    assert said == {("lesion, frame 0", 200.0), ("lesion, frame 2", 190.0)}


def test_of_frames_without_places_each_is_a_seg(tmp_path: Path) -> None:
    file = endoscopy(tmp_path / "film.dcm", 5)
    masks = square(3, 1, 2)
    one = MaskSeries("film", masks, (0, 2, 4), ("polyp",), RUN, image=file, edited=True)
    found = dicom_files(one)
    assert set(found) == {"film_000002_seg.dcm", "film_000004_seg.dcm", "film_sr.dcm"}
    for i, frame in ((1, 2), (2, 4)):
        seg = read(found[f"film_{frame:06d}_seg.dcm"])
        group = seg.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0]
        (image,) = group.SourceImageSequence
        assert image.ReferencedFrameNumber == frame + 1  # DICOM counts from 1
        assert image.ReferencedSOPClassUID == UltrasoundMultiFrameImageStorage
        assert seg.SegmentSequence[0].SegmentAlgorithmType == "SEMIAUTOMATIC"
        np.testing.assert_array_equal(seg.pixel_array, masks[i])
    assert [name for name, *_ in areas(found["film_sr.dcm"])] == [
        "polyp, frame 2",
        "polyp, frame 4",
    ]
    with pytest.raises(InputError, match="Nothing was found in any of the 3 frames"):
        dicom_files(
            MaskSeries("film", masks * 0, (0, 2, 4), ("polyp",), RUN, image=file)
        )


def test_an_empty_mask_is_a_seg_and_no_report(tmp_path: Path) -> None:
    file = endoscopy(tmp_path / "e.dcm")
    one = MaskSeries("e", square() * 0, None, ("polyp",), RUN, image=file)
    (data,) = dicom_files(one).values()
    assert not read(data).pixel_array.any()


def test_who_the_patient_is_is_told_only_if_asked_for(tmp_path: Path) -> None:
    file = endoscopy(tmp_path / "e.dcm")
    one = MaskSeries("e", square(), None, ("polyp",), RUN, image=file)
    for data in dicom_files(one).values():
        assert b"Quimby" not in data and PATIENT_ID.encode() not in data
        assert read(data).PatientIdentityRemoved == "YES"
    for data in dicom_files(one, keep_identifiers=True).values():
        assert read(data).PatientName == PATIENT and read(data).PatientID == PATIENT_ID
        assert "PatientIdentityRemoved" not in read(data)


@pytest.mark.parametrize("text", ["liver", "liver=SCT,1", "a=SCT,1,b,organ", "a=,1,b"])
def test_a_code_that_is_written_otherwise_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="Expected a code as CLASS=SCHEME"):
        parse_codes([text])


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    file, other = (endoscopy(tmp_path / f"{i}.dcm", seed=i) for i in range(2))
    one = MaskSeries("e", square(), None, ("spleen",), RUN, image=file)
    with pytest.raises(InputError, match="Expected a code for the class 'spleen'"):
        dicom_files(one)
    pixels = read(file.read_bytes()).pixel_array
    facts = {**RUN, "image_sha256": array_sha256(pixels)}
    one = MaskSeries("e", square(), None, ("polyp",), facts)
    assert dicom_files(one, [file])
    with pytest.raises(InputError, match="does not hold the pixels"):
        dicom_files(one, [other])
    with pytest.raises(InputError, match="give the images with --source"):
        dicom_files(one)
    large = MaskSeries("e", np.zeros((1, 9, 9), np.uint8), None, ("polyp",), RUN)
    with pytest.raises(InputError, match="source has 1 of 40×60"):
        dicom_files(large, [file])


def test_the_command_exports_results_of_an_image_and_of_a_film(tmp_path: Path) -> None:
    results, out = tmp_path / "results", tmp_path / "out"
    results.mkdir()
    image, film = endoscopy(tmp_path / "e.dcm"), endoscopy(tmp_path / "film.dcm", 3)
    mask = square()[0]
    facts = {**RUN, "classes": ["polyp"], "mask_sha256": array_sha256(mask)}
    run = Segmentation(mask, mask[None].astype(np.float32), (), facts)
    place = {"scale": [0.2, 0.5], "units": ["mm", "mm"]}
    whole = Results("e", str(image), [run], placement=place, image=image)
    save_results(whole, results, "e")
    file = {"pixel_spacing": [0.2, 0.5], "unit": "mm"}
    said = {"source": str(film), "file_facts": file}
    stack = StackResults(StackNames(results, "film"), said, ("frame",), False, 25)
    for i in (0, 2):
        stack.add(i, FrameParts(mask, {"frame": i}), {**RUN, "classes": ["polyp"]})
    stack.close(True)
    words = ["export", str(results), "--format", "dicom", "--out", str(out)]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "2 of 2 results exported: 5 files" in done.stderr
    assert "--keep-identifiers" in done.stderr
    assert areas((out / "e_sr.dcm").read_bytes()) == [("polyp", 20.0, "mm2")]
    assert len(areas((out / "film_sr.dcm").read_bytes())) == 2
    seg = read((out / "film_000002_seg.dcm").read_bytes())
    np.testing.assert_array_equal(seg.pixel_array, mask)
    # One that cannot be exported is named, and the other one is exported.
    told = json.loads((results / "e.json").read_text())
    told["provenance"]["classes"] = ["thing"]
    (results / "e.json").write_text(json.dumps(told))
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1 and "e.json: Expected a code" in done.stderr
    words[3] = "coco"
    refused = CliRunner().invoke(app, [*words, "--keep-identifiers"])
    assert "are for --format dicom" in str(refused.exception)
