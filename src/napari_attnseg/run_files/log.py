"""Progress of a training run for callbacks, and its log of finished epochs."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from napari_attnseg.run_files.names import LOG_FILE


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of a run, for callbacks.

    Attributes
    ----------
    epoch, epochs : int
        Current epoch, from 1, and all epochs.
    step, steps : int
        Finished steps of the epoch, and all of its steps.
    loss : float
        Training loss of the last step, or mean over the epoch at its end.
    dice : float or None
        Mean Dice at the end of an epoch, otherwise None.
    images_per_s : float
        Mean throughput since the epoch began.
    protocol : str
        Protocol of the run; it says on which images `dice` was measured.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    dice: float | None = None
    images_per_s: float = 0.0
    protocol: str = "honest"


Watch = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class LogRow:
    """One finished epoch: a row of ``log.csv``."""

    epoch: int
    loss: float
    val_loss: float
    val_dice: float
    val_iou: float
    lr: float
    seconds: float
    images_per_s: float


#: Columns of ``log.csv``.
LOG_COLUMNS = tuple(field.name for field in dataclasses.fields(LogRow))


def read_log(folder: Path) -> tuple[LogRow, ...]:
    """Read the finished epochs; none if there is no log.

    Raises
    ------
    KeyError, ValueError
        If the file is no log of a training run.
    """
    path = folder / LOG_FILE
    if not path.is_file():
        return ()
    _, *numbers = LOG_COLUMNS
    with path.open(newline="", encoding="utf-8") as file:
        return tuple(
            LogRow(int(row["epoch"]), *(float(row[name]) for name in numbers))
            for row in csv.DictReader(file)
        )


def log_text(rows: Sequence[LogRow]) -> str:
    """Text of ``log.csv``."""
    text = StringIO()
    writer = csv.DictWriter(text, LOG_COLUMNS)
    writer.writeheader()
    writer.writerows(dataclasses.asdict(row) for row in rows)
    return text.getvalue()
