"""DICOM, films and volumes as layers: read in parts, in place, without names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from medical_files import PATIENT_ID, dicom_file, number_of, numbered, video_file
from napari.components import ViewerModel
from napari.utils.notifications import notification_manager
from npe2 import PluginManager

from napari_attnseg._widgets.base.intensity_box import IntensityBox
from napari_attnseg._widgets.base.jobs import Finished, run
from napari_attnseg._widgets.base.model_cache import ModelCache
from napari_attnseg._widgets.base.segmenting import Looking
from napari_attnseg._widgets.layers.file_reader import get_file_reader, read_files
from napari_attnseg._widgets.layers.reader import read
from napari_attnseg._widgets.layers.source import source_of
from napari_attnseg.batch import segment_files
from napari_attnseg.intensity import Window
from napari_attnseg.io.readers import frames as module
from napari_attnseg.io.readers import open_frames
from napari_attnseg.io.results import Results, load_results, save_results
from napari_attnseg.reproduce import command_text, python_text


def run_of(source: Any, weights: Path, **options: Any) -> Finished:
    steps = run(source, weights, "cpu", ModelCache(), Looking(**options))
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            assert isinstance(stop.value, Finished)
            return stop.value


def test_a_film_is_read_frame_by_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_weights: Path
) -> None:
    path = video_file(tmp_path / "film.mp4", numbered(40))
    asked: list[int] = []
    real = module.Frames.__getitem__

    def noted(frames: module.Frames, index: int) -> Any:
        asked.append(index)
        return real(frames, index)

    monkeypatch.setattr(module.Frames, "__getitem__", noted)
    PluginManager.instance().discover()
    viewer = ViewerModel()
    (layer,) = viewer.open(str(path), plugin="napari-attnseg")
    viewer.dims.set_current_step(0, 30)
    assert set(asked) <= {0, 19, 30} and 30 in asked  # napari starts in the middle
    assert layer.name == "film" and layer.rgb and layer.data.shape == (40, 48, 64, 3)
    assert [str(unit) for unit in layer.units] == ["second", "pixel", "pixel"]
    np.testing.assert_allclose(layer.scale, [1 / 25, 1, 1])
    assert layer.axis_labels == ("t", "y", "x")
    source = source_of(layer)
    assert number_of(source.frame(17)) == 17
    assert (source.frames, source.file) == (40, str(path.absolute()))


def test_a_volume_is_segmented_as_the_command_does(
    tmp_path: Path, tiny_weights: Path, qapp: Any
) -> None:
    stored = np.random.default_rng(0).integers(-900, 2000, (3, 40, 48)).astype(np.int16)
    more = {"WindowCenter": 40, "WindowWidth": 400, "PixelSpacing": [0.5, 0.4]}
    path = dicom_file(tmp_path / "scan", stored, **more)
    (layer,) = read_files(str(path))
    assert tuple(layer.contrast_limits) == (-160, 239)
    np.testing.assert_allclose(layer.scale, [1, 0.5, 0.4])
    window = IntensityBox().rule(layer)
    assert window == Window(-160, 239)
    finished = run_of(source_of(layer), tiny_weights, intensity=window)
    out = tmp_path / "out"
    outcomes = list(segment_files([path], out, tiny_weights, "cpu", overlay=False))
    assert [one.error for one in outcomes] == [None] * 3
    with open_frames(path) as frames:
        np.testing.assert_array_equal(frames[1], layer.data[1].compute())
    from napari_attnseg.io.images import read_image

    for i, result in enumerate(finished.results):
        mask = read_image(out / layer.name / f"frame_{i:06d}_mask.png")
        np.testing.assert_array_equal(result.mask * 255, mask)


def test_results_of_a_dicom_image_are_opened_with_it_and_repeated(
    tmp_path: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (40, 48), np.uint8)
    path = dicom_file(tmp_path / "scan.dcm", pixels, PixelSpacing=[0.5, 0.4])
    out = tmp_path / "out"
    how = {"keep_identifiers": True}  # else results do not name the file
    (outcome,) = segment_files([path], out, tiny_weights, "cpu", **how)
    assert outcome.error is None
    image, *others = read(str(out / "scan.json"))
    np.testing.assert_array_equal(image.data, pixels)
    for layer in (image, others[-1]):
        np.testing.assert_allclose(layer.scale[-2:], [0.5, 0.4])
    (result,) = load_results(out / "scan.json").segmentations
    facts = {**result.provenance, "source": str(path)}
    exec(python_text(facts, tiny_weights), {})
    assert "The same mask." in capsys.readouterr().out
    assert f"attnseg segment {path}" in command_text(facts, tiny_weights)


def test_layers_name_no_patient(tmp_path: Path, tiny_weights: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (40, 48), np.uint8)
    folder = tmp_path / f"{PATIENT_ID}"
    dicom_file(folder / "quimby.dcm", pixels)
    for i in range(2):
        more = {"SeriesInstanceUID": "1.2.3", "InstanceNumber": i, "SeriesNumber": 4}
        dicom_file(folder / f"IM{i}", pixels // (i + 1), **more)
    (folder / "quimby_cut.dcm").write_bytes(b"")  # one is left out, with a warning
    reader = get_file_reader(str(folder))
    assert reader is not None
    layers = reader(str(folder))
    said = notification_manager.records[-1].message
    assert re.match("dicom-file-4 is left out: .*cut short", said)
    assert sorted(layer.data.ndim for layer in layers) == [2, 3]
    for layer in layers:
        said = f"{layer.name} {layer.metadata}".casefold()
        assert "quimby" not in said and PATIENT_ID.casefold() not in said
    single = next(layer for layer in layers if layer.data.ndim == 2)
    source = source_of(single)
    finished = run_of(source, tiny_weights)
    results = Results(source.name, source.origin, finished.results)
    save_results(results, tmp_path / "out", source.name)
    text = "".join(f.read_text("latin-1") for f in (tmp_path / "out").iterdir())
    assert "quimby" not in text.casefold()


def test_other_files_are_left_to_other_readers(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    (tmp_path / "notes").write_text("no image at all")
    for path in (tmp_path / "a.png", tmp_path / "notes", tmp_path):
        assert get_file_reader(str(path)) is None
