"""What a click may do to a mask, whoever proposes the change. No torch.

A click adds pixels to its class or takes some away, never both. What it changes is
connected to it and within its reach; a small disc around every click is as the click
says. These rules hold by construction, for every `Corrector`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_attnseg.corrections.clicks import Click, expect_clicks

#: Radius of the disc around a click that is forced: part of the image's shorter side.
DISC = 1 / 128
_CORNERS = np.ones((3, 3), bool)
Mask = NDArray[np.uint8]


class Reach(NamedTuple):
    """Semi-axes, in pixels, of the ellipse outside of which a click changes nothing."""

    rows: float
    columns: float


class Proposal(NamedTuple):
    """What a corrector would make of the class of a click around it.

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
    """What makes proposals from clicks: a click head, a rule, a promptable network."""

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
        """How far a click may change the mask."""
        ...

    def propose(self, mask: Mask, clicks: Sequence[Click]) -> Proposal:
        """Propose the class of the last click around it.

        Parameters
        ----------
        mask : ndarray of uint8, shape (H, W)
            After all clicks but the last.
        clicks : sequence of Click
            All clicks so far, at least one.
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
        Further than this from every click the mask is the one before the clicks.
    """

    mask: Mask
    clicks: tuple[Click, ...]
    corrector: str
    reach: Reach

    @property
    def facts(self) -> dict[str, Any]:
        """JSON-ready: who corrected, and how far each click may reach."""
        return {"corrector": self.corrector, "reach": list(self.reach)}


def correct(corrector: Corrector, mask: Mask, clicks: Sequence[Click]) -> Correction:
    """Correct a mask by clicks, one after another.

    The same mask and clicks give the same result: to undo the last click, leave it out.

    Parameters
    ----------
    corrector : Corrector
        Of the image.
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
    return Correction(found, tuple(clicks), corrector.name, corrector.reach)


def apply_click(
    corrector: Corrector, mask: Mask, clicks: Sequence[Click]
) -> tuple[slice, slice]:
    """Change a mask in place by the last of its clicks.

    Returns
    -------
    (slice, slice)
        Rows and columns that may have changed.
    """
    click, value = clicks[-1], clicks[-1].class_number
    box, proposed = corrector.propose(mask, clicks)
    before = mask[box]
    own = before == value
    changed = (proposed & ~own) if click.positive else (own & ~proposed)
    changed &= _near(box, click, corrector.reach)
    disc = _disc(box, click, mask.shape)
    row, column = click.row - box[0].start, click.column - box[1].start
    # Through the disc, since the click's own pixel may be right already.
    parts, _ = ndimage.label(changed | disc, _CORNERS)
    changed &= parts == parts[row, column]
    for other in _against(clicks):
        # The discs of earlier clicks stay; between two discs the nearer click counts.
        changed &= ~_disc(box, other, mask.shape)
        disc &= _nearer(box, click, other)
    changed |= disc
    changed[row, column] = True
    if click.positive:
        before[changed] = value
    else:
        before[changed & own] = 0
    return box


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


def disc_radius(shape: tuple[int, ...]) -> float:
    """Radius, in pixels, of the disc around a click in an image (H, W)."""
    return max(1.0, min(shape[:2]) * DISC)


def reach_box(
    click: Click, reach: Reach, shape: tuple[int, ...]
) -> tuple[slice, slice]:
    """Rows and columns of an image (H, W) that a click may reach."""
    half = int(np.ceil(reach.rows)), int(np.ceil(reach.columns))
    rows, columns = (
        slice(max(at - far, 0), min(at + far + 1, size))
        for at, far, size in zip((click.row, click.column), half, shape, strict=False)
    )
    return rows, columns


def _offsets(
    box: tuple[slice, slice], click: Click
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    rows = np.arange(box[0].start, box[0].stop, dtype=np.float32) - click.row
    columns = np.arange(box[1].start, box[1].stop, dtype=np.float32) - click.column
    return rows[:, None], columns[None]


def _near(box: tuple[slice, slice], click: Click, reach: Reach) -> NDArray[np.bool_]:
    rows, columns = _offsets(box, click)
    return np.asarray((rows / reach.rows) ** 2 + (columns / reach.columns) ** 2 <= 1)


def _disc(
    box: tuple[slice, slice], click: Click, shape: tuple[int, ...]
) -> NDArray[np.bool_]:
    rows, columns = _offsets(box, click)
    return np.asarray(rows**2 + columns**2 <= disc_radius(shape) ** 2)


def _nearer(box: tuple[slice, slice], click: Click, other: Click) -> NDArray[np.bool_]:
    """Where a click is nearer than another one; the later one where both are."""
    mine, its = _offsets(box, click), _offsets(box, other)
    return np.asarray(mine[0] ** 2 + mine[1] ** 2 <= its[0] ** 2 + its[1] ** 2)
