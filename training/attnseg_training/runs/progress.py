"""``progress.json`` in a run folder: where a run is, for who watches from outside.

And the way back: a file ``stop`` beside it asks the run to stop, where no signal can be
sent, as on Windows.
"""

from __future__ import annotations

import json
import os
import platform
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from napari_attnseg.errors import InputError
from napari_attnseg.io.atomic import write_text

if TYPE_CHECKING:
    from napari_attnseg.run_files import Progress

#: Seconds between two writes; an epoch's end is written at once.
EVERY = 1.0


class ProgressFile:
    """Writes the file after steps; call it with `fit.Progress`.

    Parameters
    ----------
    folder : Path
        Run folder.
    watch : callable
        Is called with the same.
    """

    def __init__(self, folder: Path, watch: Callable[[Progress], None]) -> None:
        self._folder, self._watch = folder, watch
        self._written = 0.0
        self._start: tuple[float, float] | None = None

    def __call__(self, now: Progress) -> None:
        """Pass on, write, and stop if that is asked for."""
        self._watch(now)
        stop = self._folder / "stop"
        if stop.is_file():
            stop.unlink(missing_ok=True)
            signal.raise_signal(signal.SIGINT)
        clock = time.monotonic()
        done = now.epoch - 1 + now.step / now.steps
        if self._start is None:
            self._start = (clock, done)
        if clock - self._written < EVERY and now.step < now.steps:
            return
        self._written = clock
        since, first = self._start
        left = None
        if done > first:
            left = (clock - since) / (done - first) * (now.epochs - done)
        facts = {
            **whereabouts(os.getpid()),
            "epoch": now.epoch,
            "epochs": now.epochs,
            "step": now.step,
            "steps": now.steps,
            "loss": now.loss,
            "measured": now.dice is not None,
            "seconds_left": left,
        }
        with suppress(InputError):  # a run is worth more than its progress
            write_text(self._folder / "progress.json", json.dumps(facts) + "\n")


def whereabouts(pid: int) -> dict[str, str | int | float]:
    """Which process a run is, and when that was true."""
    return {"pid": pid, "host": platform.node(), "time": time.time()}
