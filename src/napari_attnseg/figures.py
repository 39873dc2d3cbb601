"""Draw pictures with image, mask contour, maps and a legend of their colours."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike, NDArray

from napari_attnseg.colormaps import GATE_COLOURS, GATE_STOPS, MASK_COLOUR, TRUTH_COLOUR
from napari_attnseg.gate_words import pattern_sentence
from napari_attnseg.intensity import rule_of
from napari_attnseg.metrics import dice
from napari_attnseg.png import png_bytes
from napari_attnseg.preprocessing import to_rgb
from napari_attnseg.results import (
    GATE_LEGEND,
    NO_GATES,
    AttentionMap,
    Explanation,
    PatternValue,
    Segmentation,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GATE_CMAP = LinearSegmentedColormap.from_list(GATE_COLOURS, list(GATE_STOPS))
RESEARCH_USE = "Research use; not a diagnostic device."


def summary_png(
    image: ArrayLike,
    result: Segmentation,
    title: str,
    truth: NDArray[np.uint8] | None = None,
) -> bytes:
    """PNG with the mask's contour on the image and each gate map on a fixed 0–1 scale.

    Parameters
    ----------
    image : array, shape (H, W) or (H, W, 3 or 4)
        Image that was segmented.
    result : Segmentation
        Result of that image.
    title : str
        Names of image and model.
    truth : ndarray of shape (H, W), optional
        The true mask, drawn dashed, with this image's Dice.
    """
    rgb, _ = to_rgb(image, intensity=rule_of(result.provenance))
    gates = sorted(result.attention, key=lambda gate: -gate.level)
    # Two gates of a level, where there are two, stand above each other.
    across = len(gates) // 2
    size = (6 + 3 * across, 6.4) if gates else (6, 6)
    figure = Figure(figsize=size, layout="constrained")
    figure.suptitle(title, fontsize=13)
    grid = figure.add_gridspec(2, 2 + across) if gates else figure.add_gridspec(1, 1)
    main = figure.add_subplot(grid[:, :2] if gates else grid[0, 0])
    _draw_main(main, rgb, result, truth)
    drawn: list[Any] = []
    shared = shared_caption(gates)
    for i, gate in enumerate(gates):
        at = (i % 2, i // 2) if gate.gate else (i // across, i % across)
        axes = figure.add_subplot(grid[at[0], 2 + at[1]])
        height, width = rgb.shape[:2]
        drawn.append(
            axes.imshow(
                gate.values,
                cmap=GATE_CMAP,
                vmin=0,
                vmax=1,
                extent=(0, width, height, 0),
                interpolation="nearest",
            )
        )
        draw_contour(axes, result.mask, "black", "-", 0.8)
        axes.set_title(gate_title(gate, gates), fontsize=10)
        axes.set_axis_off()
        if shared:
            continue
        # A title below: the layout keeps room for it, unlike for a free text.
        axes.text(
            0.5,
            -0.03,
            gate_caption(gate),
            fontsize=9.5,
            ha="center",
            va="top",
            transform=axes.transAxes,
        )
    if gates:
        bar = figure.colorbar(
            drawn[0],
            ax=[a for a in figure.axes if a is not main],
            orientation="horizontal",
            fraction=0.06,
            pad=0.03,
            ticks=[0, 0.5, 1],
        )
        if not gates[0].gate:
            bar.ax.set_xticklabels(
                [f"0: {gates[0].low}", "0.5: equal weights", f"1: {gates[0].high}"]
            )
        label = f"The colours say {GATE_LEGEND}."
        bar.set_label(f"{label}\n{shared}" if shared else label, fontsize=10.5)
    figure.supxlabel(
        RESEARCH_USE if gates else f"{NO_GATES} {RESEARCH_USE}", fontsize=9
    )
    return png_bytes(figure)


def explanation_png(
    image: ArrayLike,
    maps: Sequence[Explanation],
    outline: NDArray[np.uint8],
    outlined: str,
    title: str,
) -> bytes:
    """PNG of an image beside its maps, each with a colour bar that names both ends.

    Parameters
    ----------
    image : array, shape (H, W) or (H, W, 3 or 4)
        Image that was explained.
    maps : sequence of Explanation
        Maps of one method.
    outline : ndarray of shape (H, W)
        Mask or region whose contour is drawn.
    outlined : str
        Name of the outlined mask or region.
    title : str
        Names of image and model.
    """
    rgb, _ = to_rgb(image, intensity=rule_of(maps[0].provenance))
    height, width = rgb.shape[:2]
    figure = Figure(figsize=(4.2 * (1 + len(maps)), 5.6), layout="constrained")
    figure.suptitle(title, fontsize=12)
    main, *rest = figure.subplots(1, 1 + len(maps))
    main.imshow(rgb, extent=(0, width, height, 0))
    main.set_title(f"image; outlined: {outlined}", fontsize=10)
    draw_contour(main, outline, MASK_COLOUR, "-", 2)
    main.set_axis_off()
    for axes, found in zip(rest, maps, strict=True):
        _draw_map(figure, axes, found, (height, width))
        draw_contour(axes, outline, MASK_COLOUR, "-", 1)
    target = f" Target: {maps[0].target}." if maps[0].target else ""
    text = textwrap.fill(
        f"{maps[0].meaning}{target} {RESEARCH_USE}", 58 * len(figure.axes) // 2
    )
    figure.supxlabel(text, fontsize=9)
    return png_bytes(figure)


def gate_title(gate: AttentionMap, gates: Sequence[AttentionMap]) -> str:
    """Heading of a gate map: its scale, and if it is the finest or coarsest."""
    rows, columns = gate.values.shape
    levels = [other.level for other in gates]
    fineness = {max(levels): "coarsest, ", min(levels): "finest, "}
    how = fineness.get(gate.level, "") if len(set(levels)) > 1 else ""
    return f"Gate at scale {gate.label} ({how}{rows}×{columns})"


def shared_caption(gates: Sequence[AttentionMap]) -> str:
    """Caption of all gate maps together; empty if they do not share one."""
    patterns = {gate.pattern for gate in gates}
    if (
        len(gates) < 2
        or len(patterns) > 1
        or PatternValue.UNKNOWN in patterns
        or any(gate.gate for gate in gates)
    ):
        return ""
    (pattern,) = patterns
    return textwrap.fill(pattern_sentence(pattern, "Each of these maps"), 80)


def gate_caption(gate: AttentionMap) -> str:
    """Caption of a gate map: whether it affected the mask, in plain words."""
    known = gate.pattern is not PatternValue.UNKNOWN
    caption = textwrap.fill(
        pattern_sentence(gate.pattern) if known else gate.finding, 43
    )
    if gate.gate:  # the common bar cannot name the ends of both
        return f"0: {gate.low}, 1: {gate.high}\n{caption}"
    return caption


def map_heading(found: Explanation) -> str:
    """Heading of a map: its name, and on further lines what was measured of it."""
    level = "" if found.level is None else f" 1/{found.level}"
    rows, columns = found.values.shape
    lines = [f"{found.method}{level} ({rows}×{columns})"]
    if found.decorative:
        lines.append("Decorative gate: its pattern is worth nothing in this model.")
    share = found.effective_share.mean
    if share is not None:
        lines.append(f"psi is a weight; effective share of the CNN: mean {share:.2f}.")
    if found.finding:
        lines.append(textwrap.fill(found.finding, 60))
    return "\n".join(lines)


def _draw_map(
    figure: Figure, axes: Axes, found: Explanation, shape: tuple[int, int]
) -> None:
    """One map on the right scale; its finding stands above, its ends below."""
    low, high = found.limits
    drawn = axes.imshow(
        found.values,
        cmap=GATE_CMAP if found.scale in ("gate", "signed") else "magma",
        vmin=low,
        vmax=high,
        extent=(0, shape[1], shape[0], 0),
        interpolation="nearest",
    )
    heading = map_heading(found)
    axes.set_title(heading, fontsize=7 if "\n" in heading else 10)
    axes.set_axis_off()
    middle = [] if low == 0 and found.scale == "positive" else [(low + high) / 2]
    ticks = [low, *middle, high]
    bar = figure.colorbar(
        drawn, ax=axes, orientation="horizontal", fraction=0.06, pad=0.03, ticks=ticks
    )
    ends = {low: f"\n{found.low}", high: f"\n{found.high}"}
    labels = [f"{tick:.3g}{ends.get(tick, '')}" for tick in ticks]
    bar.ax.set_xticklabels(labels, fontsize=9)
    # Inside the bar's width: the bar of the next map is near.
    first, *_, last = bar.ax.get_xticklabels()
    first.set_horizontalalignment("left")
    last.set_horizontalalignment("right")


def _draw_main(
    axes: Axes,
    rgb: NDArray[np.float32],
    result: Segmentation,
    truth: NDArray[np.uint8] | None,
) -> None:
    height, width = rgb.shape[:2]
    axes.imshow(rgb, extent=(0, width, height, 0))
    area = 100 * np.count_nonzero(result.mask) / result.mask.size
    found = f"mask of the model ({area:.1f} % of the image)"
    lines = [Line2D([], [], color=MASK_COLOUR, lw=2, label=found)]
    draw_contour(axes, result.mask, MASK_COLOUR, "-", 2)
    if truth is not None:
        draw_contour(axes, truth, TRUTH_COLOUR, "--", 1.5)
        label = f"expert's mask (Dice on this image {dice(truth, result.mask):.2f})"
        lines.append(Line2D([], [], color=TRUTH_COLOUR, ls="--", label=label))
    axes.legend(
        handles=lines, loc="upper center", bbox_to_anchor=(0.5, 0), frameon=False
    )
    axes.set_axis_off()


def draw_contour(
    axes: Axes, mask: NDArray[np.uint8], colour: str, style: str, width: float
) -> None:
    """Draw the outline of a mask; an empty or a full mask has none."""
    if mask.min() == mask.max():
        return
    # Contours run through pixel centres; the image's extent starts at its corner.
    y, x = (np.arange(n) + 0.5 for n in mask.shape)
    axes.contour(
        x, y, mask > 0, levels=[0.5], colors=colour, linestyles=style, linewidths=width
    )
