"""DICOM and OME through ``attnseg``, and what must not be written of patients."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import attnseg
from medical_files import (
    PATIENT,
    PATIENT_ID,
    dicom_file,
    numbered,
)
from PIL import Image
from written_files import rows_of, written_text

from napari_attnseg.batch import (
    Note,
    SegmentOptions,
    explain_images,
    segment_files,
)
from napari_attnseg.batch.base import not_images
from napari_attnseg.batch.file_notes import facts_notes, picture_notes
from napari_attnseg.commands.console import Wording, process
from napari_attnseg.errors import InputError
from napari_attnseg.io.images import UprightImage
from napari_attnseg.io.readers import find_sets, open_frames, sets
from napari_attnseg.io.readers.facts import Assumed, FileFacts, NotUsed
from napari_attnseg.io.readers.formats import FileFormat
from napari_attnseg.io.results import load_results


def test_dicom_image_with_its_window(tmp_path: Path, tiny_weights: Path) -> None:
    stored = np.random.default_rng(0).integers(-900, 2000, (40, 50)).astype(np.int16)
    path = dicom_file(
        tmp_path / "scan.dcm",
        stored,
        WindowCenter=40,
        WindowWidth=400,
        RescaleIntercept=0,
        RescaleSlope=1,
        PixelSpacing=[0.5, 0.4],
        BurnedInAnnotation="YES",
    )
    out = tmp_path / "out"
    batch = segment_files(
        [path], out, tiny_weights, "cpu", SegmentOptions(objects=True)
    )
    (outcome,) = batch
    assert outcome.error is None and Note.BURNED_IN in outcome.notes
    (story,) = out.glob("dicom-*.json")
    results = load_results(story)
    (found,) = results.segmentations
    rule = found.provenance["intensity_rule"]
    assert (rule["rule"], rule["low"], rule["high"]) == ("window", -160, 239)
    assert found.provenance["file_facts"]["window"] == [-160, 239]
    assert results.placement == {"scale": [0.5, 0.4], "units": ["mm", "mm"]}
    rows = rows_of(out / f"{story.stem}_objects.csv")
    assert rows
    for row in rows:  # as in the report on the same results
        area = float(row["area (px)"]) * 0.5 * 0.4
        assert float(row["area (mm²)"]) == pytest.approx(area)
        assert "calibrated area" not in row
    asked = SegmentOptions(intensity="whole_range")
    (outcome,) = segment_files([path], tmp_path / "b", tiny_weights, "cpu", asked)
    (found,) = load_results(tmp_path / "b" / story.name).segmentations
    assert found.provenance["intensity_rule"]["rule"] != "window"


def test_objects_of_frames_are_measured_in_mm(
    tmp_path: Path, tiny_weights: Path
) -> None:
    path = dicom_file(tmp_path / "loop.dcm", numbered(2), PixelSpacing=[0.5, 0.4])
    out, how = tmp_path / "out", SegmentOptions(objects=True)
    list(segment_files([path], out, tiny_weights, "cpu", how, overlay=False))
    (table,) = out.glob("*_objects.csv")
    rows = rows_of(table)
    assert {row["frame"] for row in rows} == {"0", "1"}
    for row in rows:
        area = float(row["area (px)"]) * 0.5 * 0.4
        assert float(row["area (mm²)"]) == pytest.approx(area)


def test_patients_are_named_only_if_asked(tmp_path: Path, tiny_weights: Path) -> None:
    """Files and folders are named after the patient, as exports of archives are."""
    folder = tmp_path / "in" / "QUIMBY_ADA"
    more: dict[str, Any] = {"SeriesInstanceUID": "1.2.3", "SeriesNumber": 5}
    for i in range(3):
        pixels = np.full((40, 48), 60 * i, np.uint8)
        more |= {"InstanceNumber": i + 1, "PixelSpacing": [2, 2]}
        dicom_file(folder / f"Quimby-{i}", pixels, **more)
    dicom_file(folder / f"{PATIENT_ID}.dcm", numbered(1, (40, 48))[0], "RGB")
    options = ("--weights", tiny_weights, "--device", "cpu")
    out = tmp_path / "out"
    done = attnseg("segment", folder, "--out", out, *options)
    assert done.returncode == 0, done.stderr
    assert "4 of 4 images segmented" in done.stderr
    everything = (written_text(out) + done.stderr).casefold()
    assert "quimby" not in everything and PATIENT_ID.casefold() not in everything
    (row, *_) = rows = rows_of(out / "US-series-5_frames.csv")
    assert len(rows) == 3
    assert float(row["area_mm2"]) == 4 * int(row["area_px"])
    (single,) = out.glob("dicom-*.json")
    load_results(single)
    asked = attnseg("segment", folder, "--out", tmp_path / "b", *options, "--keep-id")
    assert asked.returncode == 2
    kept = ("--keep-identifiers", "--no-overlay")
    asked = attnseg("segment", folder, "--out", tmp_path / "b", *options, *kept)
    assert asked.returncode == 0, asked.stderr
    facts = json.loads((tmp_path / "b" / f"{PATIENT_ID}.json").read_text())
    known = facts["provenance"]["file_facts"]["identifiers"]
    assert known["PatientName"] == PATIENT and known["PatientID"] == PATIENT_ID


def test_a_bad_dicom_file_is_named_by_its_number_and_skipped(
    tmp_path: Path, tiny_weights: Path
) -> None:
    folder = tmp_path / "in"
    good = dicom_file(folder / "b.dcm", numbered(1, (40, 48))[0], "RGB")
    (folder / "Quimby_a.dcm").write_bytes(b"")
    (folder / "Quimby_c").write_bytes(good.read_bytes()[:400])  # before Rows
    scanned = sorted(folder.iterdir())
    for i, inputs in enumerate(([folder], scanned)):
        done = {
            o.path.name: o
            for o in segment_files(inputs, tmp_path / f"{i}", tiny_weights, "cpu")
        }
        bad = {name: one.error for name, one in done.items() if one.error}
        assert list(bad) == ["dicom-file-1", "dicom-file-2"]
        assert all("cut short" in str(error) for error in bad.values())
        assert len(done) == 3 and "Quimby" not in repr(bad)


def test_what_an_ome_zarr_consists_of_is_not_left_out(tmp_path: Path) -> None:
    image = tmp_path / "a.zarr"
    (image / "0").mkdir(parents=True)
    (image / "zarr.json").touch()
    assert not_images([image], [image]) == not_images([tmp_path], [image]) == {}
    assert not_images([image / "0", tmp_path], []) == {"folder": 1}


def test_photos_do_without_pydicom(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "photos"
    dicom_file(folder / "scan.dcm", np.zeros((40, 48), np.uint8))
    monkeypatch.setitem(sys.modules, "pydicom", None)
    monkeypatch.setattr(sets, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install .napari-attnseg\[dicom\]"):
        find_sets([folder])
    Image.fromarray(np.zeros((40, 48), np.uint8)).save(folder / "a.png")
    assert [one.name for one in find_sets([folder])] == ["a"]
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(InputError, match=r"film\.mp4 needs PyAV"):
        open_frames(film)


def test_explain_reads_dicom_and_names_no_patient(
    tmp_path: Path, tiny_weights: Path
) -> None:
    pixels = np.random.default_rng(0).integers(-900, 2000, (40, 48)).astype(np.int16)
    window = {"WindowCenter": 40, "WindowWidth": 400}
    path = dicom_file(tmp_path / "scan.dcm", pixels, **window)
    out = tmp_path / "out"
    (outcome,) = explain_images([path], out, "gate", tiny_weights, "cpu")
    assert outcome.error is None
    facts = json.loads(outcome.files[-1].read_text())["provenance"]
    assert facts["intensity_rule"] == {"rule": "window", "low": -160, "high": 239}
    named = dicom_file(tmp_path / "Quimby.dcm", pixels)
    cut = tmp_path / "Quimby_cut.dcm"
    cut.write_bytes(named.read_bytes()[:-90])
    batch = explain_images([named, cut], tmp_path / "b", "gate", tiny_weights, "cpu")
    one, other = batch
    assert one.error is None and other.error is not None
    told = written_text(tmp_path / "b") + repr([one, other])
    assert "quimby" not in told.replace(str(tmp_path), "").casefold()


def test_explain_says_of_a_file_what_segment_says(
    tmp_path: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pixels = np.random.default_rng(0).integers(-900, 2000, (40, 48)).astype(np.int16)
    path = dicom_file(
        tmp_path / "scan.dcm",
        pixels,
        WindowCenter=[40, 300],
        WindowWidth=[400, 2000],
        BurnedInAnnotation="YES",
    )
    wording = Wording("working on", "done", "result")
    made = segment_files([path], tmp_path / "a", tiny_weights, "cpu")
    process(made, wording, tmp_path)
    of_segment = capsys.readouterr().err.splitlines()
    explained = explain_images([path], tmp_path / "b", "gate", tiny_weights, "cpu")
    process(explained, wording, tmp_path)
    said = capsys.readouterr().err.splitlines()
    for words in ("BurnedInAnnotation", "several windows"):
        (sentence,) = (one for one in of_segment if words in one)
        assert sentence in said


@pytest.mark.parametrize("told", ["burned_in", "planes", "other_images"])
def test_notes_on_a_file_are_told_whatever_is_made_of_it(told: str) -> None:
    facts = FileFacts(
        FileFormat.DICOM,
        *(1, 40, 48, 3),
        assumed=(Assumed.COLOURS_BY_PIXEL,) if told == "planes" else (),
        not_used=(NotUsed.OTHER_IMAGES,) if told == "other_images" else (),
        said={"burned_in": "yes"} if told == "burned_in" else {},
    )
    pixels = np.zeros((40, 48, 3), np.uint8)
    # Of other images in the file a sentence on its facts tells.
    wanted = [] if told == "other_images" else [Note(told)]
    assert picture_notes(UprightImage(pixels, 1, facts=facts)) == wanted
    assert facts_notes(facts) == wanted


def test_pictures_on_a_page_are_counted_in_dicom_too(
    tmp_path: Path, tiny_weights: Path
) -> None:
    page = np.zeros((200, 420), np.uint8)
    both = np.random.default_rng(0).integers(60, 255, (2, 180, 190), np.uint8)
    page[10:190, 10:200], page[10:190, 210:400] = both
    path = dicom_file(tmp_path / "page.dcm", page)
    (outcome,) = segment_files([path], tmp_path / "out", tiny_weights, "cpu")
    assert Note.PAGE in outcome.notes
    (story,) = (tmp_path / "out").glob("dicom-*.json")
    (result,) = load_results(story).segmentations
    assert result.provenance["pictures_on_page"] == 2
    dicom_file(path, both[0])
    (outcome,) = segment_files([path], tmp_path / "b", tiny_weights, "cpu")
    assert Note.PAGE not in outcome.notes
    (story,) = (tmp_path / "b").glob("dicom-*.json")
    (result,) = load_results(story).segmentations
    assert "pictures_on_page" not in result.provenance
