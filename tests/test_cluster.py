"""A batch on a local cluster of two processes, one of which is killed on the way."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from command_line import attnseg
from medical_files import dicom_file
from PIL import Image

from napari_attnseg.batch import Note, SegmentOptions, segment_images
from napari_attnseg.batch import cluster as clusters
from napari_attnseg.batch.cluster import segment_on_cluster
from napari_attnseg.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(8):
        pixels = rng.integers(0, 255, (40, 50 + i, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{i:02d}.png")
    (folder / "damaged.png").write_text("hello")
    return folder


def contents(folder: Path) -> dict[str, object]:
    """Every file; of JSON and table all but when they were made."""
    found: dict[str, object] = {}
    for path in sorted(folder.iterdir()):
        found[path.name] = path.read_bytes()
        if path.suffix == ".json":
            facts = json.loads(path.read_text())
            del facts["provenance"]["date"]
            found[path.name] = facts
        if path.suffix == ".csv":
            lines = path.read_text(encoding="utf-8").splitlines()
            found[path.name] = [line.rpartition(",")[0] for line in lines]
    return found


def worker_processes() -> list[psutil.Process]:
    every = psutil.Process().children(recursive=True)
    return [one for one in every if "spawn_main" in " ".join(one.cmdline())]


def test_a_killed_workers_images_are_done_again_and_nothing_twice(
    photos: Path,
    tmp_path: Path,
    tiny_weights: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    options = SegmentOptions(objects=True, gates={32: 0.25})
    here, there = tmp_path / "here", tmp_path / "there"
    how = (tiny_weights, "cpu", options)
    list(segment_images([photos], here, *how))
    batch = segment_on_cluster([photos], there, *how, workers=2)
    assert len(batch) == 9 and not there.exists()
    outcomes = []
    for outcome in batch:
        if not outcomes:
            victim = worker_processes()[0]
            victim.kill()
            victim.wait(10)
        outcomes.append(outcome)
    assert sorted(outcome.stem for outcome in outcomes) == sorted(batch.stems.values())
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    assert [outcome.stem for outcome in failed] == ["damaged"]
    assert "damaged.png cannot be read" in str(failed[0].error)
    assert contents(there) == contents(here)
    assert not worker_processes()
    assert "distributed" not in capfd.readouterr().err  # neither INFO nor WARNING

    # Gone on with: what is there stays as it is, what is not is made.
    (there / "03_mask.png").unlink()
    times = {path: path.stat().st_mtime_ns for path in there.iterdir()}
    resumed = SegmentOptions(objects=True, gates={32: 0.25}, resume=True)
    again = {
        one.stem: one for one in segment_images([photos], there, *how[:2], resumed)
    }
    assert {s for s, one in again.items() if Note.DONE_BEFORE in one.notes} == {
        f"{i:02d}" for i in range(8) if i != 3
    }
    assert set(again["02"].files) == set(there.glob("02*"))
    changed = {p.stem[:2] for p in times if p.stat().st_mtime_ns != times[p]}
    assert changed == {"03"} and contents(there) == contents(here)


def test_what_can_be_checked_is_checked_before_any_worker_starts(
    photos: Path, tmp_path: Path, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = ([photos], tmp_path / "out", tiny_weights, "cpu")
    with pytest.raises(InputError, match="one or more workers"):
        segment_on_cluster(*how)
    with pytest.raises(InputError, match="threshold"):
        segment_on_cluster(*how, SegmentOptions(threshold=2), workers=2)
    scan = dicom_file(tmp_path / "Quimby.dcm", np.zeros((40, 48), np.uint8))
    with pytest.raises(InputError, match="with --workers and --scheduler") as refused:
        segment_on_cluster([scan], *how[1:], workers=2)
    assert "Quimby" not in str(refused.value)
    monkeypatch.setattr(clusters, "PATIENCE", 1)
    batch = segment_on_cluster(*how, scheduler="tcp://127.0.0.1:9")
    with pytest.raises(InputError, match="No Dask scheduler answered at tcp://127"):
        list(batch)
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"napari-attnseg\[cluster\]"):
        segment_on_cluster(*how, workers=2)


def test_workers_compute_with_the_threads_that_are_asked_for(
    photos: Path, tmp_path: Path, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs: list[clusters.Job] = []

    def here(stems: dict[Path, str], job: clusters.Job, *where: object) -> object:
        """One worker, in this process."""
        jobs.append(job)
        yield clusters.segment_one(job, photos / "00.png", "00")

    monkeypatch.setattr(clusters, "_outcomes", here)
    before, out = torch.get_num_threads(), tmp_path / "out"
    how = ("--weights", tiny_weights, "--device", "cpu", "--workers", "2")
    try:
        done = attnseg("segment", photos, "--out", out, *how, "--threads", "3")
    finally:
        clusters._LAST.clear()
        torch.set_num_threads(before)
    assert "1 of 9 images segmented" in done.stderr and jobs[0].threads == 3
    facts = json.loads((out / "00.json").read_text())["provenance"]
    assert facts["threads"] == 3


def test_other_weights_on_a_worker_are_an_error(
    photos: Path, tmp_path: Path, tiny_weights: Path
) -> None:
    job = clusters.Job(
        tmp_path / "out", tiny_weights, "cpu", SegmentOptions(), "other", "settings"
    )
    outcome = clusters.segment_one(job, photos / "00.png", "00")
    assert outcome.error is not None and "other weights or another" in outcome.error
    assert not (tmp_path / "out").exists()
