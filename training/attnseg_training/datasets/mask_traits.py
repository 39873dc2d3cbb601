"""Traits of a mask that show how its data set is to be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from attnseg_training.datasets.drawn_colours import APART, SAME, Colours
from attnseg_training.datasets.interpolated_numbers import Rims
from attnseg_training.datasets.mask_scale import Scale
from attnseg_training.datasets.mask_slopes import is_sloped
from attnseg_training.datasets.mask_spans import Span
from attnseg_training.datasets.overlaid_readers import Overlay, overlay_of
from attnseg_training.datasets.wrapped_numbers import is_wrapped_numbers

Plane = NDArray[np.bool_]
Colour = tuple[float, float, float]
#: Index into a palette and the colour that it has there.
IndexColour = tuple[int, Colour]

#: More numbers than this are objects, not classes that somebody forgot to name.
CLASSES = 4
#: Dice of the drawings of two people is above this.
READERS = 0.5
#: A piece of a number has at least so many pixels.
PIECE = 5


@dataclass(frozen=True, slots=True)
class OneColour:
    """The one colour of a mask that is read as empty if others have it as background.

    Attributes
    ----------
    colour : tuple of float
    text : str
        Error message if no other mask has this background.
    """

    colour: Colour
    text: str


@dataclass(frozen=True, slots=True)
class MaskTraits:
    """Facts about one page of a mask that reading the other masks depends on.

    Attributes
    ----------
    lesion_level : float or None
        Smallest number that was read as lesion; None if there is no lesion.
    background_level : float
        Largest number of a region that was read as background.
    background : tuple of float, or None
        Colour of the background.
    lesions : tuple of tuple of float
        Colours of lesions, without those close to the background's colour.
    several : bool
        Whether lesions have several numbers or colours.
    like_classes : tuple of tuple of float
        Numbers or colours of lesions, if their regions lie as those of classes do:
        inside each other, along each other, or in several pieces. Colours that differ
        only by lossy compression count as one.
    mixed : bool
        Whether one colour is a mixture of two others and lies between their regions, as
        where two drawings overlap.
    scale : Scale or None
        Range that numbers were compared with; None for colours, or without a lesion.
    alone : OneColour or None
        The only colour of the page, if it is not black.
    kinds : tuple of tuple of float
        All numbers or colours of lesions, if they are exact; the list ends once there
        are too many for classes.
    palette : tuple of (int, colour)
        Indices of classes and their colours, if the page was read by a palette.
    span : Span or None
        Range of its numbers, if a threshold was given.
    sloped : bool
        Whether lesions are slopes, as of distances, instead of areas with edges.
    overlay : Overlay or None
        How exact numbers lie in each other; None if they lie as objects do.
    rims : Rims or None
        Thin rims around numbers of classes; None if the mask says nothing of them.
    wrapped_numbers : bool
        Whether numbers of objects began again after 255.
    """

    lesion_level: float | None = None
    background_level: float = 0.0
    background: Colour | None = None
    lesions: tuple[Colour, ...] = ()
    several: bool = False
    like_classes: tuple[tuple[float, ...], ...] = ()
    mixed: bool = False
    scale: Scale | None = None
    alone: OneColour | None = None
    span: Span | None = None
    kinds: tuple[tuple[float, ...], ...] = ()
    palette: tuple[IndexColour, ...] = ()
    sloped: bool = False
    overlay: Overlay | None = None
    rims: Rims | None = None
    wrapped_numbers: bool = False


def traits_of_numbers(
    numbers: NDArray[Any],
    lesion: Plane,
    void: Plane | None,
    each: bool,
    soft: bool,
    lossy: bool,
) -> MaskTraits:
    """Traits of a mask of one class that holds numbers.

    Parameters
    ----------
    numbers : ndarray, shape (H, W)
    lesion : ndarray of bool, shape (H, W)
    void : ndarray of bool, shape (H, W), or None
        Pixels that are ignored.
    each : bool
        Whether every number except 0 was read as lesion. If not, a lesion may have
        other numbers at its edges, and only its largest number is meaningful.
    soft : bool
        Whether lesion is what lies above a fraction of the largest number.
    lossy : bool
        Whether compression has changed the numbers, so that the largest one is not
        exact.
    """
    if not lesion.any():
        return MaskTraits()
    inside = numbers[lesion]
    if lossy:
        level = float(np.median(inside))
    else:
        level = float(inside.min() if each else inside.max())
    other = (numbers > 0) & ~lesion
    if void is not None:
        other &= ~void
    faint = numbers[1:-1, 1:-1][_flat(numbers) & other[1:-1, 1:-1]]
    exact = each and not soft and not lossy
    several = bool(exact and level < inside.max())
    like: tuple[tuple[float, ...], ...] = ()
    if several and _lie_like_classes(np.where(lesion, numbers, 0)):
        like = tuple((float(value),) for value in np.unique(inside))
    background = float(faint.max()) if faint.size else 0.0
    few = np.unique(inside)[: CLASSES + 1] if several else (level,)
    kinds = tuple((float(value),) for value in few) if exact else ()
    known = numbers if void is None else np.where(void, 0, numbers)
    return MaskTraits(
        *(level, background),
        several=several,
        like_classes=like,
        kinds=kinds,
        sloped=soft and is_sloped(known, lesion),
        overlay=overlay_of(known) if exact and several else None,
        wrapped_numbers=exact and several and is_wrapped_numbers(known),
    )


def traits_of_colours(
    which: NDArray[np.int64], colours: Colours, ground: Colours | None
) -> MaskTraits:
    """Traits of a mask that was read by colours.

    Parameters
    ----------
    which : ndarray of int, shape (H, W)
        1 + the index of the colour in each lesion, 0 elsewhere.
    colours : ndarray, shape (n, 3)
        Colours of lesions.
    ground : ndarray, shape (3,), or None
        Colour of the background; None if it is transparent.
    """
    used = [k for k in range(len(colours)) if (which == k + 1).any()]
    mixed = (
        ground is not None
        and len(used) <= CLASSES
        and any(
            _is_mixture(colours[c], colours[a], colours[b]) and _between(which, a, b, c)
            for a in used
            for b in used
            for c in used
            if a < b and c not in (a, b)
        )
    )
    mixed = mixed or _are_readers(which, colours[used], used)
    like = len(used) > 1 and _lie_like_classes(which)
    far = [
        k
        for k in used
        if ground is None or np.abs(colours[k] - ground).max() > 2 * SAME
    ]
    return MaskTraits(
        background=None if ground is None else _colour(ground),
        lesions=tuple(_colour(colours[k]) for k in far),
        several=len(used) > 1,
        like_classes=tuple(_colour((colours[k] / APART).round()) for k in used if like),
        mixed=mixed,
        kinds=tuple(_colour(colours[k]) for k in used[: CLASSES + 1]),
    )


def _colour(colour: Colours) -> Colour:
    red, green, blue = (float(value) for value in colour)
    return red, green, blue


def _is_mixture(colour: Colours, first: Colours, second: Colours) -> bool:
    """Whether a colour is the sum or the mean of two others."""
    mixtures = (np.minimum(first + second, 255), (first + second) / 2)
    return any(np.abs(mixture - colour).max() <= SAME for mixture in mixtures)


def _between(which: NDArray[np.int64], first: int, second: int, both: int) -> bool:
    """Whether the overlap touches both."""
    touched = {
        int(other)
        for a, b in _neighbours(which)
        for one, two in ((a, b), (b, a))
        for other in np.unique(two[one == both + 1])
    }
    return {first + 1, second + 1} <= touched


def _are_readers(which: NDArray[np.int64], colours: Colours, used: list[int]) -> bool:
    """Whether red, green and blue are drawings of three people, which overlap."""
    bright = colours > 255 / 2
    pure = np.abs(colours - 255 * bright).max(initial=0) <= APART / 2
    mixtures = np.count_nonzero(bright.sum(1) == 2)
    if not pure or len(used) <= CLASSES - 1 or mixtures < 2 or not bright.all(1).any():
        return False
    areas = np.array([np.count_nonzero(which == k + 1) for k in used])
    own = areas @ bright
    return all(
        2 * (areas @ (bright[:, a] & bright[:, b])) > READERS * (own[a] + own[b])
        for a, b in ((0, 1), (0, 2), (1, 2))
    )


def _neighbours(values: NDArray[Any]) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    return [(values[1:], values[:-1]), (values[:, 1:], values[:, :-1])]


def _lie_like_classes(numbers: NDArray[Any]) -> bool:
    """Whether few numbers lie in or along each other, or in several pieces."""
    found = [v for v in np.unique(numbers) if v != 0]
    if len(found) > CLASSES:
        return False
    for value in found:
        outline = touching = 0
        for a, b in _neighbours(numbers):
            edge = (a == value) != (b == value)
            outline += int(np.count_nonzero(edge))
            touching += int(np.count_nonzero(edge & (a != 0) & (b != 0)))
        if 2 * touching > outline:
            return True
        pieces, _ = label(numbers == value, np.ones((3, 3)))
        if np.count_nonzero(np.bincount(pieces.ravel())[1:] >= PIECE) > 1:
            return True
    return False


def _flat(values: NDArray[Any]) -> Plane:
    """Inner pixels whose 3×3 neighbourhood has one value."""
    rows, columns = values.shape
    same = np.ones((max(rows - 2, 0), max(columns - 2, 0)), bool)
    for i in range(3):
        for j in range(3):
            shifted = values[i : rows - 2 + i, j : columns - 2 + j]
            same &= shifted == values[1:-1, 1:-1]
    return same
