"""Areas in mm², for images whose files give the size of a pixel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from attnseg_training.datasets.nifti import Spacing
from napari_attnseg.metrics import Confusion

#: Columns of the CSV: of the true mask and of the one that was found.
COLUMNS = ("area_mm2", "found_mm2")
_IN_MM = {"mm": 1.0, "micron": 1e-3, "meter": 1e3}


def pixel_mm2(spacing: Spacing | None) -> float:
    """Area of a pixel in mm²; NaN if the file does not give it with a unit."""
    if spacing is None or spacing.unit not in _IN_MM:
        return math.nan
    return spacing.rows * spacing.columns * _IN_MM[spacing.unit] ** 2


def areas(counts: Confusion, pixel: float) -> tuple[float, float]:
    """Areas in mm² for each of `COLUMNS`, without ignored pixels."""
    return (counts.tp + counts.fn) * pixel, (counts.tp + counts.fp) * pixel


def area_summary(
    counts: Sequence[Confusion], pixels: Sequence[float]
) -> dict[str, Any]:
    """Summarise ``areas`` in mm² over the images whose pixel size is known.

    The result has the number of these images and mean areas; it is empty without any.
    """
    known = [
        areas(one, pixel)
        for one, pixel in zip(counts, pixels, strict=True)
        if not math.isnan(pixel)
    ]
    if not known:
        return {}
    means = [sum(column) / len(known) for column in zip(*known, strict=True)]
    return {"areas": {"n": len(known), **dict(zip(COLUMNS, means, strict=True))}}
