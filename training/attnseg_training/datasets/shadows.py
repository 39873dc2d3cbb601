"""Recognise shadows and glows around drawn colours, and shades of soft edges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, minimum_filter

from attnseg_training.datasets.drawn_colours import SAME, beside_lines, distance

Colours = NDArray[np.float64]
Plane = NDArray[np.bool_]

#: In a shadow neighbours differ by less than this share of the distance of the colours
#: from the background; it has so many pixels.
SLOPE, PIXELS = 0.25, 16
#: So far beside all lines between colours are those of a shadow, on this share of the
#: lesion: where colours are exact, and where they are not.
EXACT, CHANGED = (SAME, 0.03), (2 * SAME, 0.08)
#: Nor are they farther from the background, as a share of the farthest colour.
FAINT = 0.6
#: Noise of a lossy file has smaller steps.
NOISE = 6
#: A sharp shadow is at least this share of the farthest colour away from the background
#: and moved by at most so many pixels; so much of it, and of what is moved, is both.
CAST, MOVED, ALIKE, ALIKE_LOSSY = 0.1, 16, 0.8, 0.55
#: Most pixels of a shade fade, so many of them.
FADING = 0.5


def without_shades(
    rgb: Colours, drawn: Colours, ground: Colours, hidden: Plane, lossy: bool
) -> Colours:
    """Colours (n, 3) without those that are only steps of a gradual fade.

    Such a colour lies between the background and another colour, or beside a colour
    with sharp edges.

    Parameters
    ----------
    rgb, drawn, ground : ndarray
        Image (H, W, 3), drawn colours (n, 3) and background colour.
    hidden : ndarray of bool, shape (H, W)
    lossy : bool
        Whether compression has changed the colours.
    """
    if len(drawn) < 3:
        return drawn
    which = distance(rgb, drawn).argmin(-1)
    own = np.linalg.norm(drawn - ground, axis=-1)
    fading = _fading(rgb, float(own.max()), lossy) & ~hidden
    areas = np.bincount(which[~hidden], minlength=len(drawn))
    faded = np.bincount(which[fading], minlength=len(drawn))
    far = own > SAME
    soft = far & (faded > FADING * areas)
    shades = soft & ((far & ~soft).any() | _lie_before(drawn, ground))
    kept: Colours = drawn[~shades]
    return kept


def _lie_before(drawn: Colours, ground: Colours) -> NDArray[np.bool_]:
    """Which colours lie between the background and another one."""
    towards = drawn - ground
    before = np.zeros(len(drawn), bool)
    for line in towards:
        along = towards @ line / max(float(line @ line), 1.0)
        off = np.linalg.norm(towards - along[:, None] * line, axis=-1)
        before |= (off <= SAME) & (along > 0) & (along < 1)
    return before


def has_shadow(
    rgb: Colours,
    drawn: Colours,
    ground: Colours,
    lesion: Plane,
    hidden: Plane,
    changed: bool,
) -> bool:
    """Whether colours fade gradually to the background, not between drawn colours.

    In a lossy file colours fade even without a shadow.

    Parameters
    ----------
    rgb, drawn, ground, hidden
        As for `without_shades`.
    changed : bool
        Whether the drawn colours are inexact.
    lesion : ndarray of bool, shape (H, W)
        Pixels that were read as lesion.
    """
    own = np.linalg.norm(rgb - ground, axis=-1)
    reach = float(own[lesion].max()) if lesion.any() else 0.0
    least, share = CHANGED if changed else EXACT
    fading = _fading(rgb, reach, False) & ~hidden & (own > least)
    fading &= own < FAINT * reach
    fading &= beside_lines(rgb, drawn, hidden, changed) > least
    count = np.count_nonzero(fading)
    return bool(count >= max(PIXELS, share * np.count_nonzero(lesion)))


def casts_shadow(rgb: Colours, ground: Colours, hidden: Plane, lossy: bool) -> bool:
    """Whether drawn shapes have a sharp shadow: the same shapes, shifted and darker.

    Parameters
    ----------
    rgb, ground, hidden
        As for `without_shades`.
    lossy : bool
        Whether compression has changed the colours.
    """
    if ground.max() <= 2 * SAME:
        return False
    own = np.where(hidden, 0, np.linalg.norm(rgb - ground, axis=-1))
    seen = own > max(SAME, (2 if lossy else 1) * CAST * float(own.max()))
    light = rgb @ ground / float(ground @ ground)
    dark = np.abs(rgb - light[..., None] * ground).max(-1) <= (4 if lossy else 2) * SAME
    weak = seen & dark & (light < 1)
    strong = seen & ~weak
    if not weak.any() or not strong.any():
        return False
    (top, bottom, left, right), outer = _box(strong), _box(seen)
    ends = (bottom, outer[1]), (top, outer[0]), (right, outer[3]), (left, outer[2])
    down, up, east, west = (abs(inner - end) for inner, end in ends)
    moved = max(down, up), max(east, west)
    if min(down, up) + min(east, west) > 2 * lossy or not 0 < max(moved) <= MOVED:
        return False
    if lossy and max(moved) < 2:
        return False
    to = (
        moved[0] if down >= up else -moved[0],
        moved[1] if east >= west else -moved[1],
    )
    shadow = np.roll(strong, to, (0, 1)) & ~strong
    both, either = np.count_nonzero(shadow & weak), np.count_nonzero(shadow | weak)
    return bool(both >= (ALIKE_LOSSY if lossy else ALIKE) * either)


def _box(region: Plane) -> tuple[int, int, int, int]:
    """Bounding box: first and last row, first and last column."""
    rows, columns = np.flatnonzero(region.any(1)), np.flatnonzero(region.any(0))
    return int(rows[0]), int(rows[-1]), int(columns[0]), int(columns[-1])


def _fading(rgb: Colours, reach: float, lossy: bool) -> Plane:
    """Mask (H, W) of pixels around which colours change, but gradually."""
    around = (3, 3, 1)
    steps = (maximum_filter(rgb, around) - minimum_filter(rgb, around)).max(-1)
    return np.asarray((steps > (NOISE if lossy else 0)) & (steps < SLOPE * reach))
