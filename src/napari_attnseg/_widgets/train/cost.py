"""Ask the trainer, in a process, how long a run will take here. No Qt."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from subprocess import Popen
from typing import Any

from napari_attnseg._widgets.base.pace import time_words
from napari_attnseg._widgets.train.process import quiet_environment
from napari_attnseg.how_many import how_many

#: Steps that ``fit --dry-run`` does, with the one to warm up.
TRIED_STEPS = 4


class CostQuestion:
    """Estimate the cost of a run from a few of its steps, without writing anything.

    Parameters
    ----------
    options : sequence of str
        Options of ``attnseg-train fit``.
    epochs : int
        Number of epochs in these options.
    """

    def __init__(self, options: Sequence[str], epochs: int) -> None:
        self._options, self._epochs = options, epochs
        self._process: Popen[str] | None = None
        self._cancelled = False

    def ask(self) -> str:
        """Return the estimate, or why there is none; this takes up to minutes."""
        began = time.monotonic()
        command = [sys.executable, "-Pm", "attnseg_training.cli", "fit"]
        try:
            self._process = Popen(
                [*command, *self._options, "--dry-run", "--json"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                env=quiet_environment(),
            )
            if self._cancelled:
                self._process.kill()
            answer, said = self._process.communicate()
            took = time.monotonic() - began
            return cost_sentence(json.loads(answer), self._epochs, took)
        except OSError as error:
            return f"The trainer cannot be started ({error.strerror})."
        except ValueError:
            lines = said.strip().splitlines()
            return lines[-1] if lines else "The trainer ended without an answer."

    def cancel(self) -> None:
        """End the process, if there is one."""
        self._cancelled = True
        if self._process is not None:
            with suppress(OSError):
                self._process.kill()


def cost_sentence(found: dict[str, Any], epochs: int, took: float = 0.0) -> str:
    """Describe the cost of a run from the JSON of ``fit --dry-run --json``.

    `took` is the time of the estimate in seconds. Most of it is the start, which a run
    needs, too: loading libraries, reading images, building the network.
    """
    step = found["seconds_per_step"]
    start = max(took - TRIED_STEPS * step, 0.0)
    seconds = start + found["steps"] * step * epochs
    text = (
        f"About {time_words(seconds)} for {how_many(epochs, 'epoch')} of "
        f"{how_many(found['train'], 'training image')} on {found['device']}"
    )
    if start >= 1:
        text += f", {time_words(start)} of them for the start"
    if found["memory_bytes"]:
        text += f", with {found['memory_bytes'] / 2**30:.1f} GiB of memory"
    return f"{text}; measured on a few steps here."
