"""Content of a page on one case: strings, and pictures as data URIs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import numpy as np

from napari_attnseg.boxes import Box, box_of
from napari_attnseg.canvas import CANVAS_WORDS, mostly_canvas
from napari_attnseg.colormaps import CLASS_COLOURS
from napari_attnseg.false_colours import COLOUR_MAP, colour_map_of, map_words
from napari_attnseg.gate_words import pattern_sentence
from napari_attnseg.intensity import rule_of
from napari_attnseg.intensity_warnings import intensity_sentences
from napari_attnseg.io.segmented_pixels import NoImage
from napari_attnseg.masks import MEDSAM
from napari_attnseg.objects.descriptors import ObjectRecord
from napari_attnseg.objects.measure import measure, separate
from napari_attnseg.objects.sentences import number
from napari_attnseg.preprocessing import to_rgb
from napari_attnseg.reliability.estimate import ESTIMATE, ExpectedDice, estimate_of
from napari_attnseg.reports.cases import Case
from napari_attnseg.reports.facts import Rows, provenance_rows
from napari_attnseg.reports.measured import Fact, measured_facts
from napari_attnseg.reports.order import Worth, doubt_of, worth_of
from napari_attnseg.reports.pictures import (
    THUMBNAIL,
    doubt_uri,
    map_uri,
    outline,
    picture_uri,
)
from napari_attnseg.results import NO_GATES, AttentionMap, PatternValue
from napari_attnseg.several_pictures import PICTURES_WORDS, pictures_on_page

#: Objects of a case that the table has, at most; the largest ones.
OBJECTS = 20
_FORCED = "Maps of gates that were forced to a number are not kept."
_NOT_KEPT = "Of films and volumes, gate maps and probabilities are not kept."
_NO_IMAGE = {
    NoImage.MISSING: "The image is not shown: its file is no longer where it was, or "
    "it came from none.",
    NoImage.CHANGED: "The image is not shown: its file holds other pixels than those "
    "that were segmented.",
    NoImage.TURNED: "The image is not shown: its file asks to be shown turned (EXIF, "
    "XMP or TIFF orientation) since it was segmented, so the mask does not lie on it: "
    "turn it back, or segment it again.",
    NoImage.UNREADABLE: "The image is not shown: its file cannot be read.",
}


@dataclass(frozen=True, slots=True)
class View:
    """One case, ready for the page: `worth` is the sort key, all else is content."""

    worth: Worth
    expected: ExpectedDice | None
    weights_sha256: str
    rows: Rows
    measured: Sequence[Fact]
    page: dict[str, Any]


def view_of(case: Case, number_of_case: int | None, paths: bool) -> View:
    """Measure and draw one case.

    Parameters
    ----------
    case : Case
    number_of_case : int or None
        Number that is shown instead of the case's name; None: the name is shown.
    paths : bool
        Whether to show the folder of the image.
    """
    result, facts = case.result, case.result.provenance
    shown = None if isinstance(case.image, NoImage) else case.image
    doubt = doubt_of(case)
    worth = worth_of(case, doubt)
    expected = None if case.edited else estimate_of(facts)
    box = box_of(facts)
    # Of films none is kept.
    kept = len(result.probability) > 0
    records = measure(
        separate(result.mask),
        shown,
        result.probability if kept else None,
        pixel=case.pixel,
        mask=result.mask,
        intensity=rule_of(facts),
        box=box,
    )
    height, width = result.mask.shape
    gates = sorted(result.attention, key=lambda gate: -gate.level)
    rgb = None if shown is None else to_rgb(shown, intensity=rule_of(facts))[0]
    classes = list(facts.get("classes") or ["object"])
    # Somebody may have painted with other labels.
    more = range(len(classes) + 1, int(result.mask.max(initial=0)) + 1)
    classes += [f"label {number}" for number in more]
    name = case.name if number_of_case is None else f"Case {number_of_case}"
    percent = 100 * np.count_nonzero(result.mask) / result.mask.size
    page = {
        "name": name,
        "height": height,
        "width": width,
        "image": None if rgb is None else picture_uri(rgb),
        "thumbnail": None if rgb is None else picture_uri(rgb, THUMBNAIL),
        "outlines": [
            {"name": name, "colour": colour, "d": d}
            for i, (name, colour) in enumerate(zip(classes, cycle(CLASS_COLOURS)))
            if (d := outline(result.mask == i + 1))
        ],
        "remarks": remarks(case, shown),
        "dice": expected_words(case, expected),
        "doubt": "–" if math.isnan(doubt) else f"{doubt:.2f} bit",
        "doubt_map": doubt_uri(result.probability, box) if kept else None,
        "no_gates": _without_gates(facts, kept),
        "doubt_place": _place(box, height, width),
        "percent": f"{percent:.1f} %",
        "count": len(records),
        "gates": [_gate(gate, height, width) for gate in gates],
        "verdicts": verdicts(gates),
        "objects": objects_table(records, classes),
    }
    rows = provenance_rows(case, paths, number_of_case is not None)
    sha256 = str(facts.get("weights_sha256", ""))
    measured = measured_facts(case, records, doubt, expected)
    return View(worth, expected, sha256, rows, measured, page)


def expected_words(case: Case, expected: ExpectedDice | None) -> dict[str, str]:
    """Expected Dice as text: ``number`` (a dash if unknown), ``range`` and ``why``."""
    if expected is not None and expected.mean is not None:
        low_high = f"{expected.low:.2f}–{expected.high:.2f}"
        why = f"overlap with an expert's mask; {expected.words.partition(', ')[2]}"
        return {"number": f"{expected.mean:.2f}", "range": low_high, "why": why}
    if expected is not None:
        why = expected.short.removeprefix("no expected Dice").lstrip(": ")
        return {"number": "–", "range": "", "why": why.removeprefix("of an ")}
    if case.result.provenance.get(ESTIMATE) is None:
        why = "these weights tell none"
    else:
        why = "the mask is no longer the model's own"
    return {"number": "–", "range": "", "why": why}


def remarks(case: Case, image: Any) -> list[str]:
    """Sentences that a reader should read before the numbers."""
    mask, facts = case.result.mask, case.result.provenance
    found = []
    if isinstance(case.image, NoImage):
        found.append(_NO_IMAGE[case.image])
    if not mask.any():
        found.append("Nothing was found in this image.")
    elif mask.all():
        found.append(
            "The mask covers the whole image: these weights do not fit this image."
        )
    if case.edited:
        found.append("The mask was changed by hand after the model made it.")
    if MEDSAM in facts:
        found.append("The mask is MedSAM's; the gate maps are of the other model.")
    forced = facts.get("gates_forced")
    if forced:
        found.append(
            f"Gates were forced ({', '.join(forced)}): this is not the model's own "
            "result."
        )
    box = box_of(facts)
    if box is not None:
        found.append(
            f"Only a box was segmented (rows {box.row0} to {box.row1 - 1}, columns "
            f"{box.column0} to {box.column1 - 1}); the result says nothing about what "
            "lies outside it."
        )
    if facts.get("orientation", 1) != 1:
        found.append("The file asks to be shown turned; it was turned upright first.")
    found += intensity_sentences(facts)
    if image is not None and box is None:
        if pictures := pictures_on_page(image):
            found.append(
                PICTURES_WORDS.format("This image", pictures, "segment only a box")
            )
        elif mostly_canvas(image):
            found.append(CANVAS_WORDS)
    # Only the command has recorded it.
    if false := facts.get(COLOUR_MAP) or (image is not None and colour_map_of(image)):
        found.append(map_words(str(false)))
    return found


def verdicts(gates: Sequence[AttentionMap]) -> list[str]:
    """Findings about the maps, each sentence once, with the maps that it holds for."""
    by_sentence: dict[PatternValue, list[str]] = {}
    for gate in gates:
        by_sentence.setdefault(gate.pattern, []).append(gate.label)
    if len(by_sentence) == 1 and len(gates) > 1:
        return [_verdict(gates[0].pattern, "Each of these maps")]
    return [
        f"{', '.join(labels)}: {_verdict(pattern, 'This map')}"
        for pattern, labels in by_sentence.items()
    ]


def _verdict(pattern: PatternValue, subject: str) -> str:
    if pattern is PatternValue.UNKNOWN:  # a page has no *Details* to point at
        return (
            f"{subject} was made by another version: what it found stands at the end "
            "of this page."
        )
    return pattern_sentence(pattern, subject)


def _without_gates(facts: Mapping[str, Any], kept: bool) -> str:
    """Reason why a case has no gate maps."""
    if not kept:
        return _NOT_KEPT
    return _FORCED if facts.get("gates_forced") else NO_GATES


def objects_table(
    records: Sequence[ObjectRecord], classes: Sequence[str]
) -> dict[str, Any]:
    """Headings and rows of the largest objects, and the note below the table."""
    unit = records[0].unit if records else None
    columns = {"area (px)": "area", "% of image": "% of frame"}
    if unit is not None:
        columns[f"area ({unit}²)"] = "calibrated area"
        columns[f"longest diameter ({unit})"] = "calibrated Feret diameter"
    else:
        columns["longest diameter (px)"] = "Feret diameter"
    columns |= {"mean probability": "mean probability", "doubt (bit)": "doubt"}
    largest = sorted(records, key=lambda one: -one.values["area"])[:OBJECTS]
    several = len(classes) > 1
    head = ["object", *(["class"] if several else []), "row, column (px)", *columns]
    rows, reasons = [], dict[str, None]()
    for record in largest:
        kind = [classes[record.value - 1]] if several else []
        place = ", ".join(f"{value:.0f}" for value in record.centroid)
        values = [number(record.values[name]) or "–" for name in columns.values()]
        rows.append([str(record.label), *kind, place, *values])
        for name in columns.values():
            if name in record.reasons:
                reasons[record.reasons[name]] = None
    notes = [f"– is not assessable, because {why}." for why in reasons]
    if len(records) > len(largest):
        left = len(records) - len(largest)
        notes.append(f"The {len(largest)} largest are listed; {left} more are not.")
    if unit is None:
        notes.append("The image says no size of a pixel, so lengths are in pixels.")
    return {"head": head, "rows": rows, "notes": notes}


def _gate(gate: AttentionMap, height: int, width: int) -> dict[str, Any]:
    rows, columns = gate.values.shape
    share = gate.effective_share.mean
    down, across = (n * s for n, s in zip(gate.values.shape, gate.stride, strict=True))
    row, column = gate.origin
    return {
        "label": gate.label,
        "size": f"{columns} × {rows}",
        "png": map_uri(gate.values),
        "low": gate.low,
        "high": gate.high,
        "finding": gate.finding,
        "share": None if share is None else f"{100 * share:.0f} %",
        "box": f"{column:g} {row:g} {min(across, width):g} {min(down, height):g}",
        "place": {"x": column, "y": row, "width": across, "height": down},
    }


def _place(box: Box | None, height: int, width: int) -> dict[str, int]:
    if box is None:
        return {"x": 0, "y": 0, "width": width, "height": height}
    tall, wide = box.row1 - box.row0, box.column1 - box.column0
    return {"x": box.column0, "y": box.row0, "width": wide, "height": tall}
