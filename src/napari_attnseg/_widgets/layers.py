"""From a napari layer to frames, and from results to layers. No Qt, no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg._widgets.classes import class_names, class_options
from napari_attnseg.colours import GATE_COLOURS, GATE_STOPS
from napari_attnseg.errors import InputError
from napari_attnseg.results import GATE_LEGEND, Explanation, Segmentation

#: Key of what is ours in ``layer.metadata``.
METADATA = "attnseg"


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """What to segment: the frames of an image layer, and where they lie in the world.

    Attributes
    ----------
    name : str
        Of the layer.
    data : array
        Finest level; (H, W), (T, H, W), each with a colour axis behind it if `rgb`.
    rgb : bool
        Whether the last axis is colour: the layer's word, not a guess.
    frames : int or None
        Length of the leading axis; None for a single image.
    placement : mapping
        ``scale, translate, rotate, shear, affine, units, axis_labels`` of the layer.
    """

    name: str
    data: Any
    rgb: bool
    frames: int | None
    placement: Mapping[str, Any]

    def frame(self, index: int) -> NDArray[np.generic]:
        """One image; only this part of a dask or zarr array is computed."""
        part = self.data if self.frames is None else self.data[index]
        return np.asarray(part)


def source_of(layer: Any) -> Source:
    """Take what segmentation needs of an image layer.

    The layer may be changed or deleted afterwards.

    Raises
    ------
    InputError
        If its data cannot be segmented: more than one leading axis, no numbers.
    """
    data = layer.data[0] if layer.multiscale else layer.data
    want = "Expected an image (Y, X) or a stack (T, Y, X), in grey, RGB or RGBA"
    if layer.ndim not in (2, 3):
        raise InputError(
            f"{want}, but layer {layer.name!r} has {layer.ndim} axes besides colour "
            f"(shape {tuple(data.shape)}); take one slice or channel out of it first "
            "(Layers ▸ Data ▸ Split Stack)."
        )
    if np.dtype(data.dtype).kind not in "buif":
        raise InputError(
            f"{want}, but layer {layer.name!r} holds {data.dtype} values; convert it "
            "to integer or float."
        )
    size = tuple(data.shape[layer.ndim - 2 : layer.ndim])
    if min(data.shape[: layer.ndim]) < 1 or min(size) < 2:
        raise InputError(
            f"{want} of at least 2×2 pixels, but layer {layer.name!r} has shape "
            f"{tuple(data.shape)}."
        )
    if layer.rgb and data.shape[-1] not in (3, 4):
        raise InputError(
            f"{want}, but layer {layer.name!r} has {data.shape[-1]} colour channels."
        )
    return Source(
        layer.name,
        data,
        bool(layer.rgb),
        int(data.shape[0]) if layer.ndim == 3 else None,
        {
            "scale": np.array(layer.scale),
            "translate": np.array(layer.translate),
            "rotate": np.array(layer.rotate),
            "shear": np.array(layer.shear),
            "affine": np.array(layer.affine.affine_matrix),
            "units": layer.units,
            "axis_labels": layer.axis_labels,
        },
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
    facts = {**results[0].provenance, "source": source.name}

    def stacked(parts: list[NDArray[Any]]) -> NDArray[Any]:
        # float16 for the maps of a stack: half the memory, and finer than any display.
        if source.frames is None:
            return parts[0]
        return np.stack(
            [p.astype(np.float16) if p.dtype.kind == "f" else p for p in parts]
        )

    def options(name: str, **more: Any) -> dict[str, Any]:
        return {"name": f"{source.name} · {name}", **source.placement, **more}

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
                    contrast_limits=(0, 1),
                    colormap="viridis",
                    blending="translucent",
                    opacity=0.7,
                    visible=False,
                    metadata={METADATA: facts},
                ),
                colorbar=True,
            )
        )
    for i, gate in enumerate(results[0].attention):
        said = {**facts, "gate": f"1/{gate.level}", "shows": GATE_LEGEND}
        said |= {"0": gate.low, "1": gate.high, "finding": gate.finding}
        said |= {"decorative": gate.decorative}
        placed = options(
            gate.name,
            contrast_limits=(0, 1),
            colormap=GATE_COLOURS,
            blending="translucent",
            opacity=gate_opacity(said),
            interpolation2d="nearest",
            visible=False,
            metadata={METADATA: said},
        )
        placed |= coarse_placement(source.placement, gate.stride)
        values = stacked([r.attention[i].values for r in results])
        layers.append(NewLayer("Image", values, placed, colorbar=True))
    mask = options("mask", metadata={METADATA: facts})
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

    Signed maps get the gate's colours around 0, orange raises; others go from dark to
    bright. The scale is the map's own: such numbers compare within a map only.
    """
    level = "" if found.level is None else f" 1/{found.level}"
    top = float(np.abs(found.values).max()) or 1.0
    limits = {"gate": (0, 1), "signed": (-top, top), "positive": (0, top)}
    facts = {
        **found.provenance,
        "source": source.name,
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
        "colormap": "magma" if found.scale == "positive" else GATE_COLOURS,
        "blending": "translucent",
        "opacity": 0.7,
        "interpolation2d": "nearest",
        "metadata": {METADATA: facts},
    }
    values = found.values[None] if stacked else found.values
    return NewLayer("Image", values, options, colorbar=True)


def coarse_placement(
    placement: Mapping[str, Any], stride: tuple[float, float], frame: int = 0
) -> dict[str, NDArray[np.float64]]:
    """Scale and translate that put a coarse map exactly over its image.

    napari places pixel centres: pixel 0 of a map with stride f is centred at pixel
    (f − 1) / 2 of the image. That offset, and that of the first `frame` of a stack,
    goes through the layer's own scale, shear and rotation before it is a translation.
    """
    scale = np.asarray(placement["scale"], float)
    factor = np.ones(len(scale))
    factor[-2:] = stride
    at = (factor - 1) / 2
    at[:-2] = frame
    return {
        "scale": scale * factor,
        "translate": np.asarray(placement["translate"], float)
        + _linear(placement) @ at,
    }


def _linear(placement: Mapping[str, Any]) -> NDArray[np.float64]:
    """The layer's linear part, rotate · shear · scale, as napari composes it."""
    scale = np.asarray(placement["scale"], float)
    n = len(scale)
    shear = np.asarray(placement["shear"], float)
    if shear.ndim == 1:  # the upper triangle, row by row
        upper = np.eye(n)
        upper[np.triu_indices(n, 1)] = shear
        shear = upper
    rotate = np.asarray(placement["rotate"], float)
    linear: NDArray[np.float64] = rotate @ shear @ np.diag(scale)
    return linear


def gate_colormap() -> dict[str, Any]:
    """Arguments of ``napari.utils.Colormap`` for gate maps."""
    return {
        "name": GATE_COLOURS,
        "colors": [colour for _, colour in GATE_STOPS],
        "controls": [at for at, _ in GATE_STOPS],
    }
