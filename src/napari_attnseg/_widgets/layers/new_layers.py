"""From results to layers. No Qt, no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg._widgets.layers.classes import class_names, class_options
from napari_attnseg._widgets.layers.metadata import METADATA
from napari_attnseg._widgets.layers.source import Source, coarse_placement
from napari_attnseg._widgets.preferences import gate_colours
from napari_attnseg.colormaps import GATE_COLOURS, GATE_MAPS, KEPT_COLOUR, MASK_COLOUR
from napari_attnseg.io.results import provenance
from napari_attnseg.results import (
    GATE_LEGEND,
    Explanation,
    Segmentation,
    gate_key,
    gate_parts,
)


@dataclass(frozen=True, slots=True)
class NewLayer:
    """One layer to add: arguments of its class, and attributes set afterwards."""

    kind: str
    data: NDArray[Any]
    options: dict[str, Any]
    contour: int = 0
    colorbar: bool = False


def new_layers(source: Source, results: Sequence[Segmentation]) -> list[NewLayer]:
    """Layers of a run, bottom to top: probability, gates (finest first), mask.

    Only the mask is visible, as an outline, so that the image stays to be judged; a
    gate map over it would hide what a reader looks for first. Gate maps keep their own
    resolution and lie exactly over the image.

    Parameters
    ----------
    source : Source
        What was segmented.
    results : sequence of Segmentation
        One per frame.
    """
    facts = provenance(results, source.origin)

    def stacked(parts: list[NDArray[Any]]) -> NDArray[Any]:
        if source.frames is None:
            return parts[0]
        if len(parts) == 1:
            return parts[0][None]
        # float16 for the maps of a stack: half the memory, and finer than any display.
        return np.stack(
            [p.astype(np.float16) if p.dtype.kind == "f" else p for p in parts]
        )

    def options(name: str, part: dict[str, Any], **more: Any) -> dict[str, Any]:
        said = {METADATA: {**facts, **part}}
        name = f"{source.name} · {name}"
        return {"name": name, **source.placement, "metadata": said, **more}

    layers = []
    classes = class_names(results[0].provenance, len(results[0].probability))
    for c in range(len(results[0].probability)):
        number = f" {c + 1}" if len(results[0].probability) > 1 else ""
        shown = f"{number} ({classes[c]})" if number else ""
        layers.append(
            NewLayer(
                "Image",
                stacked([r.probability[c] for r in results]),
                options(
                    f"probability{shown}",
                    {"part": f"probability{number}"},
                    contrast_limits=(0, 1),
                    colormap="viridis",
                    blending="translucent",
                    opacity=0.7,
                    visible=False,
                ),
                colorbar=True,
            )
        )
    for i, gate in enumerate(results[0].attention):
        said: dict[str, Any] = {
            "part": "gate",
            "gate": gate.label,
            "shows": GATE_LEGEND,
        }
        said |= {"0": gate.low, "1": gate.high, "finding": gate.finding}
        said |= {"decorative": gate.decorative}
        placed = options(
            gate.name,
            said,
            contrast_limits=(0, 1),
            colormap=GATE_COLOURS,
            blending="translucent",
            opacity=gate_opacity(said),
            interpolation2d="nearest",
            visible=False,
        )
        placed |= coarse_placement(source.placement, gate.stride)
        values = stacked([r.attention[i].values for r in results])
        layers.append(NewLayer("Image", values, placed, colorbar=True))
    mask = options("mask", {"part": "mask"})
    mask |= class_options(classes)
    mask["opacity"] = 1.0
    layers.append(
        NewLayer("Labels", stacked([r.mask for r in results]), mask, contour=2)
    )
    return layers


def gate_opacity(facts: Mapping[str, Any]) -> float:
    """What was measured to be decoration is not to catch the eye."""
    return 0.35 if facts.get("decorative") else 0.7


def explanation_layer(source: Source, found: Explanation, frame: int) -> NewLayer:
    """Layer of one explanation, exactly over its image; of one `frame` of a stack.

    Signed maps get the gate's colours around 0, that of psi 1 raises; others go from
    dark to bright. The scale of signed and positive maps is their own: such numbers
    compare within a map only.
    """
    level = "" if found.level is None else f" 1/{found.level}"
    top = float(np.abs(found.values).max()) or 1.0
    limits = {
        "gate": (0, 1),
        "unit": (0, 1),
        "signed": (-top, top),
        "positive": (0, top),
    }
    facts = {
        **found.provenance,
        "source": source.origin,
        "explanation": found.method,
        "shows": found.meaning,
        "finding": found.finding,
        "target": found.target,
    }
    stacked = source.frames is not None
    options = {
        "name": f"{source.name} · {found.method}{level}",
        **source.placement,
        **coarse_placement(source.placement, found.stride, frame if stacked else 0),
        "contrast_limits": limits[found.scale],
        "colormap": GATE_COLOURS if found.scale in ("gate", "signed") else "magma",
        "blending": "translucent",
        "opacity": 0.7,
        "interpolation2d": "nearest",
        "metadata": {METADATA: facts},
    }
    values = found.values[None] if stacked else found.values
    return NewLayer("Image", values, options, colorbar=True)


def gate_colormap() -> dict[str, Any]:
    """Arguments of ``napari.utils.Colormap`` for gate maps, as one prefers them."""
    name = gate_colours()
    stops = GATE_MAPS[name].stops
    return {
        "name": name,
        "colors": [colour for _, colour in stops],
        "controls": [at for at, _ in stops],
    }


def kept_layers(source: Source, results: Sequence[Segmentation]) -> list[NewLayer]:
    """Layers of a what-if that stay; their names say what was forced.

    As `layers.new_layers`, but of the gate maps only those that nothing else says: the
    ones that were painted.
    """
    forced = results[0].provenance["gates_forced"]
    coarse_first = sorted(forced, key=lambda gate: -gate_parts(gate_key(gate))[0])
    said = ", ".join(
        f"{gate}={forced[gate]:.2f}"
        if isinstance(forced[gate], float)
        else f"{gate} painted"
        for gate in coarse_first
    )
    kept = []
    for new in new_layers(source, results):
        gate = new.options["metadata"][METADATA].get("gate")
        if gate is None or forced.get(gate) == "array":
            new.options["name"] += f", what if {said or 'nothing forced'}"
            kept.append(new)
    colours = kept[-1].options.get("colormap", {})
    for label, colour in colours.items():
        # Two outlines of one colour could not be told apart.
        colours[label] = KEPT_COLOUR if colour == MASK_COLOUR else colour
    return kept
