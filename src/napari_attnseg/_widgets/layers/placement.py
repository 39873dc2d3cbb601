"""Placement of layers in the world, over an image or a part of one. No Qt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.errors import InputError


def coarse_placement(
    placement: Mapping[str, Any],
    stride: tuple[float, float],
    frame: int = 0,
    origin: tuple[float, float] = (0.0, 0.0),
) -> dict[str, NDArray[np.float64]]:
    """Scale and translation that put a coarse map over its image, from `origin` on.

    napari places pixel centres: pixel 0 of a map with stride f is centred at pixel
    (f − 1) / 2 of the image. That offset, and that of the first `frame` of a stack,
    goes through the layer's own scale, shear and rotation before it is a translation.
    """
    scale = np.asarray(placement["scale"], float)
    factor = np.ones(len(scale))
    factor[-2:] = stride
    at = (factor - 1) / 2
    at[-2:] += origin
    at[:-2] = frame
    return {
        "scale": scale * factor,
        "translate": np.asarray(placement["translate"], float)
        + _linear(placement) @ at,
    }


def carried(
    placement: Mapping[str, Any], before: Mapping[str, Any], now: Mapping[str, Any]
) -> dict[str, Any]:
    """Placement of a layer over an image that was moved, scaled or turned.

    Parameters
    ----------
    placement : mapping
        Placement of the layer, from `coarse_placement` or from the user.
    before, now : mapping
        Placements of the image.

    Returns
    -------
    dict
        ``scale, translate, rotate, shear, affine``, by which each pixel of the layer
        covers the same pixels of the image as before.
    """
    offset = np.asarray(placement["translate"]) - np.asarray(before["translate"])
    at = np.linalg.solve(_linear(before), offset)
    factor = np.asarray(placement["scale"]) / np.asarray(before["scale"])
    return {
        "scale": np.asarray(now["scale"]) * factor,
        "rotate": now["rotate"],
        "shear": now["shear"],
        "translate": np.asarray(now["translate"]) + _linear(now) @ at,
        "affine": now["affine"],
    }


def without_axis(placement: Mapping[str, Any], axis: int, name: str) -> dict[str, Any]:
    """Placement of one image whose layer shows its channels along an axis.

    Parameters
    ----------
    placement : mapping
        Placement of a layer of three axes.
    axis : int
        Axis of the channels.
    name : str
        Name of the layer, for the error.

    Raises
    ------
    InputError
        If the layer is turned or sheared so that this axis and others depend on each
        other.
    """
    keep = [i for i in range(3) if i != axis]
    rotate = np.asarray(placement["rotate"], float)
    shear = _shear(placement)
    affine = np.asarray(placement["affine"], float)
    for matrix in (rotate, shear, affine[:3, :3]):
        if max(abs(matrix[axis, keep]).max(), abs(matrix[keep, axis]).max()) > 1e-9:
            raise InputError(
                f"Expected an image whose axis {axis} of channels does not depend "
                f"on other axes, but layer {name!r} is rotated or sheared along it; "
                "reset its rotate, shear and affine, or split the channels first."
            )
    block = np.ix_(keep, keep)
    ends = np.ix_([*keep, 3], [*keep, 3])
    found: dict[str, Any] = {
        "scale": np.asarray(placement["scale"])[keep],
        "translate": np.asarray(placement["translate"])[keep],
        "rotate": rotate[block],
        "shear": np.array([shear[keep[0], keep[1]]]),
        "affine": affine[ends],
    }
    for key in ("units", "axis_labels"):
        if key in placement:
            found[key] = tuple(placement[key][i] for i in keep)
    return found


def _linear(placement: Mapping[str, Any]) -> NDArray[np.float64]:
    """The layer's linear part, rotate · shear · scale, as napari composes it."""
    scale = np.asarray(placement["scale"], float)
    rotate = np.asarray(placement["rotate"], float)
    linear: NDArray[np.float64] = rotate @ _shear(placement) @ np.diag(scale)
    return linear


def _shear(placement: Mapping[str, Any]) -> NDArray[np.float64]:
    """Shear as a matrix."""
    n = len(placement["scale"])
    shear = np.asarray(placement["shear"], float)
    if shear.ndim == 1:  # the upper triangle, row by row
        upper = np.eye(n)
        upper[np.triu_indices(n, 1)] = shear
        shear = upper
    return shear
