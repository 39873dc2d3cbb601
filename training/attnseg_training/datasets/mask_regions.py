"""Decide whether the numbers of a mask fill regions or lie at edges only."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import (
    distance_transform_edt,
    label,
    maximum_filter,
    minimum_filter,
)

from attnseg_training.datasets.pictures import is_soft

Values = NDArray[Any]
Plane = NDArray[np.bool_]

#: So many numbers in one mask, 0 among them, are told one by one.
TOLD = 8
#: Numbers of objects are below so many times their count, or above it by so many.
SPARSE, GAPS = 4, 32
#: Neighbours of which more than this share differ are a gradient, not objects.
GRADIENT = 0.4
#: Numbers beside the background are at least this share of the others, where they do
#: not grow from it as at a soft edge.
JUMP = 0.25
#: Share of a number's pixels that are constant around in a region, but not at an edge.
REGION = 0.25
#: Pixels of one number between two others above which it was drawn: a soft edge has
#: more numbers.
STRAY = 16
#: In a lossy file: share of the pixels of edges that have one grey, in a window of this
#: many of so many bins between background and lesion; soft edges have half of it. If
#: edges are wider than so many pixels, a smaller share is enough.
ONE_GREY, WINDOW, BINS = 0.75, 6, 24
WIDE, ONE_GREY_OF_WIDE = 1.0, 0.5
#: Share of pixels between background and lesion that the edges of a mask have.
EDGES = 0.02
#: The most that it is in a mask that was blurred, rather than a picture.
BLURRED = 0.4
#: A grey region lies so many pixels away from lesions whose edges are at most so many
#: pixels wide, and has so many pixels.
AWAY, SHARP, FEW_FAINT = 8, 4.0, 25
#: Greys of a region in a lossy file differ by less than this share of the largest.
SPREAD = 0.1


def are_numbers(values: Values, found: Values) -> bool:
    """Whether values are numbers of objects: nearly consecutive, one for each."""
    count, top = len(found) - 1, int(found[-1])
    if top > max(SPARSE * count, count + GAPS):
        return False
    return not _is_gradient(values, top)


def number_regions(values: Values, found: Values) -> bool:
    """Whether values, 0 among them, are numbers of regions, however many and large.

    Such numbers are constant within each region, and not smaller near the background.
    """
    if _is_gradient(values, found[-1]):
        return False
    inside = values > 0
    padded = np.pad(inside, 1, constant_values=True)
    whole = inside.copy()
    for one in (
        padded[2:, 1:-1],
        padded[:-2, 1:-1],
        padded[1:-1, 2:],
        padded[1:-1, :-2],
    ):
        whole &= one
    edge = values[inside & ~whole]
    return bool(edge.size) and bool(np.median(edge) > JUMP * np.median(values[inside]))


def _is_gradient(values: Values, top: float) -> bool:
    differ = pairs = 0
    for a, b in ((values[1:], values[:-1]), (values[:, 1:], values[:, :-1])):
        inside = (np.minimum(a, b) > 0.1 * top) & ~((a == top) & (b == top))
        pairs += int(np.count_nonzero(inside))
        differ += int(np.count_nonzero(inside & (a != b)))
    # Each pixel of an edge has neighbours in it; objects of one pixel have hardly any.
    pixels = int(np.count_nonzero((values > 0.1 * top) & (values < top)))
    return differ > GRADIENT * max(pairs, pixels)


def would_vanish(values: Values, found: Values, cut: float) -> bool:
    """Whether numbers below a threshold fill regions or lie apart from lesions.

    Parameters
    ----------
    values : ndarray of int, shape (H, W)
    found : ndarray of int
        Numbers in it, sorted, 0 among them.
    cut : float
        Threshold above which a number would be lesion. Smaller numbers that touch no
        larger one are not an edge; at most half of all pixels that are not 0 may be
        such.
    """
    flat = constant_around(values, (values > 0) & (values < found[-1]))
    inner = values[1:-1, 1:-1][flat] if flat.any() else values[:0]
    if len(found) <= TOLD:
        if inner.size:
            return True
        pieces, count = label(values > 0, np.ones((3, 3)))
        kept = np.zeros(count + 1, bool)
        kept[np.unique(pieces[values > cut])] = True
        lost = np.count_nonzero(~kept[pieces] & (pieces > 0))
        return bool(2 * lost > np.count_nonzero(values))
    filled, pixels = np.unique(inner, return_counts=True)
    return any(
        n > REGION * np.count_nonzero(values == number)
        for number, n in zip(filled, pixels, strict=True)
    )


def is_drawn(values: Values, found: Values) -> bool:
    """Whether the only number between 0 and the largest one is not a soft edge.

    It may be a line around lesions that marks uncertainty, or a frame.
    """
    return len(found) == 3 and int(np.count_nonzero(values == found[1])) > STRAY


def fill_regions(values: Values, found: Values, levels: int) -> bool:
    """Whether fractions fill regions; `levels` is the most that edges would have."""
    if len(found) > levels:
        return number_regions(values, found)
    return would_vanish(values, found, 0.5)


def are_edges(values: Values, found: Values, exact: bool = True) -> bool:
    """Whether numbers between background and lesion lie at edges, soft ones included.

    Parameters
    ----------
    values : ndarray, shape (H, W)
    found : ndarray
        Numbers in it, sorted.
    exact : bool
        Whether no compression has changed them, so that the largest number is exact.
    """
    low, top = float(found[0]), float(found[-1])
    margin = (0.1 if exact else 0.25) * (top - low)
    bright = top - margin
    between = int(np.count_nonzero((values > low + margin) & (values < bright)))
    lesion = int(np.count_nonzero(values >= bright))
    limit = max(EDGES, min(4 * lesion / values.size, BLURRED))
    return float(between) / values.size <= limit or is_soft(values)


def plateaus(values: Values, top: float) -> int:
    """Count 5×5 neighbourhoods of one grey between background and lesion.

    Changes of an edge by compression do not count.
    """
    spread = maximum_filter(values, 5).astype(int) - minimum_filter(values, 5)
    bright = _level_of_lesion(values, top)
    between = (values > 0.15 * bright) & (values < 0.85 * bright)
    return int(np.count_nonzero(between & (spread <= SPREAD * top)))


def faint_regions(values: Values, top: float) -> int:
    """Count pixels in grey regions that lie away from the edges of lesions.

    They count only if these edges are sharp, because soft masks may be grey anywhere. A
    grey region contains a larger square than a small lesion with equally blurred edges.

    Parameters
    ----------
    values : ndarray, shape (H, W)
    top : float
        Largest of the values.
    """
    core = values >= 0.85 * top
    between = (values > 0.2 * top) & ~core
    away = between & ~maximum_filter(core, 2 * AWAY + 1)
    if np.count_nonzero(away) < FEW_FAINT or not core.any():
        return 0
    low = distance_transform_edt(values > 0.15 * top)
    edge = core & maximum_filter(~core, 3, mode="nearest")
    width = float(np.quantile(low[edge], 0.25)) if edge.any() else np.inf
    if width > SHARP:
        return 0
    side = 2 * round(width) + 3
    square = maximum_filter(minimum_filter(away, side), side)
    return int(np.count_nonzero(square & away))


def has_lines(values: Values, top: float) -> bool:
    """Whether lines of one grey lie between background and lesion in a lossy file.

    Parameters
    ----------
    values : ndarray, shape (H, W)
    top : float
        Largest of the values.
    """
    bright = _level_of_lesion(values, top)
    low, high = 0.2 * bright, 0.8 * bright
    between = values[(values > low) & (values < high)]
    # In a region of the grey that halves the edge, noise makes the outline longer.
    outline = min(_outline(values > share * bright) for share in (0.3, 0.5, 0.7))
    if len(between) < max(outline / 2, 2 * STRAY):
        return False
    counts, _ = np.histogram(between, BINS, (low, high))
    commonest = np.convolve(counts, np.ones(WINDOW), "valid").max()
    wide = len(between) > WIDE * outline
    return bool(commonest > (ONE_GREY_OF_WIDE if wide else ONE_GREY) * len(between))


def _level_of_lesion(values: Values, top: float) -> float:
    """Grey of the brightest region in a lossy file, of which ringing is none."""
    level = float(minimum_filter(values, 3).max())
    return level if level > top / 2 else float(np.median(values[values > top / 2]))


def _outline(region: Plane) -> int:
    """Length along rows and columns of where a region (H, W) ends."""
    edge = int(np.count_nonzero(region[1:] != region[:-1]))
    return edge + int(np.count_nonzero(region[:, 1:] != region[:, :-1]))


def core(mask: Plane) -> Plane:
    """Pixels whose 3×3 neighbourhood lies mostly in the mask."""
    padded = np.pad(mask, 1).astype(np.uint8)
    rows, columns = mask.shape
    total = sum(
        padded[i : i + rows, j : j + columns] for i in range(3) for j in range(3)
    )
    return np.asarray(total) >= 5


def constant_around(values: Values, where: Plane) -> Plane:
    """Inner pixels (H - 2, W - 2) of `where` with a constant 3×3 neighbourhood."""
    if min(values.shape) < 3:
        return np.zeros((max(len(values) - 2, 0), max(values.shape[1] - 2, 0)), bool)
    views = np.lib.stride_tricks.sliding_window_view(values, (3, 3))
    same: Plane = (views == views[..., 1:2, 1:2]).all((-2, -1))
    return same & where[1:-1, 1:-1]
