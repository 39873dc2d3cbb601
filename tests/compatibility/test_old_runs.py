"""Run folders that version 0.1.0 wrote are shown, resumed and counted as then."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import platform
import re
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from old_code import look_at
from old_files import (
    EXPECTED,
    FILES,
    LEFT_OUT,
    TINY,
    assert_holds,
    command,
    expected,
    expected_of,
    listed,
    reworded,
    without_paths,
    without_words,
)

#: Runs that went on when their folders were copied.
LIVE = ("starting", "running", "stopping")


def run_answer(run: Path, folder: Path, here: bool = False) -> dict[str, Any]:
    """A run folder as the Train widget sees it; one that goes on does so now."""
    copy = folder / f"{run.name}{' here' * here}"
    shutil.copytree(run, copy)
    for name in (run / LEFT_OUT).read_text().split():
        (copy / name).touch()
    if run.name in LIVE:
        progress = json.loads((copy / "progress.json").read_text())
        progress["time"] = time.time()
        if here:
            progress |= {"pid": os.getpid(), "host": platform.node()}
        (copy / "progress.json").write_text(json.dumps(progress))
    look = look_at(copy)
    epochs = [list(dataclasses.astuple(epoch))[:4] for epoch in look.epochs]
    return without_paths({**dataclasses.asdict(look), "epochs": epochs}, copy)


def runs_answer(folder: Path) -> dict[str, Any]:
    runs = sorted((FILES / "runs").iterdir())
    return {run.name: run_answer(run, folder) for run in runs}


RESUME = f"attnseg-train fit --data data/polyps --out runs/stopped --resume {TINY}"


def resumed_answer(folder: Path) -> dict[str, Any]:
    """The run that was stopped, when it has gone on to its end in a copy."""
    shutil.copytree(FILES, folder / "resumed")
    with contextlib.chdir(folder / "resumed"):
        done = command(RESUME)
    assert done.code == 0, done.err
    run = folder / "resumed" / "runs" / "stopped"
    rows = (run / "log.csv").read_text("utf-8").splitlines()
    (run / "progress.json").unlink()  # its process is this one, which goes on
    return {
        "rows": rows[: len((FILES / "runs/stopped/log.csv").read_text().splitlines())],
        "epochs": len(rows) - 1,
        "last": [float(one) for one in rows[-1].split(",")[1:6]],
        "sessions": len(expected_of(run / "run.json")["sessions"]),
        "state": look_at(run).state,
        "names": sorted(path.name for path in run.iterdir()),
    }


@pytest.mark.parametrize("name", listed(EXPECTED / "runs.json"))
def test_a_run_folder_says_what_became_of_the_run(tmp_path: Path, name: str) -> None:
    run, wanted = FILES / "runs" / name, without_words(expected("runs")[name])
    assert_holds(without_words(run_answer(run, tmp_path)), wanted, name)
    if name in LIVE:
        here = run_answer(run, tmp_path, here=True)
        assert_holds(without_words(here), wanted, name)
        assert wanted["state"] == name


def test_run_folders_say_it_in_the_same_words(tmp_path: Path) -> None:
    found = runs_answer(tmp_path)
    for one in found.values():
        # 0.1.0 did not say on how many images.
        one["said"] = re.sub(r"(\.\d+) on \d+ images?", r"\1", one["said"])
    assert_holds(reworded(found), expected("runs"))


def test_all_states_are_among_them() -> None:
    states = {name: one["state"] for name, one in expected("runs").items()}
    assert set(states.values()) == {
        *("none", "starting", "running", "stopping", "done", "stopped", "failed")
    }
    assert states["killed"] == "failed" and states["interrupted"] == "stopped"


@pytest.mark.usefixtures("no_pictures")
def test_a_stopped_run_goes_on(tmp_path: Path) -> None:
    found, wanted = resumed_answer(tmp_path), expected("resumed")
    assert 3 <= len(wanted["rows"]) <= 6 and wanted["state"] == "done"
    assert set(found.pop("names")) >= set(wanted.pop("names"))
    assert_holds(found, wanted, rough=0.01)


def test_looks_at_the_test_images_are_counted_on(files: Path) -> None:
    done = command(
        "attnseg-train evaluate runs/done/best.safetensors --device cpu "
        "--data data/polyps --json third.json"
    )
    assert done.code == 0, done.err
    found = expected_of(files / "third.json")
    before = expected_of(files / "measured" / "look-2.json")
    assert found["look"] == 3 and before["look"] == 2
    words = "evaluation {} of this run on this split"
    assert words.format(2) in before["protocol"]
    assert words.format(3) in found["protocol"]
    assert found["dice"]["mean"] == pytest.approx(before["dice"]["mean"], abs=0.01)
    assert_holds(found["domain"], before["domain"])
    looks = expected_of(files / "runs" / "done" / "evaluations.json")
    assert [look["split"] for look in looks] == ["test"] * 3
