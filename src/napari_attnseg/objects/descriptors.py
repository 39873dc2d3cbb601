"""Descriptors of segmented objects: numbers with a definition and a unit.

Each number describes one object in one 2D frame. A number that cannot be determined (an
object of few pixels or cut by the frame, a grey image, no calibration, …) is NaN, and
the reason is kept as a sentence. `objects.measure` fills the records, `sentences`
describes them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from napari_attnseg.intensity import IntensityMapping, MappingRule
from napari_attnseg.reliability.estimate import ESTIMATE, estimate_of
from napari_attnseg.uncertainty import BAND

#: A pixel whose darkest channel reaches this share of the full range is a highlight.
HIGHLIGHT = 0.8
#: Grey levels of the co-occurrence matrix.
GREY_LEVELS = 32
_NEAR = f"{100 * BAND:g} % of the frame's diagonal, at least 2 px"
_GREY = f"neighbouring pixels at {GREY_LEVELS} grey levels"


@dataclass(frozen=True, slots=True)
class Descriptor:
    """Unit and definition of a number; ``{unit}`` stands for the unit of the layer."""

    unit: str
    meaning: str


#: uint8 and floats in [0, 1] have a full range; others are stretched, each image for
#: itself, and what is measured of them is not to be compared between images.
_RANGE = (
    "the full range (of images that are neither uint8 nor floats in [0, 1], and of "
    "windows: of the way between the values that the run read as black and white, "
    "without a run the lowest and the highest)"
)
#: What the model was unsure of stands first: it decides whether the rest is read.
DESCRIPTORS: dict[str, Descriptor] = {
    "mean probability": Descriptor("", "The model's, over the object's pixels."),
    "minimum probability": Descriptor("", "The model's, over the object's pixels."),
    "doubt": Descriptor(
        "bit",
        "Mean binary entropy of the probability over the object and a band around it "
        f"({_NEAR}): 0 decided, 1 undecided; not a measured error.",
    ),
    "area": Descriptor("px", "Number of pixels."),
    "calibrated area": Descriptor("{unit}²", "Pixels times the area of one."),
    "% of frame": Descriptor("", "Pixels of the object per 100 of the frame."),
    "equivalent diameter": Descriptor("px", "Diameter of the disc of the same area."),
    "calibrated equivalent diameter": Descriptor("{unit}", "The same, calibrated."),
    "Feret diameter": Descriptor(
        "px", "Largest distance between two corners of the object's pixels."
    ),
    "calibrated Feret diameter": Descriptor("{unit}", "The same, calibrated."),
    "eccentricity": Descriptor(
        "",
        "Of the ellipse with the same second moments, pixels as tall and wide as the "
        "layer says: 0 is a circle, 1 a line.",
    ),
    "solidity": Descriptor("", "Area per area of the convex hull: 1 has no notches."),
    "boundary sharpness": Descriptor(
        "%/px",
        "Median over the outline of the slope of brightness along its normal, after a "
        f"Gaussian of 1 px, in % of {_RANGE}: a step over all of it has 35.",
    ),
    "mean brightness": Descriptor("%", f"Luminance, in % of {_RANGE}."),
    "SD of brightness": Descriptor("%", f"Luminance, in % of {_RANGE}."),
    **{
        f"{what} {channel}": Descriptor("", f"CIELAB (sRGB, D65), channel {channel}.")
        for channel in ("L*", "a*", "b*")
        for what in ("mean", "SD of")
    },
    "highlights": Descriptor(
        "%",
        "Share of pixels whose darkest colour channel reaches "
        f"{100 * HIGHLIGHT:g} % of {_RANGE}: bright and nearly colourless.",
    ),
    "texture contrast": Descriptor("", f"Haralick's, of {_GREY}."),
    "texture homogeneity": Descriptor("", f"Haralick's, of {_GREY}."),
    "texture entropy": Descriptor("bit", f"Haralick's, of {_GREY}."),
}
#: Where psi is averaged: pixels of the object beyond the band on either side of its
#: outline; that band; and all that is beyond the band of every object.
PLACES = ("inside", "on the border", "outside")


@dataclass(frozen=True, slots=True)
class PixelSize:
    """Height and width of a pixel in `unit`; without a unit only their ratio counts."""

    height: float = 1.0
    width: float = 1.0
    unit: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ObjectRecord:
    """All descriptors of one object.

    Attributes
    ----------
    label : int
        Number of the object.
    value : int
        Value of its pixels in the mask. In a mask of this plugin, it is the class.
    frame : int or None
        Frame of a stack.
    centroid : (float, float)
        Row and column of the centroid, in pixels.
    values : mapping of str to float
        Every name in `DESCRIPTORS`, and ``psi 1/32 inside`` … per gate and place; NaN
        where it is not assessable.
    reasons : mapping of str to str
        Reason for each value that is not assessable.
    unit : str or None
        Unit of the calibrated numbers.
    intensity : IntensityMapping or None
        Values of the image that are black and white for measurements of brightness;
        they may differ between images and frames. None without an image.
    ends : mapping of str to (str, str)
        `AttentionMap.label` of each gate → what psi 0 and 1 mean; coarsest gate first.
    """

    label: int
    value: int
    frame: int | None
    centroid: tuple[float, float]
    values: Mapping[str, float]
    reasons: Mapping[str, str]
    unit: str | None
    intensity: IntensityMapping | None
    ends: Mapping[str, tuple[str, str]]

    @property
    def own_range(self) -> bool:
        """Whether brightness is relative to the image's lowest and highest value."""
        mapping = self.intensity
        return mapping is not None and mapping.rule is MappingRule.WHOLE_RANGE


