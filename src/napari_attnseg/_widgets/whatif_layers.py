"""Layers of the what-if: what changed, where to paint, what is kept. No Qt."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg._widgets.cases import Case
from napari_attnseg._widgets.classes import class_names, class_options
from napari_attnseg._widgets.layers import (
    METADATA,
    NewLayer,
    coarse_placement,
    source_of,
)
from napari_attnseg.colours import GAINED_COLOUR, GATE_STOPS, LOST_COLOUR
from napari_attnseg.results import Segmentation, gate_key, gate_parts
from napari_attnseg.whatif import Change

GAINED, LOST = 1, 2
#: Labels of the paint, and the psi they stand for.
PAINT = {1: 1.0, 2: 0.0}


def _placed(case: Case, frame: int) -> dict[str, Any]:
    source = source_of(case.image)
    at = frame if case.stacked else 0
    return {**source.placement, **coarse_placement(source.placement, (1.0, 1.0), at)}


def _one_frame(case: Case, values: NDArray[Any]) -> NDArray[Any]:
    return values[None] if case.stacked else values


def change_layer(case: Case, change: Change, own: Segmentation, frame: int) -> NewLayer:
    """Pixels that came into the mask and that left it, as two colours."""
    before, after = own.mask, change.result.mask
    differs = np.zeros(before.shape, np.uint8)
    differs[(after != before) & (after > 0)] = GAINED
    differs[(after != before) & (after == 0)] = LOST
    name = case.name
    options = {
        "name": f"{name} · what if (green gained, pink lost)",
        **_placed(case, frame),
        "colormap": {
            None: "transparent",
            0: "transparent",
            GAINED: GAINED_COLOUR,
            LOST: LOST_COLOUR,
        },
        "opacity": 0.7,
        "metadata": {
            METADATA: {
                **change.result.provenance,
                "source": case.facts["source"],
                "made_from": "gates",
            }
        },
    }
    return NewLayer("Labels", _one_frame(case, differs), options)


def paint_layer(case: Case) -> NewLayer:
    """An empty Labels layer over the image in the gates' own two colours."""
    source = source_of(case.image)
    size = source.data.shape[:-1] if source.rgb else source.data.shape
    options = {
        "name": f"{source.name} · gate paint",
        **source.placement,
        "colormap": {
            None: "transparent",
            0: "transparent",
            1: GATE_STOPS[-1][1],
            2: GATE_STOPS[0][1],
        },
        "opacity": 0.5,
        "metadata": {METADATA: {"source": source.origin, "made_from": "paint"}},
    }
    return NewLayer("Labels", np.zeros(size, np.uint8), options)


def painted_psi(
    labels: NDArray[np.integer[Any]], frame: int | None
) -> NDArray[np.float64]:
    """Psi (H, W) where somebody painted, NaN elsewhere."""
    part = np.asarray(labels if frame is None else labels[frame])
    psi = np.full(part.shape, np.nan)
    for label, value in PAINT.items():
        psi[part == label] = value
    return psi


def kept_layers(case: Case, result: Segmentation, frame: int) -> list[NewLayer]:
    """Mask and probability of a what-if, to stay; their names say what was forced."""
    facts = {**result.provenance, "source": case.facts["source"]}
    gates = facts["gates_forced"]
    coarse_first = sorted(gates, key=lambda gate: -gate_parts(gate_key(gate))[0])
    forced = ", ".join(
        f"{gate}={gates[gate]:.2f}"
        if isinstance(gates[gate], float)
        else f"{gate} painted"
        for gate in coarse_first
    )
    common = {
        **_placed(case, frame),
        "metadata": {METADATA: {**facts, "made_from": "gates"}},
    }
    start, end = f"{case.name} ·", f"what if {forced or 'nothing forced'}"
    probability: dict[str, Any] = {
        "contrast_limits": (0, 1),
        "colormap": "viridis",
        "blending": "translucent",
        "opacity": 0.7,
        "visible": False,
        **common,
    }
    mask: dict[str, Any] = {"name": f"{start} mask, {end}", "opacity": 1.0, **common}
    classes = class_names(result.provenance, len(result.probability))
    mask |= class_options(classes)
    of = [f" of {name}" if len(classes) > 1 else "" for name in classes]
    return [
        NewLayer(
            "Image",
            _one_frame(case, p),
            {"name": f"{start} probability{of[c]}, {end}", **probability},
            colorbar=True,
        )
        for c, p in enumerate(result.probability)
    ] + [NewLayer("Labels", _one_frame(case, result.mask), mask, contour=2)]
