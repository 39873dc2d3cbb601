"""Contact sheet of the worst, median and best cases of an evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets import Sample
from napari_attnseg.colormaps import MASK_COLOUR, TRUTH_COLOUR
from napari_attnseg.png import png_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from attnseg_training.evaluation.evaluation_report import EvaluationReport

#: Cases of each kind, where there are images enough.
COLUMNS = 4
#: Longer side of a drawn image, in pixels; a larger one is thinned out.
SIDE = 400


def cases_shown(dice: Sequence[float]) -> dict[str, list[int]]:
    """Return indices of the worst, the median and the best images, no image twice."""
    order = [int(i) for i in np.argsort(dice, kind="stable")]
    k = max(1, min(COLUMNS, len(order) // 3))
    worst, rest = order[:k], order[k:]
    best, middle = rest[-k:], rest[:-k]
    start = (len(middle) - k) // 2
    return {"worst": worst, "median": middle[max(0, start) :][:k], "best": best}


def contact_sheet_png(report: EvaluationReport, samples: Sequence[Sample]) -> bytes:
    """Draw the chosen images with predicted and true contour, name and Dice, as PNG.

    Parameters
    ----------
    report : EvaluationReport
        Result of the evaluation.
    samples : sequence of Sample
        Samples of the evaluated split.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    dice = [row["dice"] for row in report.per_image()]
    shown = {word: found for word, found in cases_shown(dice).items() if found}
    columns = max(len(found) for found in shown.values())
    figure = Figure(figsize=(3.1 * columns, 3.3 * len(shown) + 0.5))
    figure.set_layout_engine("constrained")
    grid = figure.subplots(len(shown), columns, squeeze=False)
    for row, (word, found) in zip(grid, shown.items(), strict=True):
        for axes in row:
            axes.set_axis_off()
        # Not every row is full where there are few images.
        for axes, index in zip(row, found, strict=False):
            image, truth = samples[index].read(report.intensity)
            _draw(axes, image, truth > 0, report.mask(index, truth.shape))
            axes.set_title(
                f"{word}: Dice {dice[index]:.3f}\n{samples[index].name}", fontsize=9
            )
    found_line = Line2D([], [], color=MASK_COLOUR, lw=2, label="found by the model")
    true_line = Line2D([], [], color=TRUTH_COLOUR, ls="--", label="expert's mask")
    figure.legend(
        handles=[found_line, true_line],
        loc="outside lower center",
        ncols=2,
        facecolor="#444444",
        labelcolor="white",
    )
    return png_bytes(figure, 100)


def _draw(
    axes: Axes,
    image: NDArray[np.uint8],
    truth: NDArray[np.bool_],
    mask: NDArray[np.bool_],
) -> None:
    step = -(-max(truth.shape) // SIDE)
    axes.imshow(image[::step, ::step])
    for area, colour, style, width in (
        (mask, MASK_COLOUR, "solid", 1.8),
        (truth, TRUTH_COLOUR, "dashed", 1.4),
    ):
        area = np.pad(area[::step, ::step], 1)  # closes contours at the border
        if area.any():
            at = [np.arange(n) - 1 for n in area.shape]
            axes.contour(
                at[1],
                at[0],
                area,
                levels=[0.5],
                colors=colour,
                linestyles=style,
                linewidths=width,
            )
    axes.set(xlim=(-0.5, None), ylim=(None, -0.5))
