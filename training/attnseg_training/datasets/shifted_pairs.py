"""Find sets whose masks belong to the next images, or to those of another order.

Masks that are counted from 0 and images from 1 make such a set once the mask and the
image left over are dropped; so do lists of both that were sorted in two ways. Names say
nothing then. Outlines of lesions lie on edges of their own images, as a rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import (
    binary_dilation,
    binary_erosion,
    gaussian_filter,
    generate_binary_structure,
)

from attnseg_training.datasets.similar_images import SIDE, dice

Edges = NDArray[np.uint8]
Plane = NDArray[np.bool_]
Numbers = NDArray[np.float64]

#: At least so many pairs, and standard errors by which the others fit better. The own
#: masks fit better than those far off by fewer: outlines are not on edges in every set.
PAIRS, BETTER, OWN = 16, 4.0, 3.0
#: Frames of a film or slices look alike, or their masks overlap so, and a drawing that
#: is too large or late fits others better: median correlation of edges, median Dice.
ALIKE, OVERLAP = 0.4, 0.6
#: Masks so far off, as shares of the set, are those of any other images.
FAR = (1 / 6, 1 / 3, 1 / 2, 2 / 3, 5 / 6)
_JOINED = generate_binary_structure(2, 2)
_NUMBER = re.compile(r"(\d+)")


def edges_of(rgb: NDArray[np.uint8]) -> Edges:
    """Rank of each cell of an image (H, W, 3) by its change of colour: (64, 64)."""
    small = np.asarray(Image.fromarray(rgb).resize((SIDE, SIDE), Image.Resampling.BOX))
    soft = gaussian_filter(small.astype(np.float32), (1, 1, 0))
    steps = (np.gradient(soft, axis=axis) for axis in (0, 1))
    change = np.sqrt(sum((step**2).sum(-1) for step in steps))
    order = np.sort(change, axis=None)
    # Cells of one colour have one rank, wherever they lie.
    ends = (np.searchsorted(order, change, side) for side in ("left", "right"))
    return np.asarray(sum(ends) * (255 / 2 / order.size)).astype(np.uint8)


def shifted_pairs(
    edges: Mapping[str, Edges], lesions: Mapping[str, Plane]
) -> tuple[tuple[str, ...], str]:
    """Names, and on which images their masks seem to lie, in words; empty if on none.

    Nothing is said of frames of a film, whose masks fit neighbouring frames, too.

    Parameters
    ----------
    edges : mapping
        Name → what `edges_of` returns.
    lesions : mapping
        Name → lesion on a grid of the same size.
    """
    names = tuple(sorted((n for n in edges if n in lesions), key=_by_numbers))
    if len(names) < PAIRS:
        return (), ""
    lines = [_outline(lesions[name]) for name in names]
    ranks = [edges[name].ravel() for name in names]

    def fit(image: int, mask: int) -> float:
        line = lines[mask]
        return float(ranks[image][line].mean()) if len(line) else np.nan

    places = range(len(names))
    own = np.array([fit(i, i) for i in places])
    steps = [round(share * len(names)) for share in FAR]
    others = ([fit(i, (i + step) % len(names)) for step in steps] for i in places)
    far = np.array([_mean(np.array(one)) for one in others])
    for masks, words in _orders(names):
        known = [i for i in masks if masks[i] != i]
        other = np.array([fit(i, masks[i]) for i in known])
        better = _errors(other - own[known]) > BETTER
        if better and _errors(own[known] - far[known]) < OWN:
            return ((), "") if _is_film(names, edges, lesions) else (names, words)
    return (), ""


def _orders(names: Sequence[str]) -> Iterator[tuple[dict[int, int], str]]:
    """Place of an image → that of a mask that may be its own, with words."""
    last = len(names) - 1
    yield {i: i + 1 for i in range(last)}, "the images before their own"
    yield {i + 1: i for i in range(last)}, "the images after their own"
    text = sorted(range(last + 1), key=lambda i: names[i])
    words = "images of another order, by number or as text (10 before 2)"
    yield dict(enumerate(text)), words
    yield {image: mask for mask, image in enumerate(text)}, words


def _is_film(
    names: Sequence[str], edges: Mapping[str, Edges], lesions: Mapping[str, Plane]
) -> bool:
    """Whether images look like the next ones, or their masks overlap, mostly."""
    pairs = list(pairwise(names))
    alike = [_correlation(edges[one], edges[other]) for one, other in pairs]
    overlap = [dice(lesions[one], lesions[other]) for one, other in pairs]
    return bool(np.median(alike) >= ALIKE or np.median(overlap) >= OVERLAP)


def _correlation(one: Edges, other: Edges) -> float:
    """Correlation of ranks, which are spread evenly over 0 to 255."""
    apart = one.astype(np.float32) - other
    return float(1 - (apart**2).mean() / (255**2 / 6))


def _errors(gain: Numbers) -> float:
    """Mean of numbers in standard errors of it; 0 of too few. NaN does not count."""
    gain = gain[~np.isnan(gain)]
    if len(gain) < PAIRS - 1:
        return 0.0
    spread = gain.std(ddof=1) / np.sqrt(len(gain))
    return float(gain.mean() / spread) if spread > 0 else 0.0


def _mean(values: Numbers) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else np.nan


def _outline(lesion: Plane) -> NDArray[np.intp]:
    """Places in the flat grid of the cells on both sides of an outline."""
    inside = binary_erosion(lesion, _JOINED, border_value=1)
    return np.flatnonzero(binary_dilation(lesion, _JOINED) & ~inside)


def _by_numbers(name: str) -> list[tuple[bool, int, str]]:
    """Sort key by which 2 is before 10."""
    parts = _NUMBER.split(name)
    return [(p.isdecimal(), int(p) if p.isdecimal() else 0, p) for p in parts]
