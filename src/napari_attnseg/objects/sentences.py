"""Describe one object in short sentences, each tied to the numbers in it.

The sentences say what was measured, not what it may mean: they hold no diagnosis and no
judgement.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from napari_attnseg.intensity import FIXED
from napari_attnseg.objects.descriptors import PLACES, ObjectRecord, psi_name
from napari_attnseg.results import GATE_LEGEND


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, and the names of the numbers that it uses, in their order."""

    text: str
    names: tuple[str, ...]


#: Names → text with one place for each of them. Left out if one is not assessable.
TEMPLATES: tuple[tuple[tuple[str, ...], str], ...] = (
    (("area", "% of frame"), "Object {label} covers {} px, {} % of the frame."),
    (
        ("calibrated area", "calibrated Feret diameter"),
        "By the layer's calibration that is {} {unit}², and {} {unit} at its longest.",
    ),
    (
        ("Feret diameter", "equivalent diameter"),
        "At its longest (Feret diameter) it measures {} px; a disc of its area would "
        "have a diameter of {} px.",
    ),
    (
        ("eccentricity", "solidity"),
        "Its eccentricity is {} (0 for a circle, 1 for a line), its solidity {} (1 "
        "without notches).",
    ),
    (
        ("boundary sharpness",),
        "Across its outline brightness changes by {} % of {range} per pixel (median).",
    ),
    (
        ("mean brightness", "SD of brightness"),
        "Its brightness is {} % of {range} (SD {}).",
    ),
    (
        ("mean L*", "mean a*", "mean b*"),
        "Its mean colour is L* {}, a* {}, b* {} (CIELAB).",
    ),
    (("highlights",), "{} % of it is bright and nearly colourless (highlights)."),
    (
        ("mean probability", "minimum probability"),
        "The model's probability is {} on average in it and {} at the least.",
    ),
    (
        ("doubt",),
        "The doubt in and around it is {} bit (0 decided, 1 undecided; not a measured "
        "error).",
    ),
)


def sentences(record: ObjectRecord) -> list[Sentence]:
    """Sentences on the descriptors of one object, and then on those not assessable."""
    found = [
        Sentence(_filled(text, record, names), names)
        for names, text in TEMPLATES
        if _all_there(record, names)
    ]
    return [*found, *_gates(record), *_reasons(record)]


def number(value: float) -> str:
    """Format a number with three significant digits, without an exponent."""
    if math.isnan(value):
        return ""
    if value == round(value):
        return f"{value:.0f}"
    decimals = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{decimals}f}"


def grouped(value: float) -> str:
    """`number` with commas between thousands, for people."""
    return f"{value:,.0f}" if abs(value) >= 1000 else number(value)


def _filled(text: str, record: ObjectRecord, names: tuple[str, ...]) -> str:
    numbers = _numbers(record, names)
    return text.format(
        *numbers, label=record.label, unit=record.unit, range=_range(record)
    )


def _range(record: ObjectRecord) -> str:
    """Text on the reference of relative brightness."""
    mapping = record.intensity
    if mapping is None or mapping.rule in FIXED:
        return "the full range"
    if record.own_range:
        return "the way from the image's lowest to its highest value"
    return f"the way from the image's value {mapping.low:g} to {mapping.high:g}"


def _numbers(record: ObjectRecord, names: tuple[str, ...]) -> list[str]:
    return [grouped(record.values[name]) for name in names]


def _all_there(record: ObjectRecord, names: tuple[str, ...]) -> bool:
    return not any(math.isnan(record.values.get(name, math.nan)) for name in names)


def _gates(record: ObjectRecord) -> list[Sentence]:
    found = []
    told: dict[tuple[str, str], list[str]] = {}
    for gate, ends in record.ends.items():
        places = {psi_name(gate, place): place for place in PLACES}
        names = tuple(name for name in places if _all_there(record, (name,)))
        if names:
            parts = [
                f"{value} {places[name]}"
                for name, value in zip(names, _numbers(record, names), strict=True)
            ]
            found.append(Sentence(f"psi at {gate}: {', '.join(parts)}.", names))
            told.setdefault(ends, []).append(gate)
    for (low, high), gates in told.items():
        where = "" if len(told) == 1 else f"At {', '.join(gates)} "
        means = f"psi is 0 for the {low}, 1 for the {high}"
        if low == "none":
            means = f"psi is 0 where nothing of the {high} is used, 1 where all is"
        legend = f"{where}{means}: {GATE_LEGEND}."
        found.append(Sentence(legend, ()))
    return found


def _reasons(record: ObjectRecord) -> list[Sentence]:
    by_reason: dict[str, list[str]] = {}
    for name, reason in record.reasons.items():
        by_reason.setdefault(reason, []).append(name)
    return [
        Sentence(f"Not assessable, because {reason}: {', '.join(names)}.", ())
        for reason, names in by_reason.items()
    ]
