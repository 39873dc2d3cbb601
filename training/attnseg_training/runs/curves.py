"""Picture of loss, Dice and IoU over the epochs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from napari_attnseg.png import png_bytes

if TYPE_CHECKING:
    from napari_attnseg.run_files import LogRow


def curves_png(rows: Sequence[LogRow], measured_on: str = "validation") -> bytes:
    """Return a PNG with the losses on the left and Dice and IoU on the right.

    Parameters
    ----------
    rows : sequence of LogRow
        Finished epochs.
    measured_on : str
        Name of the images on which all except the training loss was measured, for
        labels.
    """
    epochs = [row.epoch for row in rows]
    figure = Figure(figsize=(9, 3.5))
    # Not a constrained layout: finding it would take half of the time, every epoch.
    figure.subplots_adjust(left=0.08, right=0.99, bottom=0.14, top=0.96, wspace=0.2)
    left, right = figure.subplots(1, 2)
    left.plot(epochs, [row.loss for row in rows], label="training (augmented)")
    left.plot(epochs, [row.val_loss for row in rows], "--", label=measured_on)
    left.set(xlabel="epoch", ylabel="loss")
    right.plot(epochs, [row.val_dice for row in rows], label="Dice")
    right.plot(epochs, [row.val_iou for row in rows], "--", label="IoU")
    right.set(xlabel="epoch", ylabel=f"mean over images of {measured_on}", ylim=(0, 1))
    for axes in (left, right):
        axes.legend()
        axes.grid(alpha=0.3)
    return png_bytes(figure, 120)
