"""Paired comparison of two models on the same images."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import wilcoxon

from napari_attnseg.errors import InputError
from napari_attnseg.io.text_files import read_utf_8
from napari_attnseg.metrics import METRICS
from napari_attnseg.png import png_bytes
from napari_attnseg.statistics import UNIT, Comparison, mean_interval


@dataclass(frozen=True, slots=True, eq=False)
class Paired:
    """Per-image metrics of two models on the images that both were measured on.

    Attributes
    ----------
    names : tuple of str
        Images, sorted.
    first, second : dict of str to ndarray of float, shape (n,)
        Metric → values; NaN where undefined.
    """

    names: tuple[str, ...]
    first: dict[str, NDArray[np.float64]]
    second: dict[str, NDArray[np.float64]]

    @classmethod
    def read(cls, first: Path, second: Path) -> Paired:
        """Read two CSV files of ``attnseg-train evaluate --csv``.

        Raises
        ------
        InputError
            If a file is not such a CSV, or the two files list different images.
        """
        tables = [_read(path) for path in (first, second)]
        names = sorted(tables[0])
        if set(names) != set(tables[1]):
            both = len(set(names) & set(tables[1]))
            raise InputError(
                f"Expected two evaluations of the same images, but {first} has "
                f"{len(names)}, {second} {len(tables[1])}, and {both} are in both; "
                "evaluate both models on one split."
            )
        columns = [
            {m: np.array([table[name][m] for name in names]) for m in METRICS}
            for table in tables
        ]
        return cls(tuple(names), *columns)

    def summary(self) -> dict[str, Any]:
        """Summarise ``first``, ``second`` and their difference for each metric.

        The summary is JSON-ready. ``difference`` is second minus first over the images
        where both are defined, with its 95 % interval (`mean_interval`), and
        ``verdict`` is the `Comparison` that follows from it. ``wilcoxon_p`` is the p
        value of the two-sided signed-rank test; it is 1 if no image differs.
        """
        found: dict[str, Any] = {"n": len(self.names)}
        for metric in METRICS:
            a, b = self.first[metric], self.second[metric]
            change = b - a
            differ = change[np.isfinite(change) & (change != 0)]
            difference = mean_interval(change)
            found[metric] = {
                "first": mean_interval(a, UNIT),
                "second": mean_interval(b, UNIT),
                "difference": difference,
                "verdict": str(Comparison.of(difference)),
                "wilcoxon_p": float(wilcoxon(differ).pvalue) if len(differ) else 1.0,
                "better": int((change > 0).sum()),
                "worse": int((change < 0).sum()),
            }
        return found


def differences_png(paired: Paired, first: str, second: str) -> bytes:
    """Draw Dice of every image with both models, and its sorted differences, as PNG."""
    from matplotlib.figure import Figure

    a, b = paired.first["dice"], paired.second["dice"]
    figure = Figure(figsize=(10, 4.6), layout="constrained")
    scatter, bars = figure.subplots(1, 2)
    scatter.plot([0, 1], [0, 1], color="grey", lw=0.8, ls=":")
    scatter.plot(a, b, "o", ms=3.5, color="#a34d00", alpha=0.7)
    scatter.set(xlim=(0, 1.02), ylim=(0, 1.02), aspect="equal")
    scatter.set(xlabel=f"Dice of {first}", ylabel=f"Dice of {second}")
    change = np.sort(b - a)
    found = mean_interval(change)
    bars.bar(np.arange(len(change)), change, width=1, color="#7fa6d9")
    bars.axhline(0, color="black", lw=0.8)
    bars.axhspan(found["low"], found["high"], color="#a34d00", alpha=0.3, lw=0)
    bars.axhline(found["mean"], color="#a34d00")
    bars.set(
        xlabel=f"images, sorted (n = {len(paired.names)})",
        ylabel=f"Dice of {second} minus {first}",
        title=f"mean {found['mean']:+.3f} [{found['low']:+.3f}, {found['high']:+.3f}]",
    )
    return png_bytes(figure)


def _read(path: Path) -> dict[str, dict[str, float]]:
    try:
        rows = list(csv.DictReader(io.StringIO(read_utf_8(path))))
        return {row["name"]: {m: float(row[m]) for m in METRICS} for row in rows}
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"Expected the CSV of attnseg-train evaluate --csv at {path}, but "
            f"{type(error).__name__}: {error}; evaluate again with --csv."
        ) from error
