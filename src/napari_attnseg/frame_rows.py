"""Measurements of frames of a film or a volume, as in their table. No torch."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from napari_attnseg.flicker import Pair
from napari_attnseg.hashing import array_sha256
from napari_attnseg.objects.measure import separate
from napari_attnseg.objects.shape import centre
from napari_attnseg.reliability.estimate import estimate_of
from napari_attnseg.results import Segmentation
from napari_attnseg.uncertainty import case_doubt

#: Columns of the table of frames; docs/films.md says what each is.
COLUMNS = (
    *("frame", "seconds", "position", "mask", "area_px", "area_mm2", "objects"),
    *("probability", "highest_probability", "expected_dice", "expected_dice_low"),
    *("expected_dice_high", "expected_dice_state", "doubt_bits"),
    *("centre_row", "centre_column", "image_sha256", "mask_sha256"),
    *("image_change", "dice_to_last"),
)


def frame_row(result: Segmentation, pixel_mm2: float | None) -> dict[str, Any]:
    """Measure one frame, by `COLUMNS`; NaN or None where a number is missing.

    Parameters
    ----------
    result : Segmentation
        Result of the frame. Without a probability, the numbers that need it are left
        out.
    pixel_mm2 : float or None
        Area of a pixel, if it is known.
    """
    mask = result.mask
    inside = mask != 0
    area = int(np.count_nonzero(inside))
    row: dict[str, Any] = {
        "area_px": area,
        "area_mm2": None if pixel_mm2 is None else _rounded(area * pixel_mm2),
        "objects": int(separate(mask).max(initial=0)),
        "mask_sha256": array_sha256(mask.astype(np.uint8)),
    }
    if len(result.probability):
        best = result.probability.max(0)
        doubt = case_doubt(result.probability, mask)
        row |= {
            "probability": round(float(best[inside].mean()), 4) if area else None,
            "highest_probability": round(float(best.max()), 4),
            "doubt_bits": None if math.isnan(doubt) else round(doubt, 4),
        }
    expected = estimate_of(result.provenance)
    if expected is not None:
        row["expected_dice_state"] = str(expected.state)
        for name, value in (
            ("expected_dice", expected.mean),
            ("expected_dice_low", expected.low),
            ("expected_dice_high", expected.high),
        ):
            row[name] = None if value is None else round(value, 4)
    if area:
        rows, columns = centre(inside)
        row["centre_row"], row["centre_column"] = round(rows, 2), round(columns, 2)
    return row


def pair_columns(pair: Pair | None) -> dict[str, Any]:
    """Columns that compare a frame with the one before it, if there is one."""
    if pair is None:
        return {}
    dice = None if pair.dice is None else round(pair.dice, 4)
    return {"image_change": round(pair.change, 4), "dice_to_last": dice}


def row_values(row: Mapping[str, Any]) -> list[Any]:
    """Format values by `COLUMNS` as texts for the table; a missing value is empty."""
    values = (row.get(name) for name in COLUMNS)
    return ["" if _is_missing(value) else value for value in values]


def estimate_of_row(row: Mapping[str, str]) -> dict[str, Any] | None:
    """Expected Dice of a row that was read, as in provenance; None if it has none."""
    state = row.get("expected_dice_state")
    if not state:
        return None
    names = {"mean": "expected_dice", "low": "expected_dice_low"}
    names["high"] = "expected_dice_high"
    numbers = {key: number_in(row, name) for key, name in names.items()}
    return {"state": state, **numbers}


def number_in(row: Mapping[str, str], column: str) -> float | None:
    """Read a number from a row; None where the row is empty."""
    text = row.get(column)
    return float(text) if text else None


def table_text(rows: Iterable[Mapping[str, Any]]) -> str:
    """Write a whole table as CSV text."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(row_values(row) for row in rows)
    return text.getvalue()


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _rounded(area: float) -> float:
    """Round to 4 decimals; small areas, as of microscopes, to 6 significant digits."""
    return round(area, 4) if area >= 1 else float(f"{area:.6g}")
