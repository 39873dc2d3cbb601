"""The training run folder as both packages see it: file names, rows, progress."""

from __future__ import annotations

import csv
import json
import tomllib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is, for whoever watches it."""

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    dice: float | None = None  # at the end of an epoch
    images_per_s: float = 0.0  # since the epoch began
    measured_on: str = "validation"  # of which images `dice` is


Watch = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class LogRow:
    """One epoch of ``log.csv``."""

    epoch: int
    loss: float
    val_loss: float
    val_dice: float
    val_iou: float
    lr: float
    seconds: float
    images_per_s: float
