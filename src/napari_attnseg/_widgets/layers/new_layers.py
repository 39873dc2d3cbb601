"""Descriptions of the layers that show a result. No Qt, no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg._widgets.layers.classes import class_names, class_options
from napari_attnseg._widgets.layers.metadata import (
    SHARE_MAP,
    derivation_of,
    metadata_of,
)
from napari_attnseg._widgets.layers.placement import coarse_placement
from napari_attnseg._widgets.layers.record import LayerRecord, Part
from napari_attnseg._widgets.layers.source import Source
from napari_attnseg._widgets.layers.stack_results import StackResults
from napari_attnseg._widgets.preferences import gate_colours
from napari_attnseg.colormaps import (
    GATE_COLOURS,
    GATE_MAPS,
    SIGNED_COLOURS,
    SIGNED_HIGH,
    SIGNED_LOW,
    SIGNED_STOPS,
)
from napari_attnseg.io.run_facts import effective_share, provenance
from napari_attnseg.results import (
    GATE_LEGEND,
    Explanation,
    PatternValue,
    Segmentation,
    ShareState,
)

#: Opacity of a map around 0, which is transparent where it says little.
_OF_SIGNED = 0.85


@dataclass(frozen=True, slots=True)
class NewLayer:
    """Description of a layer to add.

    Attributes
    ----------
    kind : str
        Name of its class in ``napari.layers``.
    data : array
    options : dict
        Keyword arguments of the class, without ``metadata``.
    record : LayerRecord or None
        Record for the layer's ``metadata``; None for an image.
    outlined : bool
        Whether a mask is drawn as an outline; otherwise it is filled.
    colorbar : bool
        Whether the layer's colour bar is shown.
    metadata : dict
        Further ``metadata``, besides the record.
    """

    kind: str
    data: NDArray[Any]
    options: dict[str, Any]
    record: LayerRecord | None = None
    outlined: bool = False
    colorbar: bool = False
    metadata: dict[str, Any] = field(default_factory=dict)

    def all_metadata(self) -> dict[str, Any]:
        """``metadata`` of the layer, with its record."""
        own = {} if self.record is None else metadata_of(self.record)
        return {**self.metadata, **own}


def new_layers(source: Source, results: Sequence[Segmentation]) -> list[NewLayer]:
    """Layers of a run, bottom to top: probability, gate maps (finest first), mask.

    Only the mask is visible, as an outline, so that the reader can judge the image; a
    gate map would hide it. Gate maps keep their own resolution and cover the image
    exactly.

    Parameters
    ----------
    source : Source
        The image that was segmented.
    results : sequence of Segmentation
        One per frame. The arrays of `StackResults` are shown as they are.
    """
    arrays = (
        results
        if isinstance(results, StackResults)
        else _Arrays(results, source.frames is not None)
    )
    # A kept what-if has its derivation in the provenance of its segmentation.
    values = {**arrays.provenance(source.origin), **source.notes}
    run = LayerRecord(
        {key: value for key, value in values.items() if key != "made_from"},
        source.reference,
        derivation=derivation_of(values),
    )

    def options(name: str, **more: Any) -> dict[str, Any]:
        return {"name": layer_name(name, source.name), **source.placement, **more}

    layers = []
    count = len(results[0].probability)
    classes = class_names(results[0].provenance, count)
    for c in range(count):
        several = f" {classes[c]}" if count > 1 else ""
        layers.append(
            NewLayer(
                "Image",
                arrays.probability(c),
                options(
                    f"probability{several}",
                    contrast_limits=(0, 1),
                    colormap="viridis",
                    blending="translucent",
                    opacity=0.7,
                    visible=False,
                ),
                replace(
                    run,
                    part=Part.PROBABILITY,
                    class_number=c + 1 if count > 1 else 0,
                ),
                colorbar=True,
            )
        )
    for i, gate in enumerate(results[0].attention):
        record = replace(
            run,
            part=Part.GATE,
            gate=gate.key,
            low=gate.low,
            high=gate.high,
            shows=GATE_LEGEND,
            finding=gate.finding,
            effective_share=arrays.effective_share(i),
            pattern=gate.pattern,
        )
        placed = options(
            f"gate {gate.label}",
            contrast_limits=(0, 1),
            colormap=GATE_COLOURS,
            blending="translucent",
            opacity=map_opacity(record.pattern),
            interpolation2d="nearest",
            visible=False,
        )
        placed |= coarse_placement(source.placement, gate.stride, origin=gate.origin)
        share = arrays.share(i)
        known = {} if share is None else {SHARE_MAP: share}
        layers.append(
            NewLayer(
                "Image",
                arrays.psi(i),
                placed,
                record,
                colorbar=True,
                metadata=known,
            )
        )
    mask = options("mask", opacity=1.0) | class_options(classes)
    record = replace(run, part=Part.MASK)
    layers.append(NewLayer("Labels", arrays.mask(), mask, record, outlined=True))
    return layers


class _Arrays:
    """Arrays and facts of results in a list, as `StackResults` has them."""

    def __init__(self, results: Sequence[Segmentation], stacked: bool) -> None:
        self._results, self._stacked = results, stacked

    def provenance(self, source: str) -> dict[str, Any]:
        return provenance(self._results, source)

    def effective_share(self, gate: int) -> dict[str, Any]:
        return effective_share(self._results, gate)

    def probability(self, number: int) -> NDArray[Any]:
        return self._array([r.probability[number] for r in self._results])

    def psi(self, gate: int) -> NDArray[Any]:
        return self._array([r.attention[gate].values for r in self._results])

    def share(self, gate: int) -> NDArray[Any] | None:
        found = [r.attention[gate].effective_share.values for r in self._results]
        known = [values for values in found if values is not None]
        return self._array(known) if len(known) == len(found) else None

    def mask(self) -> NDArray[Any]:
        return self._array([r.mask for r in self._results])

    def _array(self, parts: list[NDArray[Any]]) -> NDArray[Any]:
        if not self._stacked:
            return parts[0]
        if len(parts) == 1:
            return parts[0][None]
        whole = _whole(parts)
        if whole is not None:
            return whole
        # float16 for the maps of a stack: half the memory, and finer than any display.
        return np.stack(
            [p.astype(np.float16) if p.dtype.kind == "f" else p for p in parts]
        )


def _whole(parts: Sequence[NDArray[Any]]) -> NDArray[Any] | None:
    """The array whose frames, or one class of whose frames, these are; else None.

    A copy of a long stack would need its memory twice.
    """
    owner = parts[0].base
    if not isinstance(owner, np.ndarray) or owner.dtype == np.float32:
        return None
    if len(owner) != len(parts):
        return None
    classes = owner.shape[1] if owner.ndim == parts[0].ndim + 2 else 0
    for one in (owner, *(owner[:, c] for c in range(classes))):
        if one.shape[1:] == parts[0].shape and all(
            part.base is owner and part.ctypes.data == frame.ctypes.data
            for part, frame in zip(parts, one, strict=True)
        ):
            return one
    return None


def layer_name(what: str, of: str) -> str:
    """Name of a layer; the differing part comes first, as long names are cut."""
    return f"{what} · {of}"


def map_opacity(pattern: PatternValue | None) -> float:
    """Opacity of a map over its image, by what was measured of its gate.

    The opacity is low if the pattern was measured to be decorative, or was not
    measured. Maps that do not belong to a gate, or whose record does not say, have the
    normal opacity.
    """
    dimmed = (PatternValue.DECORATIVE, PatternValue.NOT_MEASURED)
    return 0.35 if pattern in dimmed else 0.7


def explanation_layer(source: Source, found: Explanation, frame: int) -> NewLayer:
    """Layer of one explanation, over its image or over one `frame` of a stack.

    Signed maps are transparent at 0, and more opaque the farther a value is from 0, in
    one colour for positive and one for negative values. Other maps go from dark to
    bright. What was measured of a gate dims its own map only. Signed and positive maps
    are scaled to their own range, so that their values can be compared only within one
    map.
    """
    level = "" if found.level is None else f" 1/{found.level}"
    record = LayerRecord(
        {**found.provenance, "source": source.origin, **source.notes},
        source.reference,
        shows=found.meaning,
        finding=found.finding,
        explanation=found.method,
        target=found.target,
        effective_share={}
        if found.effective_share.state is ShareState.UNKNOWN
        else found.effective_share.to_json(),
    )
    stacked, signed = source.frames is not None, found.scale == "signed"
    options = {
        "name": layer_name(f"{found.method}{level}", source.name),
        **source.placement,
        **coarse_placement(source.placement, found.stride, frame if stacked else 0),
        "contrast_limits": found.limits,
        "colormap": {"gate": GATE_COLOURS, "signed": SIGNED_COLOURS}.get(
            found.scale, "magma"
        ),
        "blending": "translucent",
        "opacity": _OF_SIGNED if signed else map_opacity(found.pattern),
        "interpolation2d": "nearest",
    }
    values = found.values[None] if stacked else found.values
    return NewLayer("Image", values, options, record, colorbar=True)


def gate_colormap() -> dict[str, Any]:
    """Arguments of ``napari.utils.Colormap`` for gate maps, from the preferences."""
    name = gate_colours()
    stops = GATE_MAPS[name].stops
    return {
        "name": name,
        "colors": [colour for _, colour in stops],
        "controls": [at for at, _ in stops],
    }


def signed_colormap() -> dict[str, Any]:
    """Colour map for maps around 0, in colours that are seen on tissue."""
    # By alpha alone: a pale colour over a dark image would look like a bright finding.
    above = [(0.5 + max(at / 2, 1e-3), alpha) for at, alpha in SIGNED_STOPS]
    below = [(1 - at, alpha) for at, alpha in reversed(above)]
    sides = ((SIGNED_LOW[1], below), (SIGNED_HIGH[1], above))
    return {
        "name": "around 0",
        "colors": [
            f"{colour}{round(255 * alpha):02x}"
            for colour, side in sides
            for _, alpha in side
        ],
        "controls": [at for _, side in sides for at, _ in side],
    }
