"""Measured facts of a case, as numbers with units: all that a language model gets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Fact:
    """One number.

    Attributes
    ----------
    quantity : str
        One of `QUANTITIES`: what it is a number of.
    about : str
        In words, for the model that writes.
    value : str
        As the report prints it.
    unit : str
        Empty, or what follows the number: ``%``, ``px``, ``mm``, ``bit``, ``objects``.
    """

    quantity: str
    about: str
    value: str
    unit: str = ""

    def to_json(self) -> dict[str, str]:
        """As it is sent."""
        return {"about": self.about, "value": self.value, "unit": self.unit}


#: Quantity → words that name it in a sentence. A count of objects needs none: its unit
#: says what it counts.
QUANTITIES: Mapping[str, frozenset[str]] = {
    "share": frozenset({"share", "covers"}),
    "count": frozenset(),
    "uncertainty": frozenset({"uncertainty", "entropy"}),
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


def measured_facts(page: Mapping[str, Any]) -> list[Fact]:
    """Facts of one case, from what its page says; no name, path or identifier.

    Parameters
    ----------
    page : mapping
        As `views.View.page`.
    """
    dice, objects = page["dice"], page["objects"]
    found = [
        Fact("width", "width of the image", str(page["width"]), "px"),
        Fact("height", "height of the image", str(page["height"]), "px"),
        Fact("share", "share of the image that the mask covers", page["percent"], "%"),
        Fact("count", "number of objects in the mask", str(page["count"]), "objects"),
        Fact("uncertainty", "uncertainty of the mask, 0 to 1", page["doubt"], "bit"),
        Fact("dice", "expected Dice of the mask", dice["number"]),
    ]
    ends = _NUMBER.findall(dice["range"])
    if len(ends) == 2:
        found.append(Fact("range", "lower end of the range of that Dice", ends[0]))
        found.append(Fact("range", "upper end of the range of that Dice", ends[1]))
    rows = objects["rows"][:1]
    largest = dict(zip(objects["head"], *rows, strict=True)) if rows else {}
    for heading, value in largest.items():
        if heading.startswith("area ("):
            unit = heading[len("area (") : -1]
            found.append(Fact("area", "area of the largest object", value, unit))
        elif heading.startswith("longest diameter ("):
            unit = heading[len("longest diameter (") : -1]
            about = "longest diameter of the largest object"
            found.append(Fact("diameter", about, value, unit))
        elif heading == "mean probability":
            about = "mean probability in the largest object"
            found.append(Fact("probability", about, value))
    numbers = ((one, _NUMBER.search(one.value)) for one in found)
    return [
        Fact(one.quantity, one.about, number[0], one.unit)
        for one, number in numbers
        if number is not None
    ]
