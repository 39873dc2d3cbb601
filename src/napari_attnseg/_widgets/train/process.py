"""A training run in its folder: start, watch, stop, resume. No Qt.

The run is a process of its own, ``attnseg-train fit``, that continues when napari
closes. All facts about it are in its folder, so that opening the folder is enough to
follow the run.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from subprocess import Popen
from typing import Any

import psutil

from napari_attnseg._widgets.train.status import Look, sentence
from napari_attnseg.card_summary import images_of
from napari_attnseg.cards import read_card
from napari_attnseg.errors import AttnSegError, InputError
from napari_attnseg.run_files import (
    BEST_WEIGHTS,
    OUTPUT_FILE,
    STATE_FILES,
    STOP_FILE,
    EndReason,
    ProcessRecord,
    RunFiles,
    RunState,
    RunStatus,
)

#: Seconds after which a run on another machine that wrote nothing counts as ended.
SILENCE = 600.0
#: Last line of the output of a run that was killed.
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
_CHILDREN: dict[int, Popen[bytes]] = {}


def quiet_environment() -> dict[str, str]:
    """Environment of a process whose output goes to a file or a pipe."""
    return {**os.environ, **_PLAIN}


def end_children() -> None:
    """Kill the runs that this napari started and wait for their ends."""
    while _CHILDREN:
        _, child = _CHILDREN.popitem()
        with suppress(psutil.NoSuchProcess):
            _kill(psutil.Process(child.pid))
        child.wait()


class TrainingRun:
    """The run in a folder, which this or another program started.

    Parameters
    ----------
    folder : Path
        Run folder; it need not exist yet.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        # The status file says it too, but a write of the run may still be on its way.
        self._stop_requested = False

    def start(self, options: Sequence[str]) -> None:
        """Start ``attnseg-train fit`` with `options` and return at once.

        Raises
        ------
        InputError
            If a run is in progress in the folder, or it cannot be written.
        """
        if self._alive(RunStatus.read(self.folder)):
            raise InputError(
                f"A run is in progress in {self.folder}; stop it first, or choose "
                "another "
                "run folder."
            )
        self._stop_requested = False
        resume = "--resume" in options
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / STOP_FILE).unlink(missing_ok=True)
            with (self.folder / OUTPUT_FILE).open("ab" if resume else "wb") as log:
                process = Popen(
                    # -P: not what happens to lie in the working directory.
                    [sys.executable, "-Pm", "attnseg_training.cli", "fit", *options],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=quiet_environment(),
                    **_detached(),
                )
        except OSError as error:
            raise InputError(
                f"The run cannot be started in {self.folder} ({error.strerror}); "
                "expected a folder that can be written: choose another one."
            ) from error
        _CHILDREN[process.pid] = process
        record = ProcessRecord.now(process.pid)
        RunStatus(record, RunState.STARTING).write(self.folder)

    def resume(self, data: Path, device: str) -> None:
        """Continue from the last training state; errors as for `start`."""
        where = ["--data", str(data.absolute()), "--out", str(self.folder)]
        self.start([*where, "--device", device, "--resume"])

    def train_on(self, finished: Path, data: Path, epochs: int, device: str) -> None:
        """Continue training the weights of a finished run, in this folder.

        Errors are those of `start`.
        """
        where = ["--data", str(data.absolute()), "--out", str(self.folder)]
        what = ["--train-on", str(finished), "--epochs", str(epochs)]
        self.start([*where, *what, "--device", device])

    def stop(self) -> None:
        """Let the run finish its step and save; a second call kills it."""
        files = RunFiles.read(self.folder)
        status = files.status
        process = _process(status)
        if status is not None and process is not None:
            if self._state(files, alive=True) is RunState.STOPPING:
                self._kill(process, status)
            else:
                if sys.platform != "win32":
                    # The run says so itself, unless Python still imports. Before the
                    # signal: what the run writes after it is not overwritten.
                    replace(status, state=RunState.STOPPING).write(self.folder)
                    with suppress(psutil.NoSuchProcess):  # it has just ended
                        process.send_signal(signal.SIGINT)
                # A run that is starting may miss the signal, not the file.
                self._write_stop_file()
            self._stop_requested = True
        elif self._alive(status):
            self._write_stop_file()
            self._stop_requested = True

    def _write_stop_file(self) -> None:
        # The run looks for this file before its first step and after every one.
        (self.folder / STOP_FILE).touch()

    def _state(self, files: RunFiles, alive: bool) -> RunState:
        if alive and self._stop_requested:
            return RunState.STOPPING
        return files.state(alive)

    def _kill(self, process: psutil.Process, status: RunStatus) -> None:
        _kill(process)
        killed = replace(status, state=RunState.STOPPED, reason=EndReason.KILLED)
        killed.write(self.folder)
        (self.folder / STOP_FILE).unlink(missing_ok=True)
        with suppress(OSError), (self.folder / OUTPUT_FILE).open("a") as log:
            log.write(f"{KILLED}\n")

    def look(self) -> Look:
        """Read the folder; do not call it in the GUI thread: a disk may be slow."""
        # The process first: what the run writes last is then seen.
        alive = self._alive(RunStatus.read(self.folder))
        if self._stop_requested and not alive:
            # It had ended before it saw the file, which means no later run.
            with suppress(OSError):
                (self.folder / STOP_FILE).unlink(missing_ok=True)
        files = RunFiles.read(self.folder)
        state = self._state(files, alive)
        resumable = (
            not state.active
            and state is not RunState.DONE
            and (self.folder / STATE_FILES[0]).is_file()
        )
        best = self.folder / BEST_WEIGHTS
        return Look(
            state,
            sentence(state, files, resumable, _earlier(files), _images(best)),
            files.epochs,
            files.place if state.active else None,
            files.output,
            files.settings.get("data", ""),
            resumable,
            best if best.is_file() else None,
            files.measured_on,
            files.settings.get("model", ""),
        )

    @staticmethod
    def _alive(status: RunStatus | None) -> bool:
        return _process(status) is not None or _alive_elsewhere(status)


