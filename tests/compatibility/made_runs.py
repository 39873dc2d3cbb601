"""Run folders of the fixtures."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import old_files as old
from made_files import FIT, run, write


def runs() -> None:
    """Run folders in every state, started as the Train widget starts them."""
    shutil.rmtree("live", ignore_errors=True)
    shutil.rmtree("runs", ignore_errors=True)
    from napari_attnseg._widgets.training_run import TrainingRun

    # A shell's background job ignores it, and hands that on.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    kept = Path("runs")
    options = FIT.partition(" fit ")[2]

    def start(name: str, more: str, data: str = "data/polyps") -> Any:
        line = f"--data {data} --out live/{name} {options} {more}"
        print(f"$ attnseg-train fit {line}  # by the Train widget", flush=True)
        one = TrainingRun(Path("live", name))
        one.start(line.split())
        return one

    def wait(one: Any, happened: Callable[[Any], Any]) -> Any:
        deadline = time.monotonic() + 120
        while not happened(look := one.look()):
            assert time.monotonic() < deadline, look
            time.sleep(0.001)
        return look

    def ended(look: Any) -> bool:
        return look.state not in ("starting", "running", "stopping")

    def copy(one: Any, name: str, *drop: str) -> Path:
        """Its files but the large ones, whose names are kept instead."""
        folder = kept / name
        shutil.copytree(one.folder, folder, dirs_exist_ok=True)
        for file in drop:
            (folder / file).unlink(missing_ok=True)
        large = ["state.pt", "state-before.pt", "best.safetensors", "last.safetensors"]
        stays = {"done": ["best.safetensors"], "stopped": ["state.pt"]}.get(name, [])
        found = [f for f in [*large, "curves.png"] if (folder / f).is_file()]
        out = [file for file in found if file not in stays]
        for file in out:
            (folder / file).unlink()
        shutil.rmtree(folder / "snapshots", ignore_errors=True)
        write(folder / old.LEFT_OUT, "".join(f"{file}\n" for file in out))
        return folder

    # From its start to being stopped, and killed after it was resumed.
    one = start("long", "--epochs 500")
    copy(one, "starting")
    assert one.look().state == "starting"
    wait(one, lambda look: len(look.epochs) >= 3 and look.place)
    folder = copy(one, "running")
    one.stop()
    wait(one, ended)
    stopped = copy(one, "interrupted")
    lines = (stopped / "output.log").read_text().splitlines(keepends=True)
    assert lines[-1].startswith("Interrupted"), lines
    (at,) = (i for i, line in enumerate(lines) if "Stopping after this step" in line)
    # What it was for less than a step: its log up to there.
    shutil.copytree(folder, kept / "stopping")
    write(kept / "stopping" / "output.log", "".join(lines[: at + 1]))
    one.resume(Path("data/polyps"), "cpu")
    before = len(one.look().epochs)
    wait(one, lambda look: len(look.epochs) > before + 1)
    pid = json.loads((one.folder / "progress.json").read_text())["pid"]
    os.kill(pid, signal.SIGKILL)
    wait(one, ended)
    copy(one, "killed")

    # Stopped twice: at once.
    one = start("twice", "--epochs 500")
    wait(one, lambda look: len(look.epochs) >= 1)
    pid = json.loads((one.folder / "progress.json").read_text())["pid"]
    os.kill(pid, signal.SIGSTOP)
    one.stop()
    one.stop()
    wait(one, ended)
    copy(one, "stopped-at-once")

    # Ctrl-C while Python still imports.
    one = start("early", "--epochs 5")
    time.sleep(0.7)
    one.stop()
    wait(one, ended)
    copy(one, "stopped-early")
    for tenths in range(1, 10):
        one = start("earlier", "--epochs 5")
        time.sleep(tenths / 10)
        one.stop()
        wait(one, ended)
        if one.look().log.endswith("KeyboardInterrupt"):
            copy(one, "stopped-earlier")
            break
    else:
        raise AssertionError("Python was never interrupted by itself.")

    # By the file ``stop``, as on Windows; it is resumed by a test.
    one = start("short", "--epochs 6 --lr 1e-2")
    log = one.folder / "log.csv"
    deadline = time.monotonic() + 120
    while not log.is_file() or log.read_bytes().count(b"\n") < 3:
        assert time.monotonic() < deadline
    (one.folder / "stop").touch()
    wait(one, ended)
    copy(one, "stopped")

    # In a terminal there is no output.log.
    words = f"--data data/polyps --out live/terminal {options} --epochs 500".split()
    print(f"$ attnseg-train fit {' '.join(words)}  # Ctrl-C", flush=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "attnseg_training.cli", "fit", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    one = TrainingRun(Path("live/terminal"))
    wait(one, lambda look: len(look.epochs) >= 2)
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130
    copy(one, "stopped-in-a-terminal")

    for name, more in (
        ("done", "--epochs 3 --lr 1e-2"),
        ("done-all", "--epochs 3 --protocol all"),
        ("done-paper", "--epochs 3 --protocol paper"),
    ):
        one = start(name, more)
        wait(one, ended)
        if name == "done":
            for i in (1, 2):
                run(
                    "attnseg-train evaluate live/done/best.safetensors --device cpu "
                    f"--data data/polyps --json measured/look-{i}.json "
                    f"--csv measured/look-{i}.csv"
                )
        copy(one, name)
    one = start("resumed", "--epochs 2")
    wait(one, ended)
    one.resume(Path("data/polyps"), "cpu")  # of a run that is done
    wait(one, ended)
    copy(one, "done-twice")

    # As `release` and `table` leave them: nobody watched.
    run(f"{FIT} --data data/polyps --epochs 2 --out live/nobody")
    one = TrainingRun(Path("live/nobody"))
    copy(one, "done-by-a-command")
    copy(one, "done-by-nobody", "progress.json")
    folder = copy(one, "ended-by-nobody", "progress.json")
    settings = (folder / "config.toml").read_text()
    write(folder / "config.toml", settings.replace("epochs = 2", "epochs = 4"))

    for name, more, data in (
        ("failed-no-data", "--epochs 2", "images"),
        ("failed-option", "--epochs many", "data/polyps"),
        ("failed-loss", "--epochs 2 --lr 1e30 --encoder-lr 1e30", "data/polyps"),
        ("failed-settings", "--epochs 3 --resume", "data/polyps"),
        # An encoder that does not fit is not noticed before it is run.
        ("failed-traceback", "--model tiny --cnn test_vit", "data/polyps"),
    ):
        if "--resume" in more:
            shutil.copytree("live/resumed", f"live/{name}")
        one = start(name, more, data)
        assert wait(one, ended).state in ("failed", "done"), one.look()
        copy(one, name)
    one = start("disk", "--epochs 500")
    wait(one, lambda look: len(look.epochs) >= 1)
    write(one.folder / "snapshots", "in the way")  # after epoch 5
    wait(one, ended)
    (one.folder / "snapshots").unlink()
    copy(one, "failed-disk")
    (kept / "none").mkdir()
    write(kept / "none" / old.LEFT_OUT, "")
