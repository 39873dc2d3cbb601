"""State of a training run as the Train widget shows it. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from napari_attnseg._widgets.base.pace import time_words
from napari_attnseg.how_many import how_many
from napari_attnseg.run_files import LogRow, Place, RunFiles, RunState


@dataclass(frozen=True, slots=True)
class Look:
    """A training run at one moment.

    Attributes
    ----------
    state : RunState
        State of the run; ``none`` if there is no run.
    said : str
        The state in a sentence; of a failed run, its error message.
    epochs : tuple of LogRow
        Finished epochs.
    place : Place or None
        Position within the current epoch, of an active run.
    log : str
        End of what the run printed.
    data, model : str
        Data folder, and catalog name of the model; empty if unknown.
    resumable : bool
        Whether there is a training state to resume from.
    weights : Path or None
        Best weights so far, or the last ones with the protocol ``all``.
    measured_on : str
        Images on which the epochs are measured, for display.
    """

    state: RunState
    said: str
    epochs: tuple[LogRow, ...] = ()
    place: Place | None = None
    log: str = ""
    data: str = ""
    resumable: bool = False
    weights: Path | None = None
    measured_on: str = "validation"
    model: str = ""


#: No run, or none that was read yet.
NOTHING = Look(RunState.NONE, "")


def sentence(
    state: RunState,
    files: RunFiles,
    resumable: bool,
    earlier: RunFiles | None = None,
    images: str = "",
) -> str:
    """Describe the state of a run; for a failed one, return its error message.

    Parameters
    ----------
    state : RunState
    files : RunFiles
    resumable : bool
        Whether there is a training state to resume from.
    earlier : RunFiles, optional
        The run on the same data whose weights this one began with.
    images : str
        Number of images on which each epoch is measured, such as ``88 images``; empty
        if unknown.
    """
    place, epochs = files.place, files.epochs
    if state is RunState.STARTING:
        return "Starting: reads the images and builds the network."
    if state is RunState.RUNNING and place is not None:
        text = f"Epoch {place.epoch} of {place.epochs}, loss {place.loss:.3f}"
        if place.seconds_left is not None:
            text += f", about {time_words(place.seconds_left)} left"
        return f"{text}."
    if state is RunState.STOPPING:
        return "Stopping: finishes its step and saves. Stop again ends it at once."
    dice, on = "", f" on {images}" if images else ""
    if epochs and files.protocol == "all":
        last = epochs[-1]
        dice = f" Dice on {files.measured_on}, of the last epoch {last.val_dice:.3f}"
        dice += f"{on}."
    elif epochs:
        best = max(epochs, key=lambda e: e.val_dice)
        dice = f" Best {files.measured_on} Dice {best.val_dice:.3f}{on}, "
        dice += f"in epoch {best.epoch}."
        if earlier is not None and earlier.epochs:
            was = max(e.val_dice for e in earlier.epochs)
            dice += f" Before this run: {was:.3f}."
    if state is RunState.DONE:
        return f"Done: {how_many(len(epochs), 'epoch')}.{dice}"
    go_on = " Resume continues from there." if resumable else ""
    if state is RunState.STOPPED:
        return f"Stopped after {how_many(len(epochs), 'finished epoch')}.{go_on}{dice}"
    if state is RunState.FAILED:
        if files.message:
            return files.message
        return f"The run ended without a message; its process is gone.{go_on}{dice}"
    return ""
