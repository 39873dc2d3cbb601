"""The image layer that is segmented: its frames and its placement. No Qt, no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg._widgets.layers.metadata import IMAGE_FILE
from napari_attnseg._widgets.layers.record import ImageReference
from napari_attnseg.errors import InputError
from napari_attnseg.sample_data import sample_path


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """An image layer as input of a model: its frames and its placement in the world.

    Attributes
    ----------
    name : str
        Name of the layer.
    data : array
        Finest level; (H, W), (T, H, W), each with a colour axis behind it if `rgb`.
    rgb : bool
        Whether the last axis is colour, as the layer declares it.
    frames : int or None
        Length of the leading axis; None for a single image.
    placement : mapping
        ``scale, translate, rotate, shear, affine, units, axis_labels`` of the layer.
    file : str or None
        Path of the file that the layer was opened from.
    layer_id : str
        ``unique_id`` of the layer; empty if there is no layer.
    recorded : str or None
        What provenance calls the source already; None: `file`, else `name`.
    """

    name: str
    data: Any
    rgb: bool
    frames: int | None
    placement: Mapping[str, Any]
    file: str | None = None
    layer_id: str = ""
    recorded: str | None = None

    @property
    def origin(self) -> str:
        """What provenance calls the source: its file, else the layer's name."""
        return self.recorded or self.file or self.name

    @property
    def reference(self) -> ImageReference:
        """The image as the layers that are made of it refer to it."""
        return ImageReference(self.name, self.layer_id, self.file)

    def frame(self, index: int) -> NDArray[np.generic]:
        """One image; only this part of a dask or zarr array is computed."""
        part = self.data if self.frames is None else self.data[index]
        return np.asarray(part)


def source_of(layer: Any) -> Source:
    """Copy what segmentation needs of an image layer.

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
        placement_of(layer),
        file_of(layer),
        str(layer.unique_id),
    )


def placement_of(layer: Any) -> dict[str, Any]:
    """Placement of a layer in the world, as arguments of another layer."""
    return {
        "scale": np.array(layer.scale),
        "translate": np.array(layer.translate),
        "rotate": np.array(layer.rotate),
        "shear": np.array(layer.shear),
        "affine": np.array(layer.affine.affine_matrix),
        "units": layer.units,
        "axis_labels": layer.axis_labels,
    }


def file_of(layer: Any) -> str | None:
    """File that an image layer was opened from; None if there is none."""
    plugin, sample = layer.source.sample or ("", "")
    if plugin == "napari-attnseg":
        return str(sample_path(sample))
    path: str | None = layer.metadata.get(IMAGE_FILE, layer.source.path)
    return path if path is not None and Path(path).is_file() else None


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
