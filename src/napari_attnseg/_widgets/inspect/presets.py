"""Presets of the Inspect widget, and sentences on what each shows. No Qt."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import numpy as np

from napari_attnseg._widgets.layers.metadata import record_of
from napari_attnseg._widgets.layers.outcome import EMPTIED
from napari_attnseg._widgets.layers.runs import ResultLayers
from napari_attnseg.results import PatternValue, gate_label


class Preset(StrEnum):
    """Arrangements of layers that the user can choose."""

    OVERLAY = "overlay"
    COARSE_GATES = "coarse_gates"
    ALL_SCALES = "all_scales"
    PUBLISHED = "published"


#: What a list of presets shows.
TITLES = {
    Preset.OVERLAY: "overlay",
    Preset.COARSE_GATES: "at a glance",
    Preset.ALL_SCALES: "all scales",
    Preset.PUBLISHED: "published style",
}
OUTLINE = "the outline of the mask"
OUTLINED = f"the image with {OUTLINE}"
NOT_FOUND = "Nothing was found: no outline."
NO_PIXEL = f"{EMPTIED}: no outline."
HIDDEN = "Overlay: no mask of this result is visible."
NOT_OPEN = "The image of this result is not open."
#: What each preset shows of a result.
DESCRIPTIONS = {
    Preset.OVERLAY: "Overlay: the outline of the mask over its image.",
    Preset.COARSE_GATES: "Side by side: the image with the outline of the mask, "
    "and the two coarse gates.",
    Preset.ALL_SCALES: "Side by side: the image with the outline of the mask, "
    "every gate from coarse to fine, and the probability.",
    Preset.PUBLISHED: "Side by side: the image with the outline of the mask, every "
    "gate as the paper draws it, and the probability. The paper draws 1 − psi in jet, "
    "so red is the lowest psi of a map and blue its highest; the numbers beside the "
    "colours are psi. Each map is stretched to its own range: colours cannot be "
    "compared between maps.",
}


def describe_preset(
    result: ResultLayers | None,
    preset: Preset,
    is_found: bool = True,
    is_filled: bool = False,
    is_emptied: bool = False,
    is_hidden: bool = False,
) -> str:
    """Describe what a preset shows, and which of its maps are decorative.

    Parameters
    ----------
    result : ResultLayers or None
    preset : Preset
    is_found : bool
        Whether the mask holds a pixel in the frame on screen; else it has no outline.
    is_filled : bool
        Whether the mask is drawn as a fill, as one of nearly the whole frame is.
    is_emptied : bool
        Whether a person changed the mask, which the model may have found.
    is_hidden : bool
        Whether no mask is visible; what is said of one then is not on the canvas.
    """
    text = DESCRIPTIONS[preset]
    if result is not None and result.image is None:
        text = text.replace(OUTLINED, "the mask")
        text = NOT_OPEN if preset is Preset.OVERLAY else f"{text} {NOT_OPEN}"
    elif result is not None and not is_found:
        text = text.replace(OUTLINED, "the image")
        none = NO_PIXEL if is_emptied else NOT_FOUND
        text = none if preset is Preset.OVERLAY else f"{text} {none}"
    elif is_hidden and preset is Preset.OVERLAY:
        text = HIDDEN
    elif is_filled:
        text = text.replace(OUTLINE, "the mask as a fill")
    gates = {} if result is None or preset is Preset.OVERLAY else result.gates
    if gates and result is not None and preset is Preset.PUBLISHED:
        ranges = (f"{gate_label(key)} {_range(gates[key])}" for key in gates)
        text += f" psi in these maps: {', '.join(ranges)}."
    decorative = [gate_label(key) for key, gate in gates.items() if is_decorative(gate)]
    if decorative:
        text += f" Measured to be decorative in this model: {', '.join(decorative)}."
    unmeasured = [gate_label(key) for key, gate in gates.items() if _unmeasured(gate)]
    if unmeasured:
        text += f" Not measured in this model: {', '.join(unmeasured)}."
    return text


def _range(gate: Any) -> str:
    return f"{float(np.min(gate.data)):.2f} to {float(np.max(gate.data)):.2f}"


def is_decorative(gate: Any) -> bool:
    """Whether a gate map was measured to be decorative."""
    record = record_of(gate)
    return record is not None and record.decorative


def _unmeasured(gate: Any) -> bool:
    record = record_of(gate)
    return record is not None and record.pattern is PatternValue.NOT_MEASURED
