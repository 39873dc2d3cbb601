"""Figures of an evaluation: calibration, thresholds, Dice by size of the lesion.

Series differ in marker and line style as well as in colour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_attnseg.png import png_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

BLUE, ORANGE, GREY = "#1f4e9e", "#a34d00", "#555555"


def reliability_png(calibration: dict[str, Any]) -> bytes:
    """Draw the reliability diagram and the distribution over its bins, as PNG.

    For the inside of lesions only the distribution is drawn, because every pixel there
    is lesion.
    """
    figure = _figure(5.6, 6.0)
    curve, spread = figure.subplots(2, 1, sharex=True, height_ratios=[2.2, 1])
    curve.plot([0, 1], [0, 1], color=GREY, lw=0.9, ls=":", label="perfect")
    styles = {
        "image": ("whole image", BLUE, "o", "-"),
        "boundary": ("boundary band", ORANGE, "s", "--"),
        "inside": ("inside the lesion", GREY, "^", "-."),
    }
    for place, (name, colour, marker, line) in styles.items():
        bins = calibration[place]["bins"]
        given = [b["probability"] for b in bins]
        pixels = np.array([b["n"] for b in bins])
        style = {"color": colour, "marker": marker, "ls": line, "ms": 5}
        if place != "inside":
            curve.plot(given, [b["truth"] for b in bins], label=name, **style)
        spread.plot(given, pixels / pixels.sum(), label=name, **style)
    curve.set(xlim=(0, 1), ylim=(0, 1), ylabel="share of pixels that are lesion")
    spread.set(yscale="log", ylabel="share of pixels", xlabel="probability")
    for axes in (curve, spread):
        axes.legend(fontsize=9)
        axes.grid(alpha=0.3)
    return png_bytes(figure)


def threshold_png(curve: dict[str, Any], threshold: float) -> bytes:
    """Draw Dice and IoU over thresholds, and the model's own threshold, as PNG."""
    figure = _figure(5.6, 4.2)
    axes = figure.subplots()
    x = [at["threshold"] for at in curve["at"]]
    for metric, name, colour, marker, line in (
        ("dice", "Dice", BLUE, "o", "-"),
        ("iou", "IoU", ORANGE, "s", "--"),
    ):
        found = [at[metric] for at in curve["at"]]
        low, high = ([f[end] for f in found] for end in ("low", "high"))
        axes.fill_between(x, low, high, color=colour, alpha=0.15, lw=0)
        mean = [f["mean"] for f in found]
        axes.plot(x, mean, color=colour, marker=marker, ls=line, ms=4, label=name)
    axes.axvline(threshold, color="black", lw=0.9, ls=":")
    axes.set(xlim=(0, 1), xlabel="threshold (dotted: the model's own)")
    axes.set(ylabel="mean over images, 95 % interval")
    axes.legend(fontsize=9)
    axes.grid(alpha=0.3)
    return png_bytes(figure)


def size_png(
    lesion: NDArray[np.float64],
    dice: NDArray[np.float64],
    thirds: list[dict[str, Any]],
) -> bytes:
    """Draw the Dice of each image over the share of the image that is lesion, as PNG.

    Parameters
    ----------
    lesion : ndarray of float, shape (n,)
        Share of the image that the true mask covers; images without one are left out.
    dice : ndarray of float, shape (n,)
    thirds : list of dict
        From `image_metrics.by_size`.
    """
    figure = _figure(5.6, 4.2)
    axes = figure.subplots()
    some = lesion > 0
    axes.plot(100 * lesion[some], dice[some], "o", ms=4, color=BLUE, alpha=0.5)
    for third in thirds:
        low, high = (100 * end for end in third["lesion_share"])
        if not low > 0:  # a logarithmic axis has no place for it
            continue
        found = third["dice"]
        axes.plot([low, high], [found["mean"]] * 2, color=ORANGE, lw=2)
        axes.fill_between(
            [low, high], found["low"], found["high"], color=ORANGE, alpha=0.25, lw=0
        )
    if some.any():
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
    axes.set(ylim=(0, 1.02), ylabel="Dice")
    axes.set_xlabel(
        "lesion, % of the image\n"
        "points: images; lines: mean of each third, with 95 % interval"
    )
    axes.grid(alpha=0.3)
    return png_bytes(figure)


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")
