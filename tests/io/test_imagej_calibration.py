"""A window is meant in the values that ImageJ shows, which a calibration makes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from click.testing import Result
from typer.testing import CliRunner

from napari_attnseg.cli import app
from napari_attnseg.io.images import read_upright

Y, X = np.mgrid[:48, :64]
#: Air around tissue of 0 to 80 HU.
HU = np.where((Y - 24) ** 2 + (X - 32) ** 2 < 20**2, (X + Y) % 80, -1000)
HU = HU.astype(np.int16)


def calibrated(file: Path, hu: np.ndarray = HU, words: str = "") -> Path:
    words = words or "c0=-1024.0\nc1=1.0\n"
    facts = f"ImageJ=1.54f\n{words}vunit=Gray Value\n"
    pixels = (hu.astype(np.int32) + 1024).astype(np.uint16)
    tifffile.imwrite(file, pixels, byteorder=">", description=facts, metadata=None)
    return file


def segmented(
    file: Path, out: Path, checkpoint: Path, *more: str
) -> tuple[Result, dict[str, Any], np.ndarray | None]:
    """What was printed, the mask's provenance and its probability."""
    words = ["segment", str(file), "--out", str(out), "--weights", str(checkpoint)]
    done = CliRunner().invoke(app, [*words, "--device", "cpu", *more])
    story = out / f"{file.stem}.json"
    if not story.is_file():
        return done, {}, None
    facts = json.loads(story.read_text())
    found = tifffile.imread(out / facts["files"]["probability"])
    return done, facts["provenance"], found


@pytest.mark.parametrize("tile", [(), ("--tile",)])
def test_a_window_in_hu_gives_what_the_same_hu_give(
    tmp_path: Path, tiny_weights: Path, tile: tuple[str, ...]
) -> None:
    tifffile.imwrite(tmp_path / "plain.tif", HU)
    file = calibrated(tmp_path / "ij.tif")
    how = (tiny_weights, "--window", "0", "80", *tile)
    _, _, plain = segmented(tmp_path / "plain.tif", tmp_path / "out", *how)
    done, facts, found = segmented(file, tmp_path / "out", *how)
    assert done.exit_code == 0, done.output
    assert plain is not None and np.array_equal(found, plain)
    assert "the window was taken in the values that ImageJ" in done.output
    assert facts["calibrated_window"] == {
        **{"low": 0, "high": 80, "slope": 1, "intercept": -1024}
    }
    assert facts["intensity_rule"] == {"rule": "window", "low": 1024, "high": 1104}


def test_without_a_window_numbers_stay_as_they_are(
    tmp_path: Path, tiny_weights: Path
) -> None:
    file = calibrated(tmp_path / "ij.tif")
    tifffile.imwrite(tmp_path / "plain.tif", tifffile.imread(file))
    _, _, plain = segmented(tmp_path / "plain.tif", tmp_path / "o", tiny_weights)
    done, facts, found = segmented(file, tmp_path / "o", tiny_weights)
    assert plain is not None and np.array_equal(found, plain)
    assert "calibrat" not in done.output and "calibrated_window" not in facts


@pytest.mark.parametrize(
    "words",
    ["cf=1\nc0=1\nc1=2\nc2=3\n", "cf=22\n", "c0=1000\nc1=-1\n", "c0=none\nc1=1\n"],
)
def test_another_calibration_is_refused_with_a_window(
    tmp_path: Path, tiny_weights: Path, words: str
) -> None:
    file = calibrated(tmp_path / "ij.tif", words=words)
    how = ("--window", "0", "80")
    done, _, found = segmented(file, tmp_path / "o", tiny_weights, *how)
    assert done.exit_code and found is None
    assert "Expected a calibration of ij.tif that is a rising straight line" in (
        " ".join(done.output.split())
    )


@pytest.mark.parametrize(
    "words", ["cf=20\nc0=1\nc1=2\n", "c0=0\nc1=1\n", "c0=5\n", "min=0\nmax=9\n"]
)
def test_no_calibration(tmp_path: Path, words: str) -> None:
    file = calibrated(tmp_path / "ij.tif", words=words)
    assert read_upright(file).calibration is None


def test_numbers_that_are_read_inverted_are_refused_with_a_window(
    tmp_path: Path, tiny_weights: Path
) -> None:
    file, facts = tmp_path / "ij.tif", "ImageJ=1.54f\nc0=-1024.0\nc1=1.0\n"
    pixels = (HU.astype(np.int32) + 1024).astype(np.uint16)
    kind = {"photometric": "miniswhite", "metadata": None}
    tifffile.imwrite(file, pixels, description=facts, **kind)
    how = (tiny_weights, "--window", "0", "80")
    done, _, found = segmented(file, tmp_path / "o", *how)
    assert found is None and "rising straight line" in " ".join(done.output.split())
    assert segmented(file, tmp_path / "o", tiny_weights)[2] is not None


def test_signed_numbers_are_as_imagej_holds_them(tmp_path: Path) -> None:
    facts = "ImageJ=1.54f\nc0=-32768.0\nc1=1.0\n"
    file = tmp_path / "x.tif"
    tifffile.imwrite(file, HU, description=facts, metadata=None)
    assert read_upright(file).calibration is None


def test_a_window_that_clips_nearly_all_is_told(
    tmp_path: Path, tiny_weights: Path
) -> None:
    tifffile.imwrite(tmp_path / "hu.tif", HU)
    more = "--window", "-500", "-100"
    done, *_ = segmented(tmp_path / "hu.tif", tmp_path / "o", tiny_weights, *more)
    said = " ".join(done.output.split())
    assert "More than 98% of the pixels" in said.replace("hu.tif: more", "More")


def test_a_window_of_ct_that_clips_air_and_bone_is_not_told(
    tmp_path: Path, tiny_weights: Path
) -> None:
    """A leg in the field of view of a whole body: 4 % of the pixels are tissue."""
    leg = np.full((100, 100), -1000, np.int16)
    leg[40:60, 40:60] = np.arange(400).reshape(20, 20) % 90
    tifffile.imwrite(tmp_path / "leg.tif", leg)
    more = "--window", "-160", "240"
    done, *_ = segmented(tmp_path / "leg.tif", tmp_path / "o", tiny_weights, *more)
    assert "black or white" not in " ".join(done.output.split())


def test_a_wide_window_is_not_answered_by_asking_for_one(
    tmp_path: Path, tiny_weights: Path
) -> None:
    tifffile.imwrite(tmp_path / "hu.tif", np.where(HU < 0, 0, HU).astype(np.int16))
    more = "--window", "-4000", "4000"
    done, *_ = segmented(tmp_path / "hu.tif", tmp_path / "o", tiny_weights, *more)
    said = " ".join(done.output.split())
    assert "hree tenths of the window that was given" in said
    assert "--window LOW HIGH" not in said


def test_explain_takes_the_window_alike(tmp_path: Path, tiny_weights: Path) -> None:
    calibrated(tmp_path / "ij.tif")
    words = ["explain", str(tmp_path / "ij.tif"), "--method", "gate", "--out"]
    words += [str(tmp_path / "o"), "--weights", str(tiny_weights), "--device", "cpu"]
    done = CliRunner().invoke(app, [*words, "--window", "0", "80"])
    assert done.exit_code == 0, done.output
    (story,) = (tmp_path / "o").glob("*.json")
    assert '"intercept": -1024' in story.read_text()
    assert "the window was taken in the values" in " ".join(done.output.split())
