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
from napari_attnseg._widgets.preferences import gate_colours
from napari_attnseg.colormaps import (
    GATE_COLOURS,
    GATE_MAPS,
    SIGNED_COLOURS,
    SIGNED_HIGH,
    SIGNED_LOW,
    SIGNED_STOPS,
)
from napari_attnseg.io.results import effective_share, provenance
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
        Becomes the layer's ``metadata``; None for an image that is opened.
    outlined : bool
        Whether a mask is outlined; else it is filled.
    colorbar : bool
        Whether the layer's colour bar is shown.
    metadata : dict
        Other ``metadata`` than the record.
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

    Only the mask is visible, as an outline, so that the image can be judged; a gate map
    over it would hide what a reader looks for first. Gate maps keep their own
    resolution and cover the image exactly.

    Parameters
    ----------
    source : Source
        The image that was segmented.
    results : sequence of Segmentation
        One per frame.
    """
    # A kept what-if has its derivation in the provenance of its segmentation.
    values = {**provenance(results, source.origin), **source.notes}
    run = LayerRecord(
        {key: value for key, value in values.items() if key != "made_from"},
        source.reference,
        derivation=derivation_of(values),
    )

    def stacked(parts: list[NDArray[Any]]) -> NDArray[Any]:
        if source.frames is None:
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
                stacked([r.probability[c] for r in results]),
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
            effective_share=effective_share(results, i),
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
        maps = stacked([r.attention[i].values for r in results])
        found = [r.attention[i].effective_share.values for r in results]
        shares = [values for values in found if values is not None]
        known = {SHARE_MAP: stacked(shares)} if len(shares) == len(results) else {}
        layers.append(
            NewLayer("Image", maps, placed, record, colorbar=True, metadata=known)
        )
    mask = options("mask", opacity=1.0) | class_options(classes)
    masks = stacked([r.mask for r in results])
    record = replace(run, part=Part.MASK)
    layers.append(NewLayer("Labels", masks, mask, record, outlined=True))
    return layers


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
    """Name of a layer; what differs comes first, since long names are cut."""
    return f"{what} · {of}"


def map_opacity(pattern: PatternValue | None) -> float:
    """Opacity of a map over its image, by what was measured of its gate.

    Low if it was measured to be decoration, or was not measured. A map that is about
    no gate, or of a version that did not say, has not been measured to be either.
    """
    dimmed = (PatternValue.DECORATIVE, PatternValue.NOT_MEASURED)
    return 0.35 if pattern in dimmed else 0.7


def explanation_layer(source: Source, found: Explanation, frame: int) -> NewLayer:
    """Layer of one explanation, over its image or over one `frame` of a stack.

    Signed maps are transparent at 0, and the farther a value is from it the denser is
    its colour, one for positive and one for negative values. Other maps go from dark to
    bright. What was measured of a gate dims its own map only. Signed and positive maps
    are scaled to their own range: their values compare within a map only.
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
