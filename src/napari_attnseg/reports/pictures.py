"""Pictures of a report as data URIs, and outlines as SVG paths. No matplotlib."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from napari_attnseg.boxes import Box
from napari_attnseg.colormaps import GATE_STOPS
from napari_attnseg.uncertainty import binary_entropy

#: Pixels on the longer side of an image, of a thumbnail and of a map, at most.
IMAGE, THUMBNAIL, MAP = 800, 160, 240
#: Of JPEG: what is lost is not seen.
_QUALITY = 88
#: White is decided, dark is undecided: little ink, and legible in a grey print.
DOUBT_STOPS = ((0.0, "#ffffff"), (0.5, "#c08bc8"), (1.0, "#4a1260"))

Stops = Sequence[tuple[float, str]]


def picture_uri(rgb: NDArray[np.float32], side: int = IMAGE) -> str:
    """JPEG of an image (H, W, 3) in [0, 1], shrunk to at most `side` pixels a side."""
    values = np.round(rgb * 255).astype(np.uint8)
    picture = Image.fromarray(values)
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=_QUALITY, optimize=True)
    return _uri("jpeg", buffer)


def map_uri(values: NDArray[np.floating[Any]], stops: Stops = GATE_STOPS) -> str:
    """PNG of a map (h, w) in [0, 1], with one pixel for each cell of the map."""
    places = [place for place, _ in stops]
    ends = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for _, c in stops])
    levels = np.linspace(0, 1, 256)
    colours = np.stack([np.interp(levels, places, ends[:, i]) for i in range(3)], 1)
    indices = np.round(np.clip(values, 0, 1) * 255).astype(np.uint8)
    picture = Image.fromarray(indices)
    picture.putpalette(np.round(colours).astype(np.uint8).tobytes())
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return _uri("png", buffer)


def doubt_uri(probability: NDArray[np.floating[Any]], box: Box | None) -> str:
    """PNG of the predictive entropy of (classes, H, W); dark means undecided."""
    best = probability.max(0) if len(probability) > 1 else probability[0]
    best = best if box is None else box.crop(best)
    entropy = binary_entropy(best)
    small = Image.fromarray(entropy)
    small.thumbnail((MAP, MAP), Image.Resampling.BOX)
    return map_uri(np.asarray(small), DOUBT_STOPS)


def gradient(stops: Stops) -> str:
    """Colour stops of a CSS gradient."""
    return ", ".join(f"{colour} {100 * place:g}%" for place, colour in stops)


def outline(mask: NDArray[np.bool_]) -> str:
    """Outline of a mask (H, W) as the ``d`` of an SVG path, in pixels of the image.

    It follows the edges of the image where the mask reaches them. It may deviate by
    half a pixel of the displayed picture.
    """
    from skimage.measure import approximate_polygon, find_contours

    if not mask.any():
        return ""
    step = math.ceil(max(mask.shape) / (2 * IMAGE))
    seen = np.pad(mask[::step, ::step], 1)
    tolerance = max(0.35, max(mask.shape) / step / IMAGE / 2)
    parts = []
    for contour in find_contours(seen.astype(np.float32), 0.5):
        kept = approximate_polygon(contour, tolerance)
        # Contours run through centres of pixels; those of the frame begin at a corner.
        points = np.clip((kept - 0.5) * step, 0, mask.shape)
        words = [f"{column:.4g},{row:.4g}" for row, column in points]
        parts.append(f"M{' '.join(words)}Z")
    return "".join(parts)


def _uri(kind: str, buffer: io.BytesIO) -> str:
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f"data:image/{kind};base64,{data}"
