"""Tell masks of results that were changed by hand, but not as a mask has to be.

A lesion may be circled and not filled, a note may be typed into the mask, and an editor
may write it back turned or mirrored. What attnseg found itself tells these from masks
that are right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.errors import InputError
from napari_attnseg.hashing import array_sha256
from napari_attnseg.io.frame_table import CENTRE_ROUNDING
from napari_attnseg.io.inverted_masks import (
    area_and_centre,
    inverted_frame_words,
    inverted_result_words,
)

Plane = NDArray[np.bool_]
Labels = NDArray[np.integer[Any]]

#: Side of a square that fits into no line, and the least area of the inside of one.
_THICK, _INSIDE = 5, 64
#: Shortest straight line in pixels and in multiples of its width, how far its pixels
#: stray from it at most, in widths, and the least number of such lines.
_LINE, _SLIM, _STRAY, _LINES = 16, 4.0, 0.6, 2
#: Longest and shortest height of a character, in pixels or as a share of the mask's
#: shorter side; at least so many in a row, apart by so many heights.
_LOWEST, _HIGHEST, _ROW, _APART = 5, 0.15, 4, 2.0
#: A character fills at most this share of its box, or is as wide as a stroke.
_FILLED, _STROKE = 0.6, 3
#: A mask that lies otherwise has this Dice with what was found once it is turned back,
#: and this many times less is missing than as it lies, which is below the third. What
#: fits less well may have been corrected so.
_SURELY, _MAYBE = (0.95, 5.0, 0.5), (0.85, 3.0, 0.9)
#: Of frames only area and centre are known: they differ by at most these shares of the
#: area and of the radius of a disc that has it, and the centre by so many times more.
_AREA, _NEAR, _AWAY = 0.3, 0.1, 5.0


def result_doubts(
    labels: Labels,
    probability: NDArray[np.floating[Any]],
    facts: Mapping[str, Any],
    name: str,
) -> str:
    """Say in sentences what seems wrong with the mask of results; empty if nothing.

    Parameters are those of `inverted_result_words`.

    Raises
    ------
    InputError
        If it was saved inverted, turned or mirrored.
    """
    said = [inverted_result_words(labels, probability, facts, name)]
    made = facts.get("mask_sha256")
    if _hash(labels) != made:
        largest = probability.max(0) if probability.ndim == 3 else probability
        found = largest >= facts.get("threshold", 0.5)
        mask = labels > 0
        turns = _turns(labels.shape).items()
        same = (words for words, turn in turns if _hash(turn(labels)) == made)
        if turn := next(same, "") or turned_by(mask, found, *_SURELY):
            raise _turned(name, turn)
        said.append(_maybe_turned(name, turned_by(mask, found, *_MAYBE)))
        said += [circled_words(mask, found, name), text_words(mask & ~found, name)]
        said.append(crossed_words(mask, found, name))
    return " ".join(filter(None, said))


def frame_doubts(labels: Labels, frame: int, table: Path, name: str) -> str:
    """Do the same for the mask of a frame, by its area and centre in the table.

    Parameters are those of `inverted_frame_words`, and errors those above.
    """
    said = [inverted_frame_words(labels, frame, table, name)]
    mask = labels > 0
    area, place = area_and_centre(table, frame)
    if not mask.any() or not area >= 0:
        return said[0]
    if np.count_nonzero(mask) == area:
        if not _is_at(mask, place):
            for words, turn in _turns(labels.shape).items():
                if _is_at(turn(mask), place):
                    raise _turned(name, words)
        return said[0]
    nothing = np.zeros_like(mask)
    said.append(_maybe_turned(name, _moved_by(mask, area, place)))
    said += [circled_words(mask, nothing, name), text_words(mask, name)]
    said.append(crossed_words(mask, nothing, name))
    return " ".join(filter(None, said))


def circled_words(mask: Plane, found: Plane, name: str) -> str:
    """Sentence on thin closed lines around areas that are not mask; else empty.

    Parameters
    ----------
    mask, found : ndarray of bool, shape (H, W)
        The mask, and what attnseg found: a ring that it found itself is one.
    name : str
        Name of the file.
    """
    from scipy.ndimage import binary_fill_holes, find_objects, label

    pieces, _ = label(_thin(mask), np.ones((3, 3), bool))
    count = 0
    for k, box in enumerate(find_objects(pieces), start=1):
        line = pieces[box] == k
        inside = binary_fill_holes(line) & ~line
        if np.count_nonzero(inside) < max(_INSIDE, np.count_nonzero(line) / 2):
            continue
        empty = mask[box][inside].mean() < 0.5
        own = found[box][line].mean() > 0.5 > found[box][inside].mean()
        count += bool(empty and not own)
    if not count:
        return ""
    areas = "an area that is" if count == 1 else f"{count} areas that are"
    return (
        f"{name} has a thin line around {areas} not mask, as where a lesion was "
        "circled and not filled: fill it if all of it is lesion."
    )


def crossed_words(mask: Plane, found: Plane, name: str) -> str:
    """Sentence on thin straight lines that stick out of a mask; else empty.

    Parameters are those of `circled_words`. Nothing is said of a mask that mostly
    consists of thin lines, such as one of vessels.
    """
    from scipy.ndimage import find_objects, label

    thin = _thin(mask)
    if 2 * np.count_nonzero(thin) > np.count_nonzero(mask):
        return ""
    pieces, _ = label(thin & ~found, np.ones((3, 3), bool))
    boxes = enumerate(find_objects(pieces), start=1)
    count = sum(_is_line(pieces[box] == k) for k, box in boxes)
    if count < _LINES:
        return ""
    return (
        f"{name} has thin straight lines beside a larger area, as where a lesion was "
        "crossed out, and they were taken for the mask: erase them, or the whole mask "
        "if there is no lesion."
    )


def _is_line(piece: Plane) -> bool:
    at = np.argwhere(piece)
    if len(at) < _LINE:
        return False
    _, axes = np.linalg.eigh(np.cov(at.T))
    across, along = ((at - at.mean(0)) @ axes).T
    length = float(np.ptp(along)) + 1
    width = len(at) / length
    long = length >= max(_LINE, _SLIM * width)
    return long and float(across.std()) <= _STRAY * width


def _thin(mask: Plane) -> Plane:
    from scipy.ndimage import binary_opening

    return np.asarray(mask & ~binary_opening(mask, np.ones((_THICK, _THICK), bool)))


def text_words(added: Plane, name: str) -> str:
    """Sentence on a row of small strokes (H, W), as of letters; else empty."""
    from scipy.ndimage import find_objects, label

    pieces, _ = label(added, np.ones((3, 3)))
    highest = max(_HIGHEST * min(added.shape), _LOWEST)
    letters = []
    for k, (rows, columns) in enumerate(find_objects(pieces), start=1):
        height, width = rows.stop - rows.start, columns.stop - columns.start
        if not _LOWEST <= height <= highest or width > 3 * height:
            continue
        own = pieces[rows, columns] == k
        if width <= _STROKE or own.mean() <= _FILLED:
            letters.append((rows.start, rows.stop, columns.start, columns.stop))
    for top, bottom, *_ in letters:
        high = bottom - top
        row = sorted(
            (left, right)
            for above, below, left, right in letters
            if abs(above + below - top - bottom) <= high
            and high / 2 <= below - above <= 2 * high
        )
        near = 1
        for (_, right), (left, _) in pairwise(row):
            near = near + 1 if left - right <= _APART * high else 1
            if near >= _ROW:
                return (
                    f"{name} has small strokes in a row, as where a note was typed "
                    "into the mask; they were taken for the mask: erase them if so."
                )
    return ""


def turned_by(
    mask: Plane, found: Plane, least: float, times: float, most: float
) -> str:
    """How a mask (H, W) was turned or mirrored, in words, by what was found; or empty.

    Parameters
    ----------
    mask, found : ndarray of bool, shape (H, W)
    least : float
        Dice of the mask with what was found, at least, once it is turned back.
    times : float
        So many times more is missing to a Dice of 1 as it lies, at least.
    most : float
        Dice as it lies, below this. A lesion near the middle, which is nearly
        symmetric, fits well mirrored after it was moved a little.
    """
    if (lies := _dice(mask, found)) >= most:
        return ""
    dice = {how: _dice(turn(mask), found) for how, turn in _turns(mask.shape).items()}
    best = max(dice, key=lambda how: dice[how])
    fits = dice[best] >= least and 1 - lies >= times * (1 - dice[best])
    return best if fits else ""


def _moved_by(mask: Plane, area: float, place: tuple[float, float]) -> str:
    """Do the same for a mask with lesion, by the area and centre of what was found."""
    if abs(np.count_nonzero(mask) - area) > _AREA * area:
        return ""
    near = _NEAR * float(np.sqrt(area / np.pi))
    away = {how: _away(turn(mask), place) for how, turn in _turns(mask.shape).items()}
    best = min(away, key=lambda how: away[how])
    fits = away[best] <= near and _away(mask, place) >= _AWAY * near
    return best if fits else ""


def _turns(shape: tuple[int, ...]) -> dict[str, Callable[[Any], Any]]:
    """What brings a mask back that was so turned or mirrored, of those that fit."""
    turns: dict[str, Callable[[Any], Any]] = {
        "mirrored left to right": np.fliplr,
        "mirrored top to bottom": np.flipud,
        "turned by 180 degrees": lambda mask: mask[::-1, ::-1],
    }
    if shape[0] == shape[1]:
        turns |= {
            "transposed (rows and columns exchanged)": np.transpose,
            "turned by 90 degrees": np.rot90,
            "turned by 270 degrees": lambda mask: np.rot90(mask, 3),
            "transposed and turned by 180 degrees": lambda mask: mask.T[::-1, ::-1],
        }
    return turns


def _hash(labels: Labels) -> str:
    return array_sha256(np.ascontiguousarray(labels, np.uint8))


def _dice(one: Plane, other: Plane) -> float:
    both = np.count_nonzero(one) + np.count_nonzero(other)
    return 2 * np.count_nonzero(one & other) / both if both else 1.0


def _is_at(mask: Plane, place: tuple[float, float]) -> bool:
    return _away(mask, place) <= CENTRE_ROUNDING * 2**0.5


def _away(mask: Plane, place: tuple[float, float]) -> float:
    """Distance of the centre of a mask from a place, in pixels."""
    row, column = (float(one.mean()) for one in np.nonzero(mask))
    return float(np.hypot(row - place[0], column - place[1]))


def _turned(name: str, turn: str) -> InputError:
    return InputError(
        f"Expected a mask that lies as its image in {name}, but it lies as what "
        f"attnseg found would if it were {turn}; save it as the image lies."
    )


def _maybe_turned(name: str, turn: str) -> str:
    if not turn:
        return ""
    return (
        f"{name} fits what attnseg found much better if it is taken as {turn}, as an "
        "editor may write it; it was read as it lies: turn it back if so."
    )
