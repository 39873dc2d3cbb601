"""DICOM: values, colours, window, pixel size, order, and who the patient is."""

from __future__ import annotations

import io
import logging
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from medical_files import PATIENT_ID, dicom_file, dicom_set
from PIL import Image
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels import convert_color_space
from pydicom.uid import (
    MPEG4HP41,
    BasicTextSRStorage,
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from napari_attnseg.errors import InputError
from napari_attnseg.io.readers import find_sets, open_frames, read_picture
from napari_attnseg.io.readers.facts import Assumed, FrameAxis, NotUsed


@pytest.fixture
def grey(rng: np.random.Generator) -> Any:
    return rng.integers(0, 256, (9, 12), np.uint8)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_one_grey_image_keeps_its_numbers(tmp_path: Path, grey: Any) -> None:
    path = dicom_file(tmp_path / "a.dcm", grey, PixelSpacing=[0.5, 0.25])
    with open_frames(path) as frames:
        assert (len(frames), frames.shape, frames.dtype) == (1, (1, 9, 12), np.uint8)
        np.testing.assert_array_equal(frames[0], grey)
        facts = frames.facts
    assert (facts.spacing, facts.unit, facts.axis) == ((0.5, 0.25), "mm", "unknown")
    assert (facts.assumed, facts.not_used, facts.window) == ((), (), None)
    assert facts.pixel_mm2 == 0.125
    np.testing.assert_array_equal(read_picture(path).pixels, grey)


def test_slope_window_and_padding(tmp_path: Path) -> None:
    stored = np.arange(-50, 58, dtype=np.int16).reshape(9, 12)
    stored[0, 0] = -2000
    path = dicom_file(
        tmp_path / "a.dcm",
        stored,
        RescaleSlope=2,
        RescaleIntercept=-1000,
        WindowCenter=[40, 300],
        WindowWidth=[400, 1500],
        PixelPaddingValue=-2000,
    )
    with open_frames(path) as frames:
        expected = stored.astype(int) * 2 - 1000
        expected[0, 0] = (-49) * 2 - 1000
        np.testing.assert_array_equal(frames[0], expected)
        assert frames.dtype == np.int32
        # PS3.3 C.11.2.1.2.1, LINEAR.
        assert frames.facts.window == (40 - 0.5 - 399 / 2, 40 - 0.5 + 399 / 2)
        left = {NotUsed.OTHER_WINDOWS, NotUsed.PADDING}
        assert set(frames.facts.not_used) == left
    exact = {"WindowCenter": 40, "WindowWidth": 400, "VOILUTFunction": "LINEAR_EXACT"}
    path = dicom_file(tmp_path / "b.dcm", stored, RescaleSlope=0.5, **exact)
    with open_frames(path) as frames:
        assert frames.facts.window == (-160, 240)
        assert frames[0].dtype == np.float32 and frames[0][1, 1] == stored[1, 1] / 2


def test_monochrome1_is_shown_as_it_is_meant(tmp_path: Path, grey: Any) -> None:
    path = dicom_file(tmp_path / "a.dcm", grey, "MONOCHROME1")
    np.testing.assert_array_equal(read_picture(path).pixels, 255 - grey)
    stored = grey.astype(np.uint16) * 16
    facts = {"WindowCenter": 100, "WindowWidth": 51, "RescaleIntercept": -10}
    path = dicom_file(
        tmp_path / "b.dcm", stored, "MONOCHROME1", BitsStored=12, HighBit=11, **facts
    )
    with open_frames(path) as frames:
        np.testing.assert_array_equal(frames[0], 4095 - 20 - (stored.astype(int) - 10))
        low, high = frames.facts.window or (0, 0)
    # What was black at the lower end of the window is white at the upper one.
    assert (low, high) == (4075 - (99.5 + 25), 4075 - (99.5 - 25))


def test_colours(tmp_path: Path, rng: np.random.Generator) -> None:
    smooth = np.linspace(0, 250, 16 * 16 * 3).reshape(16, 16, 3).astype(np.uint8)
    path = dicom_file(tmp_path / "rgb.dcm", smooth, "RGB")
    np.testing.assert_array_equal(read_picture(path).pixels, smooth)
    planar = dicom_set(smooth, "RGB")
    planar.PlanarConfiguration = 1
    planar.PixelData = np.moveaxis(smooth, -1, 0).tobytes()
    planar.save_as(tmp_path / "planar.dcm", enforce_file_format=True)
    np.testing.assert_array_equal(read_picture(tmp_path / "planar.dcm").pixels, smooth)
    ybr = convert_color_space(smooth, "RGB", "YBR_FULL")
    path = dicom_file(tmp_path / "ybr.dcm", ybr, "YBR_FULL")
    found = read_picture(path).pixels
    assert np.abs(found.astype(int) - smooth).max() <= 2
    indices = rng.integers(0, 4, (9, 12), np.uint8)
    table = {
        f"{name}PaletteColorLookupTable{part}": value
        for name, values in (
            ("Red", [0, 65535, 32768, 256]),
            ("Green", [0, 0, 32768, 512]),
            ("Blue", [65535, 0, 32768, 0]),
        )
        for part, value in (
            ("Descriptor", [4, 0, 16]),
            ("Data", np.array(values, "<u2").tobytes()),
        )
    }
    path = dicom_file(tmp_path / "palette.dcm", indices, "PALETTE COLOR", **table)
    lookup = np.array([[0, 0, 255], [255, 0, 0], [128, 128, 128], [1, 2, 0]])
    found = read_picture(path)
    np.testing.assert_array_equal(found.pixels, lookup[indices])
    assert found.facts is not None and NotUsed.BITS in found.facts.not_used


def test_compressed_kinds(tmp_path: Path, grey: Any) -> None:
    large = np.kron(grey, np.ones((8, 8), np.uint8))
    stack = np.stack([large, 255 - large, large // 2])
    for syntax in (RLELossless, JPEG2000Lossless):
        data = dicom_set(stack)
        data.compress(syntax)
        path = tmp_path / f"{syntax.keyword}.dcm"
        data.save_as(path, enforce_file_format=True)
        with open_frames(path) as frames:
            for i in (2, 0, 1):
                np.testing.assert_array_equal(frames[i], stack[i])
            assert frames.facts.said["transfer_syntax"] == syntax.name
    smooth = np.linspace(20, 230, 16 * 16 * 3).reshape(16, 16, 3).astype(np.uint8)
    coded = io.BytesIO()
    Image.fromarray(smooth).save(coded, "JPEG", quality=100, subsampling=0)
    data = dicom_set(smooth, "RGB")
    data.PhotometricInterpretation = "YBR_FULL_422"
    data.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    data.PixelData = encapsulate([coded.getvalue()])
    data["PixelData"].is_undefined_length = True
    data.save_as(tmp_path / "jpeg.dcm", enforce_file_format=True)
    found = read_picture(tmp_path / "jpeg.dcm")
    assert np.abs(found.pixels.astype(int) - smooth).max() <= 6
    assert found.facts is not None and found.facts.said["lossy"] is True


def test_what_cannot_be_decoded_is_named_by_its_transfer_syntax(
    tmp_path: Path, grey: Any
) -> None:
    data = dicom_set(grey)
    data.file_meta.TransferSyntaxUID = MPEG4HP41
    data.PixelData = encapsulate([b"film"])
    data["PixelData"].is_undefined_length = True
    data.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    with pytest.raises(
        InputError, match=r"as MPEG-4.*1\.2\.840\.10008.*; export it as an MP4 film\."
    ):
        open_frames(tmp_path / "a.dcm")


def test_frames_are_read_one_by_one(
    tmp_path: Path, grey: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = np.stack([grey // (i + 1) for i in range(5)])
    path = dicom_file(tmp_path / "a.dcm", stack, FrameTime=40)
    frames = open_frames(path)
    assert frames.facts.axis is FrameAxis.TIME
    assert frames.facts.times == (0, 0.04, 0.08, 0.12, 0.16)
    asked: list[int] = []
    import pydicom.pixels

    real = pydicom.pixels.pixel_array
    monkeypatch.setattr(
        pydicom.pixels,
        "pixel_array",
        lambda src, index: (asked.append(index), real(src, index=index))[1],
    )
    np.testing.assert_array_equal(frames[3], stack[3])
    np.testing.assert_array_equal(frames[-2], stack[3])
    assert asked == [3]
    with pytest.raises(IndexError):
        frames[5]
    with pytest.raises(InputError, match="holds 5 frames"):
        read_picture(path)


def region(mm: float | None, box: tuple[int, int, int, int]) -> Dataset:
    one = Dataset()
    one.RegionSpatialFormat = 1 if mm else 3
    one.PhysicalUnitsXDirection = one.PhysicalUnitsYDirection = 3
    one.PhysicalDeltaX = one.PhysicalDeltaY = (mm or 1) / 10
    one.RegionLocationMinY0, one.RegionLocationMinX0 = box[:2]
    one.RegionLocationMaxY1, one.RegionLocationMaxX1 = box[2:]
    return one


def test_ultrasound_regions(tmp_path: Path, grey: Any) -> None:
    plane, doppler = region(0.2, (0, 0, 4, 11)), region(None, (5, 0, 8, 11))
    one = {"SequenceOfUltrasoundRegions": [plane, doppler]}
    facts = open_frames(dicom_file(tmp_path / "a.dcm", grey, **one)).facts
    assert facts.spacing == pytest.approx((0.2, 0.2)) and facts.unit == "mm"
    assert facts.assumed == (Assumed.ULTRASOUND_REGION,)
    regions = facts.said["ultrasound_regions"]
    assert [r["box"] for r in regions] == [[0, 0, 4, 11], [5, 0, 8, 11]]
    assert regions[1]["mm"] is None
    two = {"SequenceOfUltrasoundRegions": [plane, region(0.3, (5, 0, 8, 11))]}
    facts = open_frames(dicom_file(tmp_path / "b.dcm", grey, **two)).facts
    assert (facts.spacing, facts.not_used) == (None, (NotUsed.REGIONS_DIFFER,))


def slices(folder: Path, order: list[int], **more: Any) -> None:
    for name, place in enumerate(order):
        dicom_file(
            folder / f"IM{name:03d}",
            np.full((8, 8), place, np.uint8),
            SeriesInstanceUID="1.2.3.4",
            SeriesNumber=7,
            Modality="CT",
            ImagePositionPatient=[0, 0, 2.5 * place],
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            InstanceNumber=100 - place,
            **more,
        )


def test_a_folder_is_grouped_by_series_and_ordered_by_position(tmp_path: Path) -> None:
    slices(tmp_path, [2, 0, 1, 3])
    dicom_file(tmp_path / "IM100", np.zeros((9, 9), np.uint8), SeriesNumber=8)
    report = dicom_set(np.zeros((2, 2), np.uint8))
    for name in ("Rows", "Columns", "PixelData"):
        delattr(report, name)
    report.SOPClassUID = BasicTextSRStorage
    report.save_as(tmp_path / "IM200", enforce_file_format=True)
    (tmp_path / "notes").write_text("no image")
    first, other = find_sets([tmp_path])
    assert (first.name, len(first.paths)) == ("CT-series-7", 4)
    assert other.name.startswith("dicom-") and other.paths[0].name == "IM100"
    with open_frames(first) as frames:
        assert [frames[i][0, 0] for i in range(4)] == [0, 1, 2, 3]
        facts = frames.facts
    assert facts.positions == (0, 2.5, 5, 7.5) and facts.step == 2.5
    assert (facts.axis, facts.assumed) == (FrameAxis.DEPTH, ())
    with pytest.raises(InputError, match="Basic Text SR"):
        open_frames(tmp_path / "IM200")


def test_copies_of_a_file_are_left_out(tmp_path: Path) -> None:
    for z in range(4):
        more = {"SeriesInstanceUID": "1.2", "SOPInstanceUID": f"1.3.{z}"}
        more["ImagePositionPatient"] = [0, 0, 2.5 * z]
        more["ImageOrientationPatient"] = [1, 0, 0, 0, 1, 0]
        pixels = np.full((4, 4), z, np.uint8)
        file = dicom_file(tmp_path / f"IM{z}.dcm", pixels, **more)
        if z in (1, 2):
            (tmp_path / f"IM{z} (1).dcm").write_bytes(file.read_bytes())
    facts = open_frames(tmp_path).facts
    assert facts.positions == (0, 2.5, 5, 7.5) and facts.assumed == (Assumed.COPIES,)
    (only,) = find_sets([tmp_path])
    assert [one.name for one in only.paths] == [f"IM{z}.dcm" for z in range(4)]
    # Of one identifier, but with other pixels: no copy.
    dicom_file(tmp_path / "IM3 (1).dcm", pixels + 9, **more)
    facts = open_frames(tmp_path).facts
    assert (facts.frames, facts.positions) == (5, None)


def test_without_positions_the_number_counts_and_then_the_name(tmp_path: Path) -> None:
    for i, number in enumerate((3, 1, 2)):
        pixels = np.full((4, 4), number, np.uint8)
        more = {"SeriesInstanceUID": "1.2", "InstanceNumber": number}
        dicom_file(tmp_path / "a" / f"{i}.dcm", pixels, **more)
        more["InstanceNumber"] = 1
        dicom_file(tmp_path / "b" / f"{i}.dcm", pixels, **more)
    frames = open_frames(tmp_path / "a")
    assert [frames[i][0, 0] for i in range(3)] == [1, 2, 3]
    frames = open_frames(tmp_path / "b")
    assert [frames[i][0, 0] for i in range(3)] == [3, 1, 2]
    assert frames.facts.assumed == (Assumed.ORDER_OF_NAMES,)


def test_who_the_patient_is_stays_apart(
    tmp_path: Path, grey: Any, caplog: pytest.LogCaptureFixture
) -> None:
    path = dicom_file(tmp_path / f"{PATIENT_ID}_1.dcm", grey)
    # However a name is spelled, it is not told: even one that the header lacks.
    others = ["Ki\u0308mbi Adda", "17.03.1951", "scan", "Li_Wu"]
    copies = [dicom_file(tmp_path / "b" / f"{n}.dcm", grey) for n in others]
    (found, *rest) = find_sets([path, *copies])
    for one in (found, *rest):
        assert re.fullmatch("dicom-[0-9a-f]{8}", one.name) and not one.shows_path
        assert str(one.label) == one.name
    same = tmp_path / "same.dcm"
    same.write_bytes(path.read_bytes())
    assert [s.name for s in find_sets([path, same])] == [found.name, f"{found.name}-2"]
    facts = open_frames(found).facts
    for keep, expected in ((False, False), (True, True)):
        assert ("Quimby" in str(facts.to_provenance(keep))) is expected
    assert "Quimby" not in repr(facts) and PATIENT_ID not in repr(facts)
    (kept,) = find_sets([path], keep_identifiers=True)
    assert (kept.name, kept.label) == (path.stem, path)
    # So is a series, whose folder is named after the patient.
    slices(tmp_path / "Quimby", [0, 1])
    for keep, expected in ((False, "CT-series-7"), (True, "Quimby_CT-series-7")):
        (series,) = find_sets([tmp_path / "Quimby"], keep_identifiers=keep)
        assert (series.name, str(series.label)) == (expected, expected)
    # What pydicom would warn of, or log, names the patient.
    bad = path.read_bytes().replace(b"Quimby^Ada", b"Quim\\y=\x00==")
    damaged = tmp_path / "damaged.dcm"
    damaged.write_bytes(bad[:-60])
    with caplog.at_level(logging.DEBUG), pytest.raises(InputError) as refused:
        open_frames(damaged)[0]
    assert "Quim" not in caplog.text + str(refused.value)
    assert refused.value.__cause__ is None


def test_no_dicom_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(b"hello" * 100)
    with pytest.raises(InputError, match="no DICOM file"):
        open_frames(tmp_path / "a.dcm")


def test_lossless_jpeg(tmp_path: Path, grey: Any) -> None:
    """Common in archives; written by GDCM, which is also what reads it."""
    import gdcm

    values = np.kron(grey.astype(np.uint16) * 16, np.ones((2, 2), np.uint16))
    plain = dicom_file(tmp_path / "a.dcm", values, BitsStored=12, HighBit=11)
    reader = gdcm.ImageReader()
    reader.SetFileName(str(plain))
    assert reader.Read()
    syntax = gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGLosslessProcess14_1)
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(syntax)
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(tmp_path / "b.dcm"))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    found = read_picture(tmp_path / "b.dcm")
    np.testing.assert_array_equal(found.pixels, values)
    assert found.facts is not None
    assert "JPEG Lossless" in found.facts.said["transfer_syntax"]


def test_pixels_of_different_sizes_in_one_series_have_none(tmp_path: Path) -> None:
    series = {"SeriesInstanceUID": "1.2", "Modality": "CT"}
    for i, size in enumerate((0.5, 0.5001, 1.5)):
        more = {**series, "InstanceNumber": i, "PixelSpacing": [size, size]}
        dicom_file(tmp_path / "a" / f"{i}", np.zeros((4, 4), np.uint8), **more)
    with open_frames(tmp_path / "a") as frames:
        assert len(frames) == 3 and frames.facts.pixel_mm2 is None
        assert frames.facts.not_used == (NotUsed.SPACINGS_DIFFER,)
    (tmp_path / "a" / "2").unlink()
    with open_frames(tmp_path / "a") as frames:
        assert frames.facts.spacing == (0.5, 0.5)


def test_slices_at_one_place_are_told(tmp_path: Path) -> None:
    slices(tmp_path, [0, 1, 1, 4])
    with open_frames(tmp_path) as frames:
        assert len(frames) == 4 and frames.facts.positions is None
        assert frames.facts.not_used == (NotUsed.UNEVEN_SLICES,)


@pytest.mark.parametrize("kind", ["MONOCHROME1", "MONOCHROME2"])
def test_of_one_bit_one_is_white(tmp_path: Path, kind: str) -> None:
    bits = np.zeros((8, 16), np.uint8)
    bits[2:5, 3:9] = 1
    data = dicom_set(bits, kind)
    data.BitsAllocated = data.BitsStored = 1
    data.HighBit = 0
    data.PixelData = np.packbits(bits, bitorder="little").tobytes()
    data.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    shown = bits if kind == "MONOCHROME2" else 1 - bits
    found = read_picture(tmp_path / "a.dcm").pixels
    np.testing.assert_array_equal(found, 255 * shown)
    assert found.dtype == np.uint8


def test_a_tag_that_is_missing_is_named(tmp_path: Path) -> None:
    data = dicom_set(np.zeros((4, 4), np.uint8))
    del data.BitsStored
    data.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    with pytest.raises(InputError, match=r"decoded \(it lacks BitsStored, Explicit VR"):
        read_picture(tmp_path / "a.dcm")


def test_of_a_series_the_file_that_is_damaged_is_told(tmp_path: Path) -> None:
    slices(tmp_path, [0, 1, 2])
    cut = find_sets([tmp_path])[0].paths[1]
    cut.write_bytes(cut.read_bytes()[:-8])
    with open_frames(tmp_path) as frames:
        assert frames[2].shape == frames[0].shape
        with pytest.raises(InputError, match=r"^Frame 1 of CT-series-7 \(file 2 of 3"):
            frames[1]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"WindowCenter": 40, "WindowWidth": 0}, NotUsed.IMPOSSIBLE),
        ({"PixelSpacing": [0, 0.5]}, NotUsed.IMPOSSIBLE),
        ({"PixelSpacing": [-0.5, 0.5]}, NotUsed.IMPOSSIBLE),
        ({"PresentationLUTShape": "INVERSE"}, NotUsed.PRESENTATION_INVERSE),
    ],
)
def test_what_makes_no_sense_is_told(
    tmp_path: Path, grey: Any, more: dict[str, Any], told: NotUsed
) -> None:
    with open_frames(dicom_file(tmp_path / "a.dcm", grey, **more)) as frames:
        assert frames.facts.not_used == (told,)
        assert (frames.facts.window, frames.facts.spacing) == (None, None)