def psi_name(gate: str, place: str) -> str:
    """Name of the mean psi in one of `PLACES`; `gate` is an `AttentionMap.label`."""
    return f"psi {gate} {place}"


def heading(name: str, unit: str | None = None) -> str:
    """Heading of a column, such as ``area (px)``, ``area (mm²)`` or ``solidity``."""
    found = DESCRIPTORS[name].unit if name in DESCRIPTORS else ""
    if "{unit}" in found:
        if unit is None:
            return name
        name, found = name.removeprefix("calibrated "), found.format(unit=unit)
    return f"{name} ({found})" if found else name


def columns(records: Sequence[ObjectRecord]) -> dict[str, list[float]]:
    """Map each heading to one number per record; NaN if it is not assessable."""
    found: dict[str, list[float]] = {"object": [record.label for record in records]}
    if any(record.frame is not None for record in records):
        found["frame"] = [
            -1 if record.frame is None else record.frame for record in records
        ]
    found["value in mask"] = [record.value for record in records]
    found["row (px)"] = [record.centroid[0] for record in records]
    found["column (px)"] = [record.centroid[1] for record in records]
    for name in records[0].values if records else DESCRIPTORS:
        unit = records[0].unit if records else None
        found[heading(name, unit)] = [record.values[name] for record in records]
    return found


#: Heading of the column on what a person changed in the mask.
EDITED = "mask edited"


def origin_of_numbers(
    image: str = "",
    source: str = "",
    provenance: Mapping[str, Any] | None = None,
    edited: str = "",
) -> dict[str, str]:
    """Columns that say where measurements come from; they are equal in each row.

    Parameters
    ----------
    image : str
        Name of the image.
    source : str
        Path of the image, or a description of where it was opened from.
    provenance : mapping, optional
        Provenance of the run that made the mask; None where a person painted it.
    edited : str
        What a person changed in it since; empty if nothing.
    """
    run = provenance or {}
    return {
        "image": image,
        "source": source,
        "weights": str(run.get("weights", "")),
        "threshold": str(run.get("threshold", "")),
        EDITED: edited,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        **expected_dice_columns(run),
    }


def expected_dice_columns(run: Mapping[str, Any]) -> dict[str, str]:
    """Columns on the expected Dice of the mask of an image; none for a stack.

    Empty if the model has no expected Dice, or the mask is not the model's own.
    """
    found = None if isinstance(run.get(ESTIMATE), list) else estimate_of(run)
    if found is None:
        return {}
    numbers = {
        "expected Dice of the mask": found.mean,
        "expected Dice, low": found.low,
        "expected Dice, high": found.high,
    }
    texts = {name: "" if v is None else f"{v:.4f}" for name, v in numbers.items()}
    return {**texts, "expected Dice, note": found.why_none}


def csv_text(
    records: Sequence[ObjectRecord], origin: Mapping[str, str] | None = None
) -> str:
    """Table of records as comma-separated values; empty if not assessable.

    Parameters
    ----------
    records : sequence of ObjectRecord
    origin : mapping of str to str, optional
        Further columns at the end, with one value for all rows: `origin_of_numbers`.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*columns(records), *(origin or {})])
    writer.writerows(row.values() for row in table_rows(records, origin))
    return out.getvalue()


def table_rows(
    records: Sequence[ObjectRecord], origin: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """Rows of the table of `csv_text`: heading of the column → text."""
    table, last = columns(records), dict(origin or {})
    rows = []
    for values in zip(*table.values(), strict=True):
        numbers = ["" if value != value else value for value in values]
        rows.append(dict(zip(table, numbers, strict=True)) | last)
    return rows
