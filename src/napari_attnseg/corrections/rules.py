"""Limit what a click may change in a mask, whichever corrector proposes it. No torch.

A click adds pixels to its class or removes pixels from it, never both. The changed
pixels are connected to the click and within its reach. A small disc around every click
gets the label of the click. A click does not change pixels that lie nearer to an
earlier, contrary click than half of the distance between the two. A click that removes
can remove a limited part of the image, or a whole object. A box that removes takes away
all that it encloses, except the discs of earlier clicks. These rules hold by
construction, for every `Corrector`. They hold for a scribble too, which correctors see
as clicks along its line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_attnseg.corrections.clicks import Click, expect_clicks
from napari_attnseg.corrections.reach import (
    Reach,
    away,
    change_box,
    disc_radius,
    drawn_box,
    guarded,
    line_pixels,
    reach_box,
    squares,
    stations,
    within,
)

#: Part of the image that one click takes away at most, unless it takes all that is
#: connected to it; and where it would leave a hole. In the middle of a lesion nobody
#: expects a click to take most of it.
MOST_TAKEN, MOST_OF_HOLE = 0.05, 0.01
_CORNERS = np.ones((3, 3), bool)
Mask = NDArray[np.uint8]


class Proposal(NamedTuple):
    """Change that a corrector proposes for the class of a click.

    Attributes
    ----------
    box : (slice, slice)
        Rows and columns of the image.
    inside : ndarray of bool, shape of the box
        Whether a pixel would belong to the class.
    """

    box: tuple[slice, slice]
    inside: NDArray[np.bool_]


class Corrector(Protocol):
    """Interface of all correctors, which propose changes of a mask from clicks.

    A corrector may also have `facts`, a JSON-ready mapping that is added to provenance.
    """

    @property
    def name(self) -> str:
        """Lower-case identifier, for provenance."""
        ...

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the image."""
        ...

    @property
    def classes(self) -> int:
        """Number of classes, background not counted."""
        ...

    @property
    def reach(self) -> Reach:
        """Distance within which a click may change the mask."""
        ...

    def propose(self, mask: Mask, clicks: Sequence[Click]) -> Proposal:
        """Propose a new mask, around the last click, for its class.

        Parameters
        ----------
        mask : ndarray of uint8, shape (H, W)
            Mask after all clicks except the last.
        clicks : sequence of Click
            All clicks so far, at least one. Scribbles were replaced by clicks along
            them; see `stations`.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Correction:
    """A mask after clicks.

    Attributes
    ----------
    mask : ndarray of uint8, shape (H, W)
    clicks : tuple of Click
        Every click that it was made by, in order.
    corrector : str
        Name of what proposed the changes.
    reach : Reach
        Distance from a click within which it may change the mask. Farther than this
        from every click, and outside every box, the mask is as it was before the
        clicks.
    facts : dict
        JSON-ready facts: which corrector was used, and how far each click may reach.
    """

    mask: Mask
    clicks: tuple[Click, ...]
    corrector: str
    reach: Reach
    facts: dict[str, Any]


def corrector_facts(corrector: Corrector) -> dict[str, Any]:
    """Name, reach and facts of a corrector, JSON-ready."""
    own = getattr(corrector, "facts", {})
    return {**own, "corrector": corrector.name, "reach": list(corrector.reach)}


def correct(corrector: Corrector, mask: Mask, clicks: Sequence[Click]) -> Correction:
    """Correct a mask by clicks, one after another.

    The same mask and clicks give the same result: to undo the last click, leave it out.

    Parameters
    ----------
    corrector : Corrector
        Corrector of the image.
    mask : ndarray of uint8, shape (H, W)
        0 is background, c + 1 is class c. It is not changed.
    clicks : sequence of Click

    Raises
    ------
    InputError
        If a click is outside the image, or of a class that the model does not have.
    """
    expect_clicks(clicks, corrector.shape, corrector.classes)
    found = mask.copy()
    for number in range(1, len(clicks) + 1):
        apply_click(corrector, found, clicks[:number])
    facts = corrector_facts(corrector)
    return Correction(found, tuple(clicks), corrector.name, corrector.reach, facts)


def apply_click(
    corrector: Corrector, mask: Mask, clicks: Sequence[Click]
) -> tuple[slice, slice]:
    """Change a mask in place by the last of its clicks.

    Returns
    -------
    (slice, slice)
        Rows and columns that may have changed.
    """
    *earlier, last = clicks
    reach, against = corrector.reach, _against(clicks)
    if last.empties:
        _empty(mask, last, against)
        return drawn_box(last)
    seen = [point for click in earlier for point in stations(click, reach)]
    places = stations(last, reach)
    # Where a scribble begins in what is right already, the model has nothing to add; a
    # box is drawn around what may be partly right.
    whole = last.box is not None
    wrong = [one for one in places if not _right(mask, one)]
    for place in places if whole else wrong or places[:1]:
        if whole or place is places[0] or not _right(mask, place):
            seen.append(place)
            _follow(corrector, mask, seen, against)
    _force(mask, last, against)
    return change_box(last, reach, mask.shape)


def _empty(mask: Mask, click: Click, against: Sequence[Click]) -> None:
    """Take away all that a box encloses, but the discs of earlier clicks and lines.

    An earlier box named no pixels, so a later one says more.
    """
    box = drawn_box(click)
    inside = mask[box]
    goes = inside == click.class_number
    for other in against:
        if other.box is None:
            goes &= ~np.isfinite(squares(box, other, mask.shape))
    inside[goes] = 0


def _right(mask: Mask, click: Click) -> bool:
    own = mask[click.row, click.column] == click.class_number
    return bool(own == click.positive)


def _follow(
    corrector: Corrector, mask: Mask, seen: Sequence[Click], against: Sequence[Click]
) -> None:
    """Change a mask as is proposed for the last click, where the rules let it."""
    click = seen[-1]
    box, proposed = corrector.propose(mask, seen)
    before = mask[box]
    own = before == click.class_number
    far = away(box, click, corrector.reach)
    changed = (proposed & ~own) if click.positive else (own & ~proposed)
    changed &= far <= 1
    if click.box is not None:
        changed &= within(box, click.box)
    for other in against:
        changed &= ~guarded(box, click, other)
    disc = np.isfinite(squares(box, click, mask.shape))
    at = click.row - box[0].start, click.column - box[1].start
    changed = _connected(changed, disc, at)
    if not click.positive:
        inside = [
            (part.start > 0, part.stop < size)
            for part, size in zip(box, mask.shape, strict=True)
        ]
        most = int(_most_taken(own, changed, at, inside) * mask.size)
        if changed.sum() > most:
            nearest = far <= np.partition(far[changed], most)[most]
            changed = _connected(changed & nearest, disc, at)
    for other in against:  # the discs of earlier clicks stay
        changed &= ~np.isfinite(squares(box, other, mask.shape))
    before[changed] = click.class_number if click.positive else 0


def _connected(
    changed: NDArray[np.bool_], disc: NDArray[np.bool_], at: tuple[int, int]
) -> NDArray[np.bool_]:
    """Region that is connected to a pixel.

    Through the disc around it, since the click's own pixel may be right already.
    """
    parts, _ = ndimage.label(changed | disc, _CORNERS)
    return np.asarray(changed & (parts == parts[at]))


def _most_taken(
    own: NDArray[np.bool_],
    changed: NDArray[np.bool_],
    at: tuple[int, int],
    inside: Sequence[tuple[bool, bool]],
) -> float:
    """Part of the image that may be taken away from what is connected to a pixel.

    `inside`: per axis, whether the image goes on before and after these arrays.
    """
    parts, _ = ndimage.label(own, _CORNERS)
    if not own[at] or not (parts == parts[at])[~changed].any():
        return 1.0
    around = ndimage.binary_dilation(np.pad(changed, 1), _CORNERS)
    is_hole = not (around & ~np.pad(own, 1, constant_values=inside)).any()
    return MOST_OF_HOLE if is_hole else MOST_TAKEN


def _force(mask: Mask, click: Click, against: Sequence[Click]) -> None:
    """Make the disc around a click, or around a line, as it says."""
    far = disc_radius(mask.shape)
    box = reach_box(click, Reach(far, far), mask.shape)
    mine = squares(box, click, mask.shape)
    disc = np.isfinite(mine)
    for other in against:  # between two discs the nearer click counts, or the later
        disc &= mine <= squares(box, other, mask.shape)
    rows, columns = line_pixels(click).T
    disc[rows - box[0].start, columns - box[1].start] = True
    if click.box is not None:
        disc &= within(box, click.box)
    before = mask[box]
    if click.positive:
        before[disc] = click.class_number
    else:
        before[disc & (before == click.class_number)] = 0


def _against(clicks: Sequence[Click]) -> list[Click]:
    """Earlier clicks that say something else than the last one of its class.

    A positive click on another class says so too.
    """
    last, value = clicks[-1], clicks[-1].class_number
    return [
        one
        for one in clicks[:-1]
        if (one.positive != last.positive and one.class_number == value)
        or (one.positive and last.positive and one.class_number != value)
    ]
