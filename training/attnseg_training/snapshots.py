"""What a run finds on a few validation images, as a picture."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from attnseg_training.validation import Validation
from napari_attnseg.colours import MASK_COLOUR, TRUTH_COLOUR
from napari_attnseg.figures import draw_contour
from napari_attnseg.metrics import dice

#: Images in a picture, evenly spread over the validation part.
SHOWN = 4


def shown(images: int) -> list[int]:
    """Which of so many images are shown: always the same."""
    spread = np.linspace(0, images - 1, SHOWN).round()
    return [int(i) for i in np.unique(spread)]


def snapshot(valid: Validation, epoch: int) -> bytes:
    """PNG of what the averaged weights find after an epoch."""
    index = shown(len(valid.store))
    images, truths = valid.store.batch(index)
    return snapshot_png(
        [valid.store.names[i] for i in index],
        images.permute(0, 2, 3, 1).cpu().numpy(),
        truths[:, 0].byte().cpu().numpy(),
        valid.masks(index)[:, 0].byte().cpu().numpy(),
        f"Validation images after epoch {epoch}",
    )


def snapshot_png(
    names: Sequence[str],
    images: NDArray[np.float32],
    truths: NDArray[np.uint8],
    found: NDArray[np.uint8],
    title: str,
) -> bytes:
    """PNG with each image above its copy with both contours and its Dice.

    Parameters
    ----------
    names : sequence of str
        Of n images.
    images : ndarray, shape (n, S, S, 3), in [0, 1]
        At the network's size.
    truths, found : ndarray of 0 and 1, shape (n, S, S)
        True masks and the model's.
    title : str
        Which epoch.
    """
    n = len(names)
    figure = Figure(figsize=(3 * n + 0.2, 7), layout="constrained")
    figure.suptitle(title, fontsize=12)
    grid = figure.subplots(2, n, squeeze=False)
    for column, name in enumerate(names):
        truth, mask = truths[column], found[column]
        height, width = mask.shape
        for axes in grid[:, column]:
            axes.imshow(images[column], extent=(0, width, height, 0))
            axes.set_axis_off()
        draw_contour(grid[1, column], mask, MASK_COLOUR, "-", 2)
        draw_contour(grid[1, column], truth, TRUTH_COLOUR, "--", 1.5)
        nothing = "" if mask.any() else ", nothing found"
        short = name if len(name) <= 28 else f"{name[:27]}…"
        grid[0, column].set_title(short, fontsize=9)
        grid[1, column].set_title(f"Dice {dice(truth, mask):.2f}{nothing}", fontsize=9)
    lines = [
        Line2D([], [], color=MASK_COLOUR, lw=2, label="mask of the model"),
        Line2D([], [], color=TRUTH_COLOUR, ls="--", label="expert's mask"),
    ]
    legend = figure.legend(handles=lines, loc="outside lower center", ncols=2)
    legend.get_frame().set(facecolor="0.25", edgecolor="none")  # both are bright
    for text in legend.get_texts():
        text.set_color("white")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=90)
    return buffer.getvalue()
