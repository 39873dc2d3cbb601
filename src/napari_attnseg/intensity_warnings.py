"""Warnings on intensities of a run, and their wording."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from napari_attnseg.intensity import MAPPING, IntensityWarning

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
    mappings = provenance.get(MAPPING) or []
    found = [
        IntensityWarning(warning)
        for mapping in (mappings if isinstance(mappings, list) else [mappings])
        for warning in mapping["warnings"]
    ]
    return tuple(dict.fromkeys(found))
