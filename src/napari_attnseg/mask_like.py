"""Recognise a mask that was given as an image."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Colours of a mask, at most: background and some classes.
_COLOURS = 8
#: Share of pixels whose neighbours have their colour, at least: they fill regions.
_FILLED = 0.85
#: Share of the range of a grey mask of 8 bits within which JPEG leaves black and white,
#: and the share of pixels that are there, at least. Most of these are not changed.
_ENDS, _AT_ENDS = 0.06, 0.97
_SAME, _LEVELS = 0.85, 2
#: Pixels that are looked at, at most.
_PIXELS = 250_000

MASK_LIKE_WORDS = (
    "this image looks like a mask, as a few values fill its regions; if it is one, "
    "leave it out: put the masks into another folder than the images."
)


def looks_like_mask(image: NDArray[Any]) -> bool:
    """Whether an image has a few values only, which fill regions.

    The image has the shape (H, W) or (H, W, C). False if all of it has one colour.
    """
    step = math.ceil(math.sqrt(max(1, math.prod(image.shape[:2]) / _PIXELS)))
    some = image[::step, ::step]
    if some.ndim == 2:
        some = some[..., None]
    some = some[..., :3]
    grey = bool((some == some[..., :1]).all())
    codes = _near_ends(some[..., 0]) if grey else None
    if codes is None:
        codes = _colours(some)
    if codes is None or (codes == codes[0, 0]).all():
        return False
    same = (codes[:-1, :-1] == codes[1:, :-1]) & (codes[:-1, :-1] == codes[:-1, 1:])
    return bool(same.mean() >= _FILLED)


def _near_ends(grey: NDArray[Any]) -> NDArray[Any] | None:
    """Black or white of each pixel (H, W); None if many are neither.

    A dark photo has many levels near black, too, beside white text.
    """
    if grey.dtype != np.uint8:
        return None
    values = grey.astype(np.float32)
    low, high = float(values.min()), float(values.max())
    margin = _ENDS * (high - low)
    white, black = values >= high - margin, values <= low + margin
    if (white | black).mean() < _AT_ENDS:
        return None
    usual = np.where(white, np.median(values[white]), np.median(values[black]))
    return white if (np.abs(values - usual) <= _LEVELS).mean() >= _SAME else None


def _colours(image: NDArray[Any]) -> NDArray[Any] | None:
    """Number of the colour of each pixel (H, W); None if there are many colours."""
    rows, columns, channels = image.shape
    few = image[:: max(1, rows // 16), :: max(1, columns // 16)].reshape(-1, channels)
    if len(np.unique(few, axis=0)) > _COLOURS:
        return None
    flat = image.reshape(-1, channels)
    colours, codes = np.unique(flat, axis=0, return_inverse=True)
    return codes.reshape(rows, columns) if len(colours) <= _COLOURS else None
