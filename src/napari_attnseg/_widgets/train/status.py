"""What there is to see of a training run, from the files in its folder. No Qt."""

from __future__ import annotations

import csv
import json
import tomllib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

State = Literal["none", "starting", "running", "stopping", "done", "stopped", "failed"]
GOING_ON = ("starting", "running", "stopping")
#: Protocol of a run → on which images it measures its epochs, in words.
_MEASURED_ON = {"all": "validation, trained on", "paper": "test"}
#: How much of the log's end is shown.
LOG_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Epoch:
    """What was measured in one epoch."""

    number: int
    loss: float
    val_loss: float
    val_dice: float


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run is; `seconds_left` is None until there is something to go by."""

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    seconds_left: float | None


@dataclass(frozen=True, slots=True)
class Look:
    """A run at one moment.

    Attributes
    ----------
    state : str
        One of `State`; ``none`` where there is no run.
    said : str
        That in a sentence; of a run that failed, its own last words.
    epochs : tuple of Epoch
        Finished ones.
    place : Place or None
        Within the current epoch, of a run that goes on.
    log : str
        End of what the run printed.
    data : str
        Its data folder; empty if not known.
    resumable : bool
        Whether it has a state to go on from.
    weights : Path or None
        Its best weights so far; of the protocol ``all``, its last ones.
    measured_on : str
        On which images its epochs are measured.
    """

    state: State
    said: str
    epochs: tuple[Epoch, ...] = ()
    place: Place | None = None
    log: str = ""
    data: str = ""
    resumable: bool = False
    weights: Path | None = None
    measured_on: str = "validation"


#: No run, or none that was looked at.
NOTHING = Look("none", "")


@dataclass(frozen=True, slots=True)
class Files:
    """A run folder's files as they are now; what is not there is empty.

    Attributes
    ----------
    progress : dict
        ``progress.json``: process, host and time; later also where the run is.
    settings : dict
        ``config.toml``.
    epochs : tuple of Epoch
        ``log.csv``.
    log : str
        End of ``output.log``.
    """

    progress: dict[str, Any]
    settings: dict[str, Any]
    epochs: tuple[Epoch, ...]
    log: str

    @classmethod
    def read(cls, folder: Path) -> Files:
        """Read what is there."""
        settings: dict[str, Any] = {}
        with suppress(OSError, ValueError):
            text = (folder / "config.toml").read_text(encoding="utf-8")
            settings = tomllib.loads(text)
        return cls(read_progress(folder), settings, _epochs(folder), _log(folder))

    @property
    def measured_on(self) -> str:
        """On which images its epochs are measured."""
        return _MEASURED_ON.get(str(self.settings.get("protocol")), "validation")

    @property
    def last_line(self) -> str:
        """Last words of the run."""
        lines = [line.strip() for line in self.log.splitlines() if line.strip()]
        return lines[-1] if lines else ""

    @property
    def place(self) -> Place | None:
        """Where the run is, or was."""
        if "epoch" not in self.progress:
            return None
        names = Place.__dataclass_fields__
        return Place(**{name: self.progress[name] for name in names})


def read_progress(folder: Path) -> dict[str, Any]:
    """``progress.json``; empty if it is not there or of another kind."""
    try:
        found = json.loads((folder / "progress.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    whole = isinstance(found, dict) and {"pid", "host", "time"} <= found.keys()
    return found if whole else {}


def _epochs(folder: Path) -> tuple[Epoch, ...]:
    try:
        with (folder / "log.csv").open(newline="", encoding="utf-8") as file:
            return tuple(
                Epoch(
                    int(row["epoch"]),
                    float(row["loss"]),
                    float(row["val_loss"]),
                    float(row["val_dice"]),
                )
                for row in csv.DictReader(file)
            )
    except (OSError, KeyError, ValueError):
        return ()


def _log(folder: Path) -> str:
    try:
        with (folder / "output.log").open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - LOG_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    # A bar that is drawn over itself: what is seen in the end.
    lines = (line.rstrip("\r").split("\r")[-1] for line in text.split("\n"))
    return "\n".join(lines).strip()


def sentence(state: State, files: Files, resumable: bool) -> str:
    """A run's state in words; of one that failed, its own last ones."""
    place, epochs = files.place, files.epochs
    if state == "starting":
        return "Starting: reads the images and builds the network."
    if state == "running" and place is not None:
        said = f"Epoch {place.epoch} of {place.epochs}, loss {place.loss:.3f}"
        if place.seconds_left is not None:
            said += f", about {time_words(place.seconds_left)} left"
        return f"{said}."
    if state == "stopping":
        return "Stopping: finishes its step and saves. Stop once more ends it at once."
    found = ""
    if epochs and files.settings.get("protocol") == "all":
        last = epochs[-1]
        found = f" Dice on {files.measured_on}, of the last epoch {last.val_dice:.3f}."
    elif epochs:
        best = max(epochs, key=lambda e: e.val_dice)
        found = f" Best {files.measured_on} Dice {best.val_dice:.3f}, "
        found += f"in epoch {best.number}."
    if state == "done":
        return f"Done: {len(epochs)} epochs.{found}"
    go_on = " Resume goes on from there." if resumable else ""
    if state == "stopped":
        return f"Stopped after {len(epochs)} finished epochs.{go_on}{found}"
    if state == "failed":
        if files.last_line and not files.last_line.startswith("epoch "):
            return files.last_line
        return f"The run ended without a word, its process is gone.{go_on}{found}"
    return ""


def time_words(seconds: float) -> str:
    """A duration as one says it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds // 3600:.0f} h {seconds % 3600 / 60:.0f} min"
