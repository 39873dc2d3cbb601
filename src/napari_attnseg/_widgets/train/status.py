"""What there is to see of a training run, from the files in its folder. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from napari_attnseg.run_files import Epoch, Files, Place

State = Literal["none", "starting", "running", "stopping", "done", "stopped", "failed"]
GOING_ON = ("starting", "running", "stopping")


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
