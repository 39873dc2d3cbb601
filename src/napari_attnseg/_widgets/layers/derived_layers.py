"""Describe layers that were made from the result of a run. No Qt, no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from napari_attnseg._widgets.layers.new_layers import (
    NewLayer,
    layer_name,
    new_layers,
)
from napari_attnseg._widgets.layers.source import Source
from napari_attnseg.colormaps import KEPT_COLOUR, MASK_COLOUR
from napari_attnseg.results import Segmentation, gate_key, gate_parts
from napari_attnseg.time_smoothing import TIME_SMOOTHING


def kept_layers(source: Source, results: Sequence[Segmentation]) -> list[NewLayer]:
    """Layers of a what-if that is kept; their names say which gates were forced.

    They are those of `new_layers`, except that only painted gate maps have a layer:
    every other forced gate is described by one number.
    """
    forced = results[0].provenance["gates_forced"]
    coarse_first = sorted(forced, key=lambda gate: -gate_parts(gate_key(gate))[0])
    listed = ", ".join(
        f"{gate}={forced[gate]:.2f}"
        if isinstance(forced[gate], float)
        else f"{gate} painted"
        for gate in coarse_first
    )
    painted = {gate_key(gate) for gate in forced if forced[gate] == "array"}
    kept = []
    for new in new_layers(source, results):
        assert new.record is not None
        if new.record.gate is None or new.record.gate in painted:
            what_if = f"what if {listed or 'nothing forced'}"
            new.options["name"] = layer_name(what_if, new.options["name"])
            kept.append(new)
    return _in_kept_colour(kept)


def smoothed_layers(source: Source, results: Sequence[Segmentation]) -> list[NewLayer]:
    """Layers of a stack that was smoothed over time, named by the number of frames.

    The mask has another colour than the mask of the run.
    """
    frames = results[0].provenance[TIME_SMOOTHING]["frames"]
    made = new_layers(source, [replace(one, attention=()) for one in results])
    for new in made:
        new.options["name"] = layer_name(f"smoothed {frames}", new.options["name"])
    return _in_kept_colour(made)


def _in_kept_colour(layers: list[NewLayer]) -> list[NewLayer]:
    """Colour the mask, the last layer, unlike that of the run."""
    colours = layers[-1].options.get("colormap", {})
    for label, colour in colours.items():
        # Two outlines of one colour could not be told apart.
        colours[label] = KEPT_COLOUR if colour == MASK_COLOUR else colour
    return layers
