"""Measured facts of a case, the only content that a language model gets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from napari_attnseg.objects.descriptors import ObjectRecord
from napari_attnseg.objects.sentences import number
from napari_attnseg.reliability.estimate import ExpectedDice
from napari_attnseg.reports.cases import Case

#: Unit of a count.
COUNTED = "objects"


@dataclass(frozen=True, slots=True)
class Fact:
    """One measured number.

    Attributes
    ----------
    quantity : str
        The quantity that was measured, one of `QUANTITIES`.
    about : str
        Description of the number for the language model.
    value : str
        Number in the form in which the report prints it.
    unit : str
        Text that follows the number, or empty: ``%``, ``px``, ``mm``, ``bit``,
        ``objects``.
    """

    quantity: str
    about: str
    value: str
    unit: str = ""

    def to_json(self) -> dict[str, str]:
        """Return the fact as it is sent to the language model."""
        return {"about": self.about, "value": self.value, "unit": self.unit}


#: Quantity → words that name it in a sentence. A count of objects needs none: its unit
#: says what it counts.
QUANTITIES: Mapping[str, frozenset[str]] = {
    "share": frozenset({"share", "covers"}),
    "count": frozenset(),
    "doubt": frozenset({"doubt", "entropy"}),
    "dice": frozenset({"dice"}),
    "range": frozenset({"range", "interval", "between"}),
    "width": frozenset({"width", "wide"}),
    "height": frozenset({"height", "high"}),
    "area": frozenset({"area"}),
    "diameter": frozenset({"diameter"}),
    "probability": frozenset({"probability"}),
}
#: Those of the largest object; the others are of the whole image.
OF_LARGEST = frozenset({"area", "diameter", "probability"})


def measured_facts(
    case: Case,
    records: Sequence[ObjectRecord],
    doubt: float,
    expected: ExpectedDice | None,
) -> list[Fact]:
    """Facts of one case, rounded as in its report; no name, path or identifier.

    Parameters
    ----------
    case : Case
    records : sequence of ObjectRecord
        Objects of the case.
    doubt : float
        Predictive entropy in bits; NaN: not assessable.
    expected : ExpectedDice or None
    """
    mask = case.result.mask
    height, width = mask.shape
    percent = 100 * np.count_nonzero(mask) / mask.size
    found = [
        Fact("width", "width of the image", str(width), "px"),
        Fact("height", "height of the image", str(height), "px"),
        Fact("share", "share of the image that the mask covers", f"{percent:.1f}", "%"),
        Fact("count", "number of objects in the mask", str(len(records)), COUNTED),
    ]
    if not math.isnan(doubt):
        about = "doubt of the mask (predictive entropy), from 0 to 1"
        found.append(Fact("doubt", about, f"{doubt:.2f}", "bit"))
    if expected is not None and expected.mean is not None:
        for quantity, about, value in (
            ("dice", "expected Dice of the mask", expected.mean),
            ("range", "lower end of the range of that Dice", expected.low),
            ("range", "upper end of the range of that Dice", expected.high),
        ):
            if value is not None:
                found.append(Fact(quantity, about, f"{value:.2f}"))
    if records:
        found += _of_largest(max(records, key=lambda one: one.values["area"]))
    return found


def _of_largest(record: ObjectRecord) -> list[Fact]:
    unit, begin = record.unit, "" if record.unit is None else "calibrated "
    square, plain = ("px", "px") if unit is None else (f"{unit}²", unit)
    return [
        Fact(quantity, f"{about} the largest object", text, its)
        for quantity, about, name, its in (
            ("area", "area of", f"{begin}area", square),
            ("diameter", "longest diameter of", f"{begin}Feret diameter", plain),
            ("probability", "mean probability in", "mean probability", ""),
        )
        if (text := number(record.values[name]))
    ]