def _images(weights: Path) -> str:
    """Number of images that chose a run's best epoch, as text; empty if unknown."""
    with suppress(AttnSegError, OSError):
        return images_of(read_card(weights))
    return ""


def _earlier(files: RunFiles) -> RunFiles | None:
    """The run on the same data with whose best weights a run began, if it exists."""
    init = Path(str(files.settings.get("init", "")))
    if init.name != BEST_WEIGHTS or not init.is_file():
        return None
    found = RunFiles.read(init.parent)
    same = all(
        found.settings.get(key) == files.settings.get(key)
        for key in ("data", "protocol", "split_seed")
    )
    return found if same else None


def _process(status: RunStatus | None) -> psutil.Process | None:
    """Return the process of a run if it still exists and is on this machine."""
    if status is None or not status.process.here:
        return None
    record = status.process
    child = _CHILDREN.get(record.pid)
    if child is not None and child.poll() is not None:
        _CHILDREN.pop(record.pid, None)
    try:
        process = psutil.Process(record.pid)
        # A process that got the number later was created after this was written.
        same = process.create_time() <= record.time + 1
        gone = process.status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return None
    return process if same and not gone else None


def _kill(process: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):
        for one in (*process.children(recursive=True), process):
            with suppress(psutil.NoSuchProcess):
                one.kill()


def _alive_elsewhere(status: RunStatus | None) -> bool:
    """Whether a run continues on another machine that shares the folder."""
    if status is None or status.process.here:
        return False
    if status.state is not None and not status.state.active:
        return False
    return time.time() - status.process.time < SILENCE


def _detached() -> dict[str, Any]:
    """Options that keep a process alive when napari or its terminal closes."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}
