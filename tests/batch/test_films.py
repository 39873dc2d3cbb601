"""Films and volumes through ``attnseg``: one result per frame."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from command_line import attnseg
from medical_files import (
    cut_film,
    dicom_file,
    interlaced_film,
    number_of,
    numbered,
    video_file,
)
from numpy.typing import NDArray
from written_files import rows_of, written_text

from napari_attnseg.batch import (
    SegmentOptions,
    explain_images,
    segment_files,
)
from napari_attnseg.errors import InputError
from napari_attnseg.exports import load_masks
from napari_attnseg.frame_rows import frame_row
from napari_attnseg.hashing import array_sha256
from napari_attnseg.inference import Segmenter
from napari_attnseg.io.frame_results import load_frame_results
from napari_attnseg.io.images import read_image
from napari_attnseg.io.readers import open_frames
from napari_attnseg.metrics import dice
from napari_attnseg.results import Segmentation
from napari_attnseg.tiles import segment_tiles


def test_an_interlaced_film_is_told_once(tmp_path: Path, tiny_weights: Path) -> None:
    film = interlaced_film(tmp_path / "film.mp4", numbered(3))
    options = ("--weights", tiny_weights, "--device", "cpu", "--no-overlay")
    done = attnseg("segment", film, "--out", tmp_path / "out", *options)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("film.mp4 is interlaced") == 1


def test_every_nth_frame_of_a_film(
    film: Path, tmp_path: Path, tiny_weights: Path
) -> None:
    out = tmp_path / "out"
    options = ("--weights", tiny_weights, "--device", "cpu", "--every", "10")
    done = attnseg("segment", film, "--out", out, *options, "--threshold", "0.45")
    assert done.returncode == 0, done.stderr
    assert "3 of 3 images segmented" in done.stderr
    # What several frames have is told of the first one that has it.
    told = [line for line in done.stderr.splitlines() if line.startswith("film.mp4")]
    notes = [line.partition(": ")[2] for line in told]
    assert notes and len(set(notes)) == len(notes)
    names = [f"frame_{i:06d}_mask.png" for i in (0, 10, 20)]
    assert sorted(path.name for path in (out / "film").iterdir()) == names
    segmenter = Segmenter.from_checkpoint(tiny_weights, "cpu")
    rows = rows_of(out / "film_frames.csv")
    with open_frames(film) as frames:
        for row, name, index in zip(rows, names, (0, 10, 20)):
            assert number_of(frames[index]) == index
            encoded = segmenter.encode(frames[index])
            expected = segmenter.decode(encoded, threshold=0.45)
            mask = read_image(out / "film" / name)
            np.testing.assert_array_equal(mask, expected.mask * 255)
            assert (int(row["frame"]), row["mask"]) == (index, name)
            assert float(row["seconds"]) == pytest.approx(index / 25)
            inside = expected.mask != 0
            assert int(row["area_px"]) == np.count_nonzero(inside)
            wanted = float(expected.probability[0][inside].mean())
            assert float(row["probability"]) == pytest.approx(wanted, abs=1e-4)
            assert row["image_sha256"] == expected.provenance["image_sha256"]
            assert row["position"] == row["area_mm2"] == row["expected_dice"] == ""
    story = json.loads((out / "film.json").read_text())
    assert story["complete"] is True and story["frames"] == [0, 10, 20]
    facts = story["provenance"]
    assert facts["source"] == str(film) and facts["every"] == 10
    assert facts["threshold"] == 0.45 and facts["weights"] == tiny_weights.name
    assert facts["file_facts"]["codec"] == "h264"
    with open_frames(out / "film_overlay.mp4") as overlay:
        assert overlay.shape == (3, 48, 64, 3)
        assert [overlay.place_of(i) for i in range(3)] == pytest.approx([0, 0.4, 0.8])
    # Again, with fewer frames: those of the earlier run go.
    again = attnseg("segment", film, "--out", out, *options[:-1], "20", "--no-overlay")
    assert again.returncode == 0, again.stderr
    assert len(list((out / "film").iterdir())) == 2
    assert not (out / "film_overlay.mp4").exists()


def test_flicker_is_measured_and_smoothed_away(
    tmp_path: Path, tiny_weights: Path
) -> None:
    """A still film whose frames are as before, but for noise."""
    rng = np.random.default_rng(0)
    still = rng.integers(40, 200, (48, 64, 3))
    noise = rng.integers(-2, 3, (7, 48, 64, 3))
    frames = np.clip(still + noise, 0, 255).astype(np.uint8)
    film = video_file(tmp_path / "film.mp4", frames, crf="1")
    segmenter = Segmenter.from_checkpoint(tiny_weights, "cpu")
    with open_frames(film) as opened:
        seen = [opened[i] for i in range(7)]
    maps = [segmenter(one).probability for one in seen]
    limit = float(np.median(maps))
    options = ("--weights", tiny_weights, "--device", "cpu", "--threshold", limit)

    def run(out: Path, *more: object) -> tuple[list[NDArray[Any]], dict[str, Any]]:
        done = attnseg("segment", film, "--out", out, *options, "--no-overlay", *more)
        assert done.returncode == 0, done.stderr
        masks = [read_image(path) for path in sorted((out / "film").iterdir())]
        facts = json.loads((out / "film.json").read_text())["provenance"]
        wanted = [dice(*pair) for pair in pairwise(masks)]
        rows = rows_of(out / "film_frames.csv")
        found = [float(row["dice_to_last"]) for row in rows[1:]]
        assert found == pytest.approx(wanted, abs=1e-4)
        assert rows[0]["dice_to_last"] == rows[0]["image_change"] == ""
        assert all(float(row["image_change"]) < 0.01 for row in rows[1:])
        measured = facts["flicker"]
        assert measured["pairs"] == measured["neighbours"] == 6
        mean = np.mean(wanted)
        assert measured["dice_of_neighbours"] == pytest.approx(mean, abs=1e-4)
        return masks, facts

    before, plain = run(tmp_path / "out")
    after, facts = run(tmp_path / "smooth", "--smooth-time", "3")
    assert "time_smoothing" not in plain
    assert facts["time_smoothing"] == {"method": "running_median", "frames": 3}
    assert facts["flicker_before_smoothing"] == plain["flicker"]
    flicker = facts["flicker"]["dice_of_neighbours"]
    assert flicker > plain["flicker"]["dice_of_neighbours"]
    np.testing.assert_array_equal(after[0], before[0])
    middle = np.median(maps[2:5], axis=0)[0] >= limit
    np.testing.assert_array_equal(after[3] != 0, middle)
    refused = attnseg("segment", film, "--out", tmp_path / "x", "--smooth-time", "4")
    assert refused.returncode == 2 and "odd number" in refused.stderr


def test_areas_of_small_pixels_keep_their_digits(tmp_path: Path) -> None:
    probability = np.zeros((1, 40, 48), np.float32)
    mask = np.zeros((40, 48), np.uint8)
    mask[:10, :13] = 1
    row = frame_row(Segmentation(mask, probability, (), {}), 1.25e-7)
    assert row["area_mm2"] == 1.625e-5
    assert frame_row(Segmentation(mask, probability, (), {}), 0.3)["area_mm2"] == 39


def test_a_damaged_film_ends_where_it_is_damaged(
    tmp_path: Path, tiny_weights: Path
) -> None:
    path = cut_film(tmp_path / "cut.mp4", numbered(30))
    out = tmp_path / "out"
    *done, last = segment_files([path], out, tiny_weights, "cpu", overlay=False)
    assert last.error is not None and "cut short" in last.error
    assert last.name == f"cut.mp4 frame {len(done)}"
    story = json.loads((out / "cut.json").read_text())
    assert story["complete"] is False
    assert 5 < len(story["frames"]) == len(done) < 30
    assert len(rows_of(out / "cut_frames.csv")) == len(done)


def test_objects_readers_and_tiles_of_a_film(
    film: Path, tmp_path: Path, tiny_weights: Path
) -> None:
    out = tmp_path / "out"
    how = SegmentOptions(objects=True, readers=True)
    list(segment_files([film], out, tiny_weights, "cpu", how, every=12, overlay=False))
    segmenter = Segmenter.from_checkpoint(tiny_weights, "cpu")
    rows = rows_of(out / "film_frames.csv")
    objects = rows_of(out / "film_objects.csv")
    with open_frames(film) as frames:
        for row in rows:
            index = int(row["frame"])
            encoded = segmenter.encode(frames[index])
            found = segmenter.decode(encoded, readers=True)
            assert found.readers is not None
            name = f"frame_{index:06d}_mask"
            cnn = read_image(out / "film" / f"{name}_cnn.png")
            np.testing.assert_array_equal(cnn, found.readers.cnn.mask * 255)
            assert row["area_cnn_px"] == str(np.count_nonzero(cnn))
            apart = read_image(out / "film" / f"{name}_disagree.png")
            np.testing.assert_array_equal(apart != 0, found.readers.disagreement > 0)
            dice_of_both = float(row["dice_cnn_transformer"])
            assert dice_of_both == pytest.approx(found.readers.dice, abs=1e-4)
            own = [one for one in objects if one["frame"] == row["frame"]]
            assert len(own) == int(row["objects"])
            areas = sum(int(float(one["area (px)"])) for one in own)
            assert areas == int(row["area_px"])
        tiled = SegmentOptions(tile=True)
        list(segment_files([film], out, tiny_weights, "cpu", tiled, every=12))
        mask = read_image(out / "film" / "frame_000012_mask.png")
        wanted = segment_tiles(segmenter, frames[12]).mask
        np.testing.assert_array_equal(mask, wanted * 255)
    facts = json.loads((out / "film.json").read_text())["provenance"]
    assert facts["tiles"]["rows"] * facts["tiles"]["columns"] >= 1
    assert not (out / "film_objects.csv").exists()
    assert len(list((out / "film").iterdir())) == 3
    with pytest.raises(InputError, match="leave out the readers or the tiles"):
        both = SegmentOptions(tile=True, readers=True)
        segment_files([film], out, tiny_weights, "cpu", both)


def test_times_of_an_uneven_film_are_its_own(
    tmp_path: Path, tiny_weights: Path
) -> None:
    """Every second frame, whenever that is."""
    times = [Fraction(n, 600) for n in (0, 10, 60, 70, 300, 310)]
    film = video_file(tmp_path / "a.mkv", numbered(6), times=times, bf="0")
    out = tmp_path / "out"
    list(segment_files([film], out, tiny_weights, "cpu", every=2))
    rows = rows_of(out / "a_frames.csv")
    assert [int(row["frame"]) for row in rows] == [0, 2, 4]
    wanted = [0, 0.1, 0.5]
    assert [float(row["seconds"]) for row in rows] == pytest.approx(wanted, abs=1e-3)
    with open_frames(out / "a_overlay.mp4") as overlay:
        shown = [overlay.place_of(i) for i in range(3)]
        assert shown == pytest.approx(wanted, abs=1e-3)


def test_results_of_a_film_find_it_from_anywhere(
    tmp_path: Path, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    video_file(tmp_path / "in" / "film.mp4", numbered(3))
    monkeypatch.chdir(tmp_path)
    given, out = Path("in/film.mp4"), Path("out")
    list(segment_files([given], out, tiny_weights, "cpu", every=2, overlay=False))
    monkeypatch.chdir("/")
    found = load_frame_results(tmp_path / "out" / "film.json")
    assert found.source is not None and found.source.samefile(tmp_path / "in/film.mp4")
    assert found.image == "../in/film.mp4"


def test_one_frame_is_explained(tmp_path: Path, tiny_weights: Path) -> None:
    film = video_file(tmp_path / "film.mp4", numbered(12), g="10", crf="1")
    for i in range(3):  # a series, named after its patient
        pixels = np.full((40, 48), 50 * i, np.uint8)
        more = {"SeriesInstanceUID": "1.2.3", "SeriesNumber": 5}
        dicom_file(tmp_path / "s" / f"Quimby-{i}", pixels, InstanceNumber=i, **more)
    out = tmp_path / "out"
    given = [film, tmp_path / "s"]
    batch = explain_images(given, out, "gate", tiny_weights, "cpu", frame=2)
    done = list(batch)
    assert all(one.error is None for one in done)
    assert [one.stem for one in done] == [
        "film_frame_000002",
        "US-series-5_frame_000002",
    ]
    story = json.loads((out / "film_frame_000002_gate.json").read_text())
    facts = story["provenance"]
    assert facts["frame"] == 2 and facts["source"] == str(film)
    with open_frames(film) as frames:
        assert facts["image_sha256"] == array_sha256(frames[2])
        found = Segmenter.from_checkpoint(tiny_weights, "cpu")(frames[2])
    wanted = next(gate for gate in found.attention if gate.label == "1/32")
    saved = tifffile.imread(out / "film_frame_000002_gate_1-32.tif")
    np.testing.assert_allclose(saved, wanted.values, atol=1e-6)
    assert "quimby" not in written_text(out).casefold()
    command = ("explain", *given, "--method", "gate", "--out", out)
    options = ("--weights", tiny_weights, "--device", "cpu")
    refused = attnseg(*command, *options, "--frame", "5")
    assert refused.returncode == 1 and "from 0 to 2, but got 5" in refused.stderr
    whole = attnseg("explain", film, *command[3:], *options)
    assert whole.returncode == 2 and "--frame" in whole.stderr


def test_a_mask_beside_that_of_a_frame_is_named(
    film: Path, tmp_path: Path, tiny_weights: Path
) -> None:
    out = tmp_path / "out"
    list(segment_files([film], out, tiny_weights, "cpu", every=12))
    assert load_masks(out / "film.json").assumed == ""
    (out / "film" / "frame_000012_mask.tif").write_bytes(b"any")
    said = load_masks(out / "film.json").assumed
    assert "frame_000012_mask.tif lies beside frame_000012_mask.png" in said
