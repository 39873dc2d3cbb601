"""Picture of predicted masks on a few validation images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from napari_attnseg.colormaps import CLASS_COLOURS, TRUTH_COLOUR
from napari_attnseg.figures import draw_contour
from napari_attnseg.metrics import dice
from napari_attnseg.png import png_bytes

#: Number of images in a picture, evenly spread over the validation split.
SHOWN = 4


def shown(images: int) -> list[int]:
    """Indices of the displayed images; always the same for a given number."""
    spread = np.linspace(0, images - 1, SHOWN).round()
    return [int(i) for i in np.unique(spread)]


def snapshot_png(
    names: Sequence[str],
    images: NDArray[np.float32],
    truths: NDArray[np.uint8],
    found: NDArray[np.uint8],
    title: str,
    classes: Sequence[str] = ("lesion",),
) -> bytes:
    """Return a PNG of images above copies with the contours and Dice of their masks.

    Each of several classes has its own colour, and Dice is their mean.

    Parameters
    ----------
    names : sequence of str
        Names of n images.
    images : ndarray, shape (n, S, S, 3), in [0, 1]
        Images at the size of the network's input.
    truths, found : ndarray of 0 and 1, shape (n, classes, S, S)
        Expert's masks, and predicted masks.
    title : str
        Title, which names the images and the epoch.
    classes : sequence of str
        Names of the classes.
    """
    n = len(names)
    colours = [CLASS_COLOURS[c % len(CLASS_COLOURS)] for c in range(truths.shape[1])]
    figure = Figure(figsize=(3 * n + 0.2, 7), layout="constrained")
    figure.suptitle(title, fontsize=12)
    grid = figure.subplots(2, n, squeeze=False)
    for column, name in enumerate(names):
        truth, mask = truths[column], found[column]
        height, width = mask.shape[1:]
        for axes in grid[:, column]:
            axes.imshow(images[column], extent=(0, width, height, 0))
            axes.set_axis_off()
        for true, own, colour in zip(truth, mask, colours, strict=True):
            draw_contour(grid[1, column], own, colour, "-", 2)
            dashes = colour if len(colours) > 1 else TRUTH_COLOUR
            draw_contour(grid[1, column], true, dashes, "--", 1.5)
        nothing = "" if mask.any() else ", nothing found"
        short = name if len(name) <= 28 else f"{name[:27]}…"
        grid[0, column].set_title(short, fontsize=9)
        value = np.mean([dice(*pair) for pair in zip(truth, mask, strict=True)])
        grid[1, column].set_title(f"Dice {value:.2f}{nothing}", fontsize=9)
    legend = figure.legend(
        handles=_legend(colours, classes), loc="outside lower center", ncols=n
    )
    legend.get_frame().set(facecolor="0.25", edgecolor="none")  # both are bright
    for text in legend.get_texts():
        text.set_color("white")
    return png_bytes(figure, 90)


def _legend(colours: Sequence[str], classes: Sequence[str]) -> list[Line2D]:
    if len(colours) == 1:
        return [
            Line2D([], [], color=colours[0], lw=2, label="mask of the model"),
            Line2D([], [], color=TRUTH_COLOUR, ls="--", label="expert's mask"),
        ]
    return [
        *(
            Line2D([], [], color=colour, lw=2, label=name)
            for colour, name in zip(colours, classes, strict=True)
        ),
        Line2D([], [], color="white", lw=2, label="solid: the model's"),
        Line2D([], [], color="white", ls="--", label="dashed: the expert's"),
    ]
