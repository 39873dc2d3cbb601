"""The folder of a training run at one moment, and the state of the run."""

from __future__ import annotations

import tomllib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from napari_attnseg.run_files.log import LogRow, read_log
from napari_attnseg.run_files.names import (
    CONFIG_FILE,
    OUTPUT_FILE,
    STOP_FILE,
    measured_on,
)
from napari_attnseg.run_files.status import Place, RunState, RunStatus
from napari_attnseg.run_files.version_0_1_0 import (
    message_of_old_run,
    state_of_old_run,
)

#: Bytes of the end of the output that are shown.
OUTPUT_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class RunFiles:
    """Content of a run folder at one moment; attributes of missing files are empty.

    Attributes
    ----------
    status : RunStatus or None
        ``progress.json``.
    settings : dict
        ``config.toml``.
    epochs : tuple of LogRow
        ``log.csv``.
    output : str
        End of ``output.log``: what the run printed.
    stop_requested : bool
        Whether the stop file exists.
    """

    status: RunStatus | None
    settings: dict[str, Any]
    epochs: tuple[LogRow, ...]
    output: str = ""
    stop_requested: bool = False

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the files that exist in the folder."""
        settings: dict[str, Any] = {}
        with suppress(OSError, ValueError):
            text = (folder / CONFIG_FILE).read_text(encoding="utf-8")
            settings = tomllib.loads(text)
        epochs: tuple[LogRow, ...] = ()
        with suppress(OSError, KeyError, ValueError, TypeError):
            epochs = read_log(folder)
        stop = (folder / STOP_FILE).is_file()
        status = RunStatus.read(folder)
        return cls(status, settings, epochs, _output(folder), stop)

    @property
    def protocol(self) -> str:
        """Protocol of the run; empty if unknown."""
        return str(self.settings.get("protocol", ""))

    @property
    def measured_on(self) -> str:
        """Images on which the epochs are measured, for display."""
        return measured_on(self.protocol)

    @property
    def complete(self) -> bool:
        """Whether all epochs are finished."""
        wanted = self.settings.get("epochs", 0)
        return bool(self.epochs) and len(self.epochs) >= wanted

    @property
    def place(self) -> Place | None:
        """Last known position of the run."""
        return self.status.place if self.status else None

    @property
    def last_line(self) -> str:
        """Last line of the output, for display."""
        lines = [line.strip() for line in self.output.splitlines() if line.strip()]
        return lines[-1] if lines else ""

    def state(self, alive: bool) -> RunState:
        """State of the run.

        Parameters
        ----------
        alive : bool
            Whether the process of the run exists.
        """
        recorded = self.status.state if self.status else None
        started = self.place is not None
        if alive and self.stop_requested:
            return RunState.STOPPING
        if not alive and self.complete:
            return RunState.DONE
        if not (alive or self.status or self.epochs or self.output):
            return RunState.NONE
        if recorded is None:
            return state_of_old_run(self.last_line, started, alive)
        if alive and not recorded.active:  # it has said its last and still exits
            if recorded is RunState.STOPPED:
                return RunState.STOPPING
            return RunState.RUNNING if started else RunState.STARTING
        if alive or not recorded.active:
            return recorded
        if recorded is RunState.STOPPING or not self.output:
            return RunState.STOPPED
        return RunState.FAILED  # killed, or refused before it could say so

    @property
    def message(self) -> str:
        """Message of a failed run, for display; empty if there is none."""
        if self.status is None or self.status.state is None:
            return message_of_old_run(self.last_line)
        if self.status.message or self.status.place is not None:
            return self.status.message
        return self.last_line  # an option that was refused before the run began


def _output(folder: Path) -> str:
    try:
        with (folder / OUTPUT_FILE).open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - OUTPUT_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    # Of a progress bar that is drawn over itself only the last state is kept.
    lines = (line.rstrip("\r").split("\r")[-1] for line in text.split("\n"))
    return "\n".join(lines).strip()
