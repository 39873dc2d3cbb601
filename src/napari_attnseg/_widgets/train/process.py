"""A training run in its folder: start, look, stop, resume. No Qt.

The run is a process of its own, ``attnseg-train fit``, that outlives napari. Everything
there is to know of it stands in its folder, so whoever opens the folder is connected.
"""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from napari_attnseg._widgets.train.status import GOING_ON, Look, State, sentence
from napari_attnseg.errors import InputError
from napari_attnseg.io.atomic import write_text
from napari_attnseg.run_files import Files, read_progress

#: Seconds after which a run on another machine that wrote nothing is taken for ended.
SILENCE = 600.0
KILLED = "Stopped at once from napari."
#: Output for a file: at once, in UTF-8, without colours and boxes.
_PLAIN = {
    "COLUMNS": "100",
    "NO_COLOR": "1",
    "PYTHONUNBUFFERED": "1",
    "PYTHONUTF8": "1",
    "TYPER_USE_RICH": "0",
}

#: Processes that this napari started: only their parent learns that they have ended.
_CHILDREN: dict[int, subprocess.Popen[bytes]] = {}


class TrainingRun:
    """The run in a folder, whoever started it.

    Parameters
    ----------
    folder : Path
        Run folder; need not be there yet.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self._asked_to_stop = False

    def start(self, options: Sequence[str]) -> None:
        """Start ``attnseg-train fit`` with `options`; comes back at once.

        Raises
        ------
        InputError
            If a run is going on in the folder, or it cannot be written.
        """
        if self._going_on():
            raise InputError(
                f"A run is going on in {self.folder}; stop it first, or choose another "
                "run folder."
            )
        self._asked_to_stop = False
        resume = "--resume" in options
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / "stop").unlink(missing_ok=True)
            with (self.folder / "output.log").open("ab" if resume else "wb") as log:
                process = subprocess.Popen(
                    # -P: not what happens to lie in the working directory.
                    [sys.executable, "-Pm", "attnseg_training.cli", "fit", *options],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **_PLAIN},
                    **_detached(),
                )
        except OSError as error:
            raise InputError(
                f"The run cannot be started in {self.folder} ({error.strerror}); "
                "expected a folder that can be written: choose another one."
            ) from error
        _CHILDREN[process.pid] = process
        where = {"pid": process.pid, "host": platform.node(), "time": time.time()}
        write_text(self.folder / "progress.json", json.dumps(where) + "\n")

    def resume(self, data: Path, device: str) -> None:
        """Go on from the last training state, as `start`."""
        where = ["--data", str(data.absolute()), "--out", str(self.folder)]
        self.start([*where, "--device", device, "--resume"])

    def stop(self) -> None:
        """Let the run finish its step and save; asked again, end it at once."""
        process = self._process()
        if process is not None and self.look().state == "stopping":
            _kill(process)
            with suppress(OSError), (self.folder / "output.log").open("a") as log:
                log.write(f"{KILLED}\n")
        elif process is not None and sys.platform != "win32":
            self._asked_to_stop = True
            process.send_signal(signal.SIGINT)
        elif self._going_on():
            # No signal gets there; the run looks for this file after every step.
            self._asked_to_stop = True
            (self.folder / "stop").touch()

    def look(self) -> Look:
        """Read the folder; quick, but on a slow disk no work for the GUI thread."""
        going_on = self._going_on()  # first: what a run writes last is then seen
        files = Files.read(self.folder)
        state = self._state(files, going_on)
        ended = state not in GOING_ON
        resumable = ended and state != "done" and (self.folder / "state.pt").is_file()
        best = self.folder / "best.safetensors"
        return Look(
            state,
            sentence(state, files, resumable),
            files.epochs,
            None if ended else files.place,
            files.log,
            files.settings.get("data", ""),
            resumable,
            best if best.is_file() else None,
            files.measured_on,
        )

    def _state(self, files: Files, going_on: bool) -> State:
        last = files.last_line
        if going_on:
            if self._asked_to_stop or "Stopping after this step" in last:
                return "stopping"
            return "starting" if files.place is None else "running"
        if files.epochs and len(files.epochs) >= files.settings.get("epochs", 0):
            return "done"
        if not (files.progress or files.epochs or last):
            return "none"
        stopped = self._asked_to_stop or not last
        if stopped or last.startswith(("Interrupted", "KeyboardInterrupt", KILLED)):
            return "stopped"
        return "failed"

    def _going_on(self) -> bool:
        return self._process() is not None or _elsewhere(read_progress(self.folder))

    def _process(self) -> psutil.Process | None:
        """The run's process, if it is still that one and runs on this machine."""
        facts = read_progress(self.folder)
        if not facts or facts["host"] != platform.node():
            return None
        child = _CHILDREN.get(facts["pid"])
        if child is not None and child.poll() is not None:
            _CHILDREN.pop(facts["pid"], None)
        try:
            process = psutil.Process(facts["pid"])
            # A process that got the number later was created after this was written.
            same = process.create_time() <= facts["time"] + 1
            gone = process.status() == psutil.STATUS_ZOMBIE
        except psutil.Error:
            return None
        return process if same and not gone else None


def _kill(process: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):
        for one in (*process.children(recursive=True), process):
            with suppress(psutil.NoSuchProcess):
                one.kill()


def _elsewhere(facts: dict[str, Any]) -> bool:
    """Whether a run goes on on another machine that shares the folder."""
    if not facts or facts["host"] == platform.node():
        return False
    return bool(time.time() - facts["time"] < SILENCE)


def _detached() -> dict[str, Any]:
    """What keeps a process alive when napari or its terminal closes."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}