@pytest.mark.parametrize("kind", ["implicit", "explicit", "big", "no meta", "deflated"])
@pytest.mark.parametrize("frames", [1, 3])
def test_old_and_rare_forms_are_read(
    tmp_path: Path, rng: np.random.Generator, kind: str, frames: int
) -> None:
    pixels = rng.integers(0, 256, (frames, 10, 12, 3), np.uint8)
    data = dicom_set(pixels if frames > 1 else pixels[0], "RGB")
    data["PixelData"].VR = "OW" if kind == "implicit" else "OB"
    path = tmp_path / "IM_0001"
    if kind == "deflated":
        data.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
        data.save_as(path, enforce_file_format=True)
    elif kind == "no meta":  # the preamble is there
        del data.file_meta.TransferSyntaxUID
        data.save_as(path, implicit_vr=True, little_endian=True)
        path.write_bytes(bytes(128) + b"DICM" + path.read_bytes())
    else:
        del data.file_meta
        form = {"implicit_vr": kind == "implicit", "little_endian": kind != "big"}
        data.save_as(path, **form)
    if kind == "big":  # not found without its suffix
        path = path.rename(path.with_suffix(".dcm"))
    (found,) = find_sets([tmp_path])
    with open_frames(found) as opened:
        assert len(opened) == frames
        for i in range(frames):
            np.testing.assert_array_equal(opened[i], pixels[i])


def test_other_files_without_suffix_are_left_out(tmp_path: Path) -> None:
    dicom_file(tmp_path / "a.dcm", np.zeros((8, 9), np.uint8))
    (tmp_path / "README").write_text("Read me. " * 40)
    (tmp_path / "numbers").write_bytes(np.arange(8, 200, dtype="<u2").tobytes())
    assert [one.paths[0].name for one in find_sets([tmp_path])] == ["a.dcm"]
