"""Read masks of many levels that were saved through a colour map, such as viridis."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, minimum_filter

from attnseg_training.datasets.colour_errors import picture, unclear
from attnseg_training.datasets.drawn_colours import border_of
from attnseg_training.datasets.mask_numbers import cut_of
from attnseg_training.datasets.mask_regions import are_edges
from attnseg_training.datasets.mask_scale import COLOURS, scale_of
from attnseg_training.datasets.mask_slopes import is_sloped
from attnseg_training.datasets.mask_traits import Colour, MaskTraits
from napari_attnseg.false_colours import tables

Colours = NDArray[np.float64]
Levels = NDArray[np.uint8]
Plane = NDArray[np.bool_]

#: Of 0 to 255: nearly all colours lie so near to their map, in a file and in one that
#: compression has changed; programs do not agree on each colour of jet.
NEAR, LOSSY_NEAR, NEARLY = 16.0, 40.0, 0.97
#: Colours in between lie on the map, rather than on the line between its ends, if their
#: distance from it is less than this share of the other.
RATHER = 0.5
#: The least of that distance that tells both apart.
BENT = 6.0
#: So many levels are those of a soft edge, on so many pixels.
LEVELS, PIXELS = 4, 12
#: Share of the range at both its ends that is not in between.
END = 0.1
#: Regions of one level: they differ by less in a square of that side; no soft edge has
#: so large a share of its pixels in them.
SPREAD, SQUARE, REGIONS = 6, 3, 0.3
#: So many colours are looked at first, of which so many lie on a map that may fit.
SOME, MOST_OF_SOME = 200, 0.8


def foreground_along_a_map(
    rgb: Colours, hidden: Plane, lossy: bool, clear: float, name: str
) -> tuple[Plane, MaskTraits] | None:
    """Read a mask whose soft edges run along a colour map; lesion is the upper half.

    Returns the lesion (H, W) and the traits of the mask. Returns None if the edges run
    straight from one colour to the other or do not follow a colour map, or if colours
    fill regions, as those of objects do.

    Parameters
    ----------
    rgb : ndarray, shape (H, W, 3)
        Colours from 0 to 255.
    hidden : ndarray of bool, shape (H, W)
        Pixels that are ignored.
    lossy : bool
        Whether compression has changed them.
    clear : float
        Least share of the border that the background must fill.
    name : str
        Name of the file, for messages.

    Raises
    ------
    UnclearMaskError
        If the border does not show which end of the map is background, or if most
        levels lie in between, as in the heat map of a picture.
    """
    whole = rgb.round().astype(np.int64) @ np.array([65536, 256, 1])
    codes, which, counts = np.unique(
        whole[~hidden], return_inverse=True, return_counts=True
    )
    if len(codes) < LEVELS:
        return None
    colours = np.stack([codes >> 16, codes >> 8 & 255, codes & 255], -1).astype(float)
    for map_name, along in _fitting(colours, counts, lossy):
        levels = np.zeros(hidden.shape, np.uint8)
        levels[~hidden] = along[which]
        levels[hidden] = levels[~hidden].min()
        if _fill_regions(levels):
            return None
        found = _background_first(levels, hidden, clear)
        if found is None:
            came = f"soft edges in the colours of {map_name}, and no one end of it"
            raise unclear(name, f"{came} along most of the border")
        low, top = int(found.min()), int(found.max())
        if low > END * 255:  # such as white, in the middle of a map of two colours
            continue
        if not are_edges(found, np.unique(found), not lossy):
            raise picture(name)
        lesion = (found > cut_of(float(top))) & ~hidden
        scale = scale_of(found, lesion, True, False, None)
        return lesion, MaskTraits(
            background=_colour(rgb[found == low]),
            lesions=(_colour(rgb[found == top]),),
            scale=None if scale is None else replace(scale, kind=f"{COLOURS} of a map"),
            sloped=is_sloped(np.where(hidden, low, found) - low, lesion),
        )
    return None


def _colour(pixels: Colours) -> Colour:
    red, green, blue = np.median(pixels, axis=0).tolist()
    return red, green, blue


def _fitting(
    colours: Colours, counts: NDArray[np.intp], lossy: bool
) -> list[tuple[str, NDArray[np.intp]]]:
    """Maps along which colours (n, 3) lie, and where on each; the nearest first."""
    near = LOSSY_NEAR if lossy else NEAR
    step = -(-len(colours) // SOME)
    found = []
    for name, (table, tree) in tables().items():
        apart, _ = tree.query(colours[::step], distance_upper_bound=2 * near)
        if np.mean(apart <= near) < MOST_OF_SOME:
            continue
        apart, level = tree.query(colours)
        close = apart <= near
        if counts[close].sum() < NEARLY * counts.sum():
            continue
        low, top = int(level[close].min()), int(level[close].max())
        end = END * (top - low)
        inner = (level > low + end) & (level < top - end)
        pixels = counts[inner]
        if len(np.unique(level[inner])) < LEVELS or pixels.sum() < PIXELS:
            continue
        line, start = table[top] - table[low], colours[inner] - table[low]
        along = (start @ line / max(float(line @ line), 1.0)).clip(0, 1)
        straight = np.linalg.norm(start - along[:, None] * line, axis=-1)
        bent = float(np.average(straight, weights=pixels))
        off = float(np.average(apart[inner], weights=pixels))
        if bent >= BENT and off <= RATHER * bent:
            found.append((off, name, level))
    return [(name, level) for _, name, level in sorted(found, key=lambda one: one[0])]


def _fill_regions(levels: Levels) -> bool:
    """Whether levels in between fill regions, rather than lie at edges."""
    low, top = int(levels.min()), int(levels.max())
    end = END * (top - low)
    between = (levels > low + end) & (levels < top - end)
    spread = maximum_filter(levels, SQUARE).astype(int) - minimum_filter(levels, SQUARE)
    flat = np.count_nonzero(between & (spread < SPREAD))
    return bool(flat > REGIONS * np.count_nonzero(between))


def _background_first(levels: Levels, hidden: Plane, clear: float) -> Levels | None:
    """The same levels with the background at 0; None where the border does not tell."""
    border = border_of(levels)[border_of(~hidden)]
    half = (int(levels.min()) + int(levels.max())) / 2
    share = float(np.mean(border > half)) if len(border) else 0.5
    if share <= 1 - clear:
        return levels
    return 255 - levels if share >= clear else None
