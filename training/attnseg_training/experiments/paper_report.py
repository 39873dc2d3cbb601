"""Report of a table of the paper: Markdown, CSV, a figure."""

from __future__ import annotations

import csv
import io
from typing import Any

from attnseg_training.experiments.paper_rows import METRICS
from napari_attnseg.png import png_bytes
from napari_attnseg.statistics import ENOUGH, Comparison

_OTHERS = (
    "These are models over other encoders than the paper's, so its numbers stand here "
    "for orientation only."
)


def markdown(found: dict[str, Any]) -> str:
    """Format results, with intervals, beside those of the paper, as Markdown."""
    own = found["family"] == "dual"
    starts = list(dict.fromkeys(r["encoders_start"] for r in found["rows"].values()))
    images, where = found["trained_on"], found["epoch_chosen_on"]
    chosen = f"{images['val']} {where} images choose the epoch"
    lines = [
        f"Table {found['table']} of the paper. Ours: {found['dataset']}, split "
        f"{found['split']}, n = {found['n']}; {found['epochs']} epochs on "
        f"{images['train']} images, {chosen if where else 'the last one is kept'}; "
        f"{found['protocol']}. Encoders start from: {'; '.join(starts)}. "
        "Square brackets: 95 % interval over images; round ones: each seed's "
        f"own mean; p: paired t test over images against the row above, no verdict "
        f"below {ENOUGH} images. Paper: means at 384 px over the 120 images "
        f"that chose the epoch too.{'' if own else ' ' + _OTHERS}",
        "",
        "| row | model | Dice, paper | Dice, ours | minus the row above (p) "
        "| IoU, paper / ours | precision, paper / ours | recall, paper / ours |",
        "|" + "---|" * 8,
    ]
    for name, row in found["rows"].items():
        dice = row["dice"]
        seeds = ", ".join(f"{value:.3f}" for value in dice["seeds"])
        above = "–"
        if row["same_run_as"]:
            above = f"the same run as {row['same_run_as']}"
        elif "minus_above" in dice:
            change = dice["minus_above"]
            above = (
                f"{change['mean']:+.3f} [{change['low']:+.3f}, {change['high']:+.3f}] "
                f"({_p_words(change)})"
            )
        cells = [
            name,
            row["model"]
            if len(starts) == 1
            else f"{row['model']}, {row['encoders_start']}",
            f"{dice['paper']:.3f}",
            f"{_interval(dice)} ({seeds})",
            above,
            *(f"{row[m]['paper']:.3f} / {_interval(row[m])}" for m in METRICS[1:]),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def csv_text(found: dict[str, Any]) -> str:
    """Format one line per row and metric as CSV."""
    text = io.StringIO()
    columns = ("mean", "low", "high", "sd", "paper")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["row", "model", "metric", "n", "seeds", *columns, "p_above"])
    for name, row in found["rows"].items():
        for metric in METRICS:
            values = row[metric]
            writer.writerow(
                [name, row["model"], metric, found["n"], len(row["seeds"])]
                + [values[column] for column in columns]
                + [values.get("minus_above", {}).get("p", "")]
            )
    return text.getvalue()


def figure_png(found: dict[str, Any]) -> bytes:
    """Draw Dice of every row, with interval, seeds and the published value, as PNG."""
    from matplotlib.figure import Figure

    rows = list(found["rows"].items())
    figure = Figure(figsize=(8, 1.6 + 0.4 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for y, (_, row) in enumerate(rows):
        dice = row["dice"]
        axes.plot([dice["low"], dice["high"]], [y, y], color="#a34d00", lw=2)
        axes.plot(dice["seeds"], [y] * len(dice["seeds"]), "|", color="#a34d00", ms=9)
        (ours,) = axes.plot(dice["mean"], y, "o", color="#a34d00", label="ours")
        (paper,) = axes.plot(
            dice["paper"], y, "D", mfc="none", mec="#1f4e79", label="paper"
        )
    axes.set_yticks(range(len(rows)), [name for name, _ in rows])
    axes.invert_yaxis()
    axes.set_xlabel(
        f"Dice on {found['dataset']}, split {found['split']} (n = {found['n']}, "
        f"{found['epochs']} epochs);\nline: 95 % interval over images, ticks: seeds"
    )
    if found["family"] != "dual":
        axes.set_title(f"{found['family']}: other encoders than the paper's")
    figure.legend(handles=[ours, paper], loc="outside upper right", ncols=2)
    axes.grid(axis="x", alpha=0.3)
    return png_bytes(figure)


def _p_words(change: dict[str, Any]) -> str:
    """P of a difference; of a table of an earlier version there is no verdict."""
    few = change.get("verdict") == Comparison.TOO_FEW
    return "no verdict" if few else f"{change['p']:.2g}"


def _interval(values: dict[str, Any]) -> str:
    return f"{values['mean']:.3f} [{values['low']:.3f}, {values['high']:.3f}]"
