"""What was left out of a file, or assumed of it, is said once, and counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from medical_files import dicom_file
from typer.testing import CliRunner

from attnseg_training.datasets import load_dataset
from attnseg_training.datasets.frames import frames_to_training_set
from napari_attnseg._widgets.layers import file_reader
from napari_attnseg.cli import app
from napari_attnseg.io.readers.facts import Assumed, NotUsed
from napari_attnseg.io.readers.facts_words import CLAUSES, facts_sentences
from napari_attnseg.io.readers.sets import set_of


def two_images(path: Path) -> Path:
    """A label first, as slide scanners write it, and then the image."""
    noise = np.random.default_rng(0).integers(0, 255, (64, 80, 3), np.uint8)
    with tifffile.TiffWriter(path, ome=True) as file:
        for image in (noise[:32, :40], noise):
            file.write(image, photometric="rgb", metadata={"axes": "YXS"})
    return path


def test_images_that_were_left_out_are_said_by_the_command(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in "abc":
        two_images(tmp_path / "in" / f"{name}.ome.tif")
    words = ["segment", str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0
    said = [line for line in done.output.splitlines() if "2 images" in line]
    assert said == [
        "a.ome.tif (and 2 other files): of its 2 images only the first one was used: "
        "save the right one alone if it is not that."
    ]


def test_they_are_said_in_napari(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(file_reader, "show_warning", told.append)
    file_reader.read_files(str(two_images(tmp_path / "a.ome.tif")))
    assert len(told) == 1 and "of its 2 images only the first one" in told[0]


def test_facts_of_dicom_are_said(tmp_path: Path) -> None:
    pixels = np.arange(96 * 96, dtype=np.uint16).reshape(96, 96)
    window = {"WindowCenter": 500, "WindowWidth": 900, "VOILUTFunction": "SIGMOID"}
    path = dicom_file(tmp_path / "a.dcm", pixels, **window)
    words = ["segment", str(path), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert f"{set_of(path).name}: its sigmoid window was replaced" in done.output


def test_each_sentence_is_whole() -> None:
    for fact in CLAUSES:
        lists = {"assumed": [], "not_used": []}
        lists["assumed" if isinstance(fact, Assumed) else "not_used"] = [str(fact)]
        (text,) = facts_sentences([("a", lists)])
        assert text.startswith("a: ") and text.endswith(".")
    assert not list(
        facts_sentences([("a", {"assumed": [], "not_used": [NotUsed.SOUND]})])
    )


def test_the_trainer_says_it_too(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    mask = np.zeros((32, 40), np.uint8)
    mask[5:20, 8:30] = 255
    for i in range(2):
        two_images(tmp_path / "images" / f"a{i}.ome.tif")
        tifffile.imwrite(tmp_path / "masks" / f"a{i}.ome.tif", mask)
    read = load_dataset(tmp_path).split("all")[0].read_with_traits()
    assert read.other_pictures and read.rgb.shape == (32, 40, 3)
    told: list[str] = []
    film = tmp_path / "images" / "a0.ome.tif"
    (tmp_path / "drawn").mkdir()
    tifffile.imwrite(tmp_path / "drawn" / "a_0.tif", mask)
    out = tmp_path / "out"
    list(frames_to_training_set(film, tmp_path / "drawn", out, tell=told.append))
    assert told == [
        "a0.ome.tif: of its 2 images only the first one was used: save the right one "
        "alone if it is not that."
    ]
