"""Recognise a grey image that was saved in the colours of a colour map.

Such as by ``matplotlib.pyplot.imsave``, whose map is viridis if none is named.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

Colours = NDArray[np.float64]

#: Maps of matplotlib; other programs have most of them too. Not those whose two ends
#: are one colour.
NAMES = (
    *("viridis", "plasma", "inferno", "magma", "cividis", "turbo", "jet", "rainbow"),
    *("nipy_spectral", "gist_ncar", "hot", "afmhot", "gist_heat"),
    *("copper", "bone", "pink", "cubehelix", "gnuplot", "gnuplot2", "CMRmap", "brg"),
    *("gist_stern", "gist_earth", "terrain", "ocean", "spring", "summer", "autumn"),
    *("winter", "cool", "Wistia", "Purples", "Blues", "Greens", "Oranges", "Reds"),
    *("Greys", "YlOrBr", "YlOrRd", "OrRd", "PuRd", "RdPu", "BuPu", "GnBu", "PuBu"),
    *("YlGnBu", "PuBuGn", "BuGn", "YlGn", "PiYG", "PRGn", "BrBG", "PuOr", "RdGy"),
    *("RdBu", "RdYlBu", "RdYlGn", "Spectral", "coolwarm", "bwr", "seismic"),
)
#: Key, in provenance, of the colour map in whose colours an image seems to be.
COLOUR_MAP = "colour_map"
#: Sentence about such an image, with a place for the map.
COLOUR_MAP_WORDS = (
    "{} seems to be a grey image shown in {}, which the model was not trained "
    "on: give the grey image."
)
#: Maps of one hue, or nearly: a stained section or a grey image may have their colours.
_TINTS = frozenset(
    {
        *("copper", "bone", "pink", "Wistia", "Purples", "Blues", "Greens", "Oranges"),
        *("Reds", "Greys", "YlOrBr", "YlOrRd", "OrRd", "PuRd", "RdPu", "BuPu", "GnBu"),
        *("PuBu", "YlGnBu", "PuBuGn", "BuGn", "YlGn"),
    }
)
#: Pixels that are looked at: a few first, and then some.
_FEW, _SOME = 200, 2500
#: So large a share lies so near to the map, of 255, after JPEG too. Of an ordinary
#: image it is at most 0.64 (training/results/recognised-images-kvasir-seg.json).
_NEAR, _SHARE = 16.0, 0.75
#: Levels of the map, of 255, that all but the last hundredth span, at least; those of
#: one hue, as a stain in fluorescence has, span fewer.
_SPAN = 140
#: Mean difference between the highest and the lowest channel, at least: no grey image.
_COLOURED = 20.0


@cache
def tables() -> dict[str, tuple[Colours, KDTree]]:
    """Name of each map → its 256 colours (256, 3) from 0 to 255, and their tree."""
    from matplotlib import colormaps

    found = {}
    for name in NAMES:
        table = colormaps[name](np.arange(256))[:, :3] * 255
        found[name] = table, KDTree(table)
    return found


def colour_map_of(image: NDArray[Any]) -> str:
    """Name of the colour map that nearly all colours lie along; empty if there is none.

    The image has the shape (H, W) or (H, W, C). Empty for other dtypes than uint8.
    """
    if image.ndim != 3 or image.shape[-1] < 3 or image.dtype != np.uint8:
        return ""
    step = max(1, math.isqrt(math.prod(image.shape[:2]) // _SOME))
    pixels = image[step // 2 :: step, step // 2 :: step, :3].reshape(-1, 3)
    if np.ptp(pixels, axis=1).mean() < _COLOURED:
        return ""
    few = pixels[:: max(1, len(pixels) // _FEW)]
    best, nearest = "", math.inf
    for name, (_, tree) in tables().items():
        if name in _TINTS:
            continue
        apart, _ = tree.query(few, distance_upper_bound=_NEAR)
        if np.isfinite(apart).mean() < _SHARE - 0.1:
            continue
        apart, level = tree.query(pixels)
        low, high = np.percentile(level, [0.5, 99.5])
        fits = np.mean(apart <= _NEAR) >= _SHARE and high - low >= _SPAN
        if fits and apart.mean() < nearest:
            best, nearest = name, float(apart.mean())
    return best


def map_words(name: str, image: str = "This image") -> str:
    """Sentence about an image in the colours of a map."""
    return COLOUR_MAP_WORDS.format(image, f"the colour map {name}")
