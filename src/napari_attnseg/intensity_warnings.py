"""Warnings on intensities of a run, and their wording."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from napari_attnseg.intensity import MAPPING, RULE, IntensityKind, IntensityWarning
from napari_attnseg.io.readers.facts import FILE_FACTS

#: A window that the user gave is told if it clips more than this share of the values.
#: It was chosen so that ordinary windows of CTs, which clip all air, pass: a leg in the
#: field of view of a whole body may be 4 % of the pixels. It was not measured on CTs.
CLIPPED = 0.98
CLIPPED_WORDS = (
    f"More than {CLIPPED:.0%} of the pixels became black or white by the window that "
    "was given, so that nearly nothing is left to see: give it in the values that "
    "the image has, such as HU, or leave it out."
)
NARROW_IN_WINDOW_WORDS = (
    "Less than three tenths of the window that was given hold 99 % of the pixels, so "
    "the rest of it leaves little contrast to what is in the image: give a "
    "narrower window, in the values that the image has, such as HU."
)
_WARNINGS = {
    IntensityWarning.NARROW_RANGE: "Less than three tenths of the range of "
    "intensities hold 99 % of the pixels, so the rest of the range leaves little "
    "contrast to what is in the image"
}


def warning_sentence(warning: IntensityWarning) -> str:
    """Sentence on what a warning means and what to do."""
    return (
        f"{_WARNINGS[warning]}: give the range that matters as a window (--window LOW "
        "HIGH, or the contrast limits in napari)."
    )


def counted_warning(warning: IntensityWarning, images: int, of: int) -> str:
    """Sentence on a warning for a data set, where no window can be advised."""
    text = _WARNINGS[warning]
    return (
        f"In {images} of {of} images {text[0].lower()}{text[1:]}: save the images with "
        "the range that matters only."
    )


def warnings_of(provenance: Mapping[str, Any]) -> tuple[IntensityWarning, ...]:
    """Every warning of a run once, of one image or of all frames of a stack."""
    found = [
        IntensityWarning(warning)
        for mapping in _mappings(provenance)
        for warning in mapping["warnings"]
    ]
    return tuple(dict.fromkeys(found))


def mostly_clipped(provenance: Mapping[str, Any]) -> bool:
    """Whether more than `CLIPPED` of the values of each image were clipped."""
    found = _mappings(provenance)
    return bool(found) and all(one.get("clipped", 0) > CLIPPED for one in found)


def intensity_sentences(provenance: Mapping[str, Any]) -> list[str]:
    """Sentences on the intensities of a run, which know whether a window was given."""
    rule, own = provenance.get(RULE) or {}, provenance.get(FILE_FACTS) or {}
    given = rule.get("rule") == IntensityKind.WINDOW
    given &= [rule.get("low"), rule.get("high")] != own.get("window")
    if given and mostly_clipped(provenance):
        return [CLIPPED_WORDS]
    found = warnings_of(provenance)
    return [NARROW_IN_WINDOW_WORDS if given else warning_sentence(w) for w in found]


def _mappings(provenance: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = provenance.get(MAPPING) or []
    return found if isinstance(found, list) else [found]
