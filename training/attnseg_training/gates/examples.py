"""Three images of a measured split, with each gate's map above its measured trust."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np

from attnseg_training.datasets import Sample
from attnseg_training.gates.keys import DICE, IMAGE, LEVELS, Key, Measure, Row
from napari_attnseg.colormaps import TRUTH_COLOUR
from napari_attnseg.figures import GATE_CMAP
from napari_attnseg.intensity import WHOLE_RANGE, Intensity
from napari_attnseg.png import png_bytes

#: Which images are shown: by rank of Dice, from the worst (0) to the best (1).
RANKS = {"worst": 0.0, "median": 0.5, "best": 1.0}


def examples_png(
    samples: Sequence[Sample],
    rows: list[Row],
    title: str,
    intensity: Intensity = WHOLE_RANGE,
) -> bytes:
    """PNG of the images with the worst, the median and the best Dice.

    Parameters
    ----------
    samples : sequence of Sample
        Samples of the measured split.
    rows : list of Row
        From `faithfulness`, of the same images.
    title : str
        Names of the model and of the data.
    intensity : Percentiles or Window
        Intensity rule of the model card, by which the images were read.
    """
    from matplotlib.figure import Figure

    by_name = {sample.name: sample for sample in samples}
    order = np.argsort([row[DICE] for row in rows], kind="stable")
    figure = Figure(figsize=(11, 4.4 * len(RANKS)), layout="constrained")
    figure.suptitle(title, fontsize=12)
    grid = figure.add_gridspec(
        2 * len(RANKS), 1 + len(LEVELS), width_ratios=[2, 1, 1, 1, 1]
    )
    for at, (word, rank) in enumerate(RANKS.items()):
        row = rows[order[round(rank * (len(rows) - 1))]]
        image, truth = by_name[row[IMAGE]].read(intensity)
        main = figure.add_subplot(grid[2 * at : 2 * at + 2, 0])
        main.imshow(image)
        if truth.min() != truth.max():
            main.contour(truth, levels=[0.5], colors=TRUTH_COLOUR, linestyles="--")
        main.set_title(f"{word}: Dice {row[DICE]:.2f}; expert's mask", fontsize=9)
        main.set_axis_off()
        for column, level in enumerate(reversed(LEVELS), start=1):
            gate = figure.add_subplot(grid[2 * at, column])
            gate.imshow(
                row[Key(Measure.ATTENTION, level)], cmap=GATE_CMAP, vmin=0, vmax=1
            )
            gate.set_title(f"psi {level}", fontsize=9)
            trust = figure.add_subplot(grid[2 * at + 1, column])
            tau = row[Key(Measure.TAU, level)]
            top = float(np.abs(tau).max()) or 1.0
            trust.imshow(tau, cmap=GATE_CMAP, vmin=-top, vmax=top)
            trust.set_title(f"trust {level}, ±{top:.1e}", fontsize=9)
            for axes in (gate, trust):
                axes.set(xticks=[], yticks=[])
    legend = (
        "psi, fixed scale: blue 0, the transformer's features; orange 1, the CNN's. "
        "Measured trust, each on its own scale: blue, the transformer alone gave the "
        "smaller loss in that region; orange, the CNN alone. A gate that means what it "
        "shows has the colours of the map below it."
    )
    figure.supxlabel(textwrap.fill(legend, 150), fontsize=9)
    return png_bytes(figure, 90)
