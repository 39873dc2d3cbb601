"""Status of a training run as the run itself writes it: ``progress.json``.

States and reasons are identifiers that are compared; messages are sentences that are
only shown.
"""

from __future__ import annotations

import dataclasses
import json
import platform
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from napari_attnseg.io.atomic import write_text
from napari_attnseg.run_files.names import PROGRESS_FILE


class RunState(StrEnum):
    """State of a training run."""

    NONE = "none"  # there is no run in the folder
    STARTING = "starting"  # reads the data and builds the network
    RUNNING = "running"
    STOPPING = "stopping"  # finishes its step and saves
    DONE = "done"  # all epochs are finished
    STOPPED = "stopped"  # on request; it may be resumed
    FAILED = "failed"

    @property
    def active(self) -> bool:
        """Whether the process of the run is working."""
        return self in (RunState.STARTING, RunState.RUNNING, RunState.STOPPING)


class EndReason(StrEnum):
    """Why a run ended before its last epoch."""

    INTERRUPT = "interrupt"  # SIGINT, SIGTERM or the stop file
    KILLED = "killed"  # at once, by whoever watches
    ERROR = "error"  # an `AttnSegError`: the input's fault
    FAULT = "fault"  # another exception: the program's fault


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """Process of a run and the moment at which the record was true.

    Attributes
    ----------
    pid : int
        Process identifier.
    host : str
        Network name of the machine.
    time : float
        Seconds since the epoch of Unix.
    """

    pid: int
    host: str
    time: float

    @classmethod
    def now(cls, pid: int) -> Self:
        """Make the record of a process of this machine at this moment."""
        return cls(pid, platform.node(), time.time())

    @property
    def here(self) -> bool:
        """Whether it was written on this machine."""
        return self.host == platform.node()


@dataclass(frozen=True, slots=True)
class Place:
    """Position of a run within its epochs; `seconds_left` is None while unknown."""

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    seconds_left: float | None


#: Keys of ``progress.json`` that are a `Place`.
PLACE_FIELDS = tuple(field.name for field in dataclasses.fields(Place))


@dataclass(frozen=True, slots=True)
class RunStatus:
    """Content of ``progress.json``.

    Attributes
    ----------
    process : ProcessRecord
        Process of the run.
    state : RunState or None
        State as the run recorded it; None in files of version 0.1.0.
    reason : EndReason or None
        Why the run ended early.
    message : str
        Sentence about the reason; empty if there is none.
    place : Place or None
        Last known position.
    measured : bool
        Whether the epoch of `place` has been measured.
    """

    process: ProcessRecord
    state: RunState | None = None
    reason: EndReason | None = None
    message: str = ""
    place: Place | None = None
    measured: bool = False

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Read the file; None if it is missing or of another kind."""
        try:
            values = json.loads((folder / PROGRESS_FILE).read_text(encoding="utf-8"))
            process = ProcessRecord(values["pid"], values["host"], values["time"])
            place = None
            if "epoch" in values:
                place = Place(**{name: values[name] for name in PLACE_FIELDS})
            state, reason = values.get("state"), values.get("reason")
            return cls(
                process,
                RunState(state) if state else None,
                EndReason(reason) if reason else None,
                values.get("message", ""),
                place,
                values.get("measured", False),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def write(self, folder: Path) -> None:
        """Write the file atomically.

        Raises
        ------
        InputError
            If the disk is full or the folder cannot be written.
        """
        values: dict[str, Any] = dataclasses.asdict(self.process)
        values |= {"state": self.state, "reason": self.reason, "message": self.message}
        if self.place is not None:
            values |= dataclasses.asdict(self.place) | {"measured": self.measured}
        write_text(folder / PROGRESS_FILE, json.dumps(values) + "\n")
