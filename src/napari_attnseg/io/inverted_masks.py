"""Tell masks of results that an editor saved inverted: black on white.

A mask over the whole border may be right, as on an image that is all lesion. Only what
attnseg itself found in the image tells: in an inverted mask, it is the background.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.errors import InputError
from napari_attnseg.hashing import array_sha256
from napari_attnseg.io.frame_table import CENTRE_ROUNDING, rows_of

#: Share of what was found that an inverted mask may hold, and share of the rest that it
#: holds at least, if it does not cover the whole border.
_FEW, _MOST = 0.1, 0.9


def inverted_words(
    labels: NDArray[np.integer[Any]],
    found: NDArray[np.bool_],
    made: str | None,
    name: str,
) -> str:
    """Refuse an inverted mask; a sentence if that is not clear, otherwise empty.

    Parameters
    ----------
    labels : ndarray of integer, shape (H, W)
        The mask as it was read.
    found : ndarray of bool, shape (H, W)
        What attnseg found.
    made : str or None
        Hash of the mask that attnseg made.
    name : str
        Name of the file, for messages.

    Raises
    ------
    InputError
        If what was found is the background of the mask, and the rest is the mask.
    """
    inside, border = labels > 0, _covers_border(labels)
    if not found.any():
        return _nothing_found(name) if border else ""
    if found.all() or inside.all():
        return ""
    of_found, of_rest = inside[found].mean(), inside[~found].mean()
    few, most = (0.5, 0.5) if border else (_FEW, _MOST)
    same = made is not None and array_sha256((~inside).astype(np.uint8)) == made
    if same or (of_found < few and of_rest > most):
        raise _inverted(name)
    return ""


def inverted_result_words(
    labels: NDArray[np.integer[Any]],
    probability: NDArray[np.floating[Any]],
    facts: Mapping[str, Any],
    name: str,
) -> str:
    """Do the same for the mask of results, by what they keep of an image.

    Parameters and errors are those of `inverted_words`; `probability` has the shape (H,
    W) or (classes, H, W), and `facts` are the provenance of the image or frame.
    """
    largest = probability.max(0) if probability.ndim == 3 else probability
    found = largest >= facts.get("threshold", 0.5)
    return inverted_words(labels, found, facts.get("mask_sha256"), name)


def inverted_frame_words(
    labels: NDArray[np.integer[Any]], frame: int, table: Path, name: str
) -> str:
    """Do the same for the mask of a frame, by its area and centre in the table.

    Parameters and errors are those of `inverted_words`; `table` is the table of frames.
    Without a row of the frame, nothing is told.
    """
    background = labels == 0
    covers = _covers_border(labels)
    if not covers and 2 * np.count_nonzero(background) > background.size:
        return ""  # as nearly all masks: the table is not read
    area, place = area_and_centre(table, frame)
    if area == 0:
        return _nothing_found(name) if covers else ""
    rest = np.count_nonzero(background)
    if not rest or not area < background.size:
        return ""
    centre = [float(one.mean()) for one in np.nonzero(background)]
    same = rest == area and np.allclose(centre, place, rtol=0, atol=CENTRE_ROUNDING)
    row_at, column_at = (
        min(max(round(at), 0), n - 1) for at, n in zip(place, labels.shape, strict=True)
    )
    outside = covers and 2 * area < background.size and background[row_at, column_at]
    if same or outside:
        raise _inverted(name)
    return ""


def area_and_centre(table: Path, frame: int) -> tuple[float, tuple[float, float]]:
    """Area, and row and column of the centre, of what was found in a frame.

    The area is NaN without a row of the frame, or if it cannot be read.
    """
    row = rows_of(table).get(frame, {})
    try:
        area = float(row.get("area_px") or "nan")
        place = float(row.get("centre_row") or 0), float(row.get("centre_column") or 0)
    except ValueError:
        return float("nan"), (0.0, 0.0)
    return area, place


def is_of_row(labels: NDArray[np.integer[Any]], table: Path, frame: int) -> bool:
    """Whether a mask (H, W) has the area and centre that the table gives a frame."""
    area, place = area_and_centre(table, frame)
    inside = np.nonzero(labels)
    if len(inside[0]) != area:
        return False
    centre = [float(one.mean()) for one in inside] if area else place
    return np.allclose(centre, place, rtol=0, atol=CENTRE_ROUNDING)


def _covers_border(labels: NDArray[np.integer[Any]]) -> bool:
    return bool(labels[[0, -1]].all() and labels[:, [0, -1]].all())


def _nothing_found(name: str) -> str:
    return (
        f"{name} covers the whole border, but attnseg found nothing in this image: "
        "if the mask was saved inverted, save it with 255 for the mask."
    )


def _inverted(name: str) -> InputError:
    return InputError(
        f"Expected 255 for the mask and 0 for background in {name}, but what attnseg "
        "found is background in it and the rest is the mask, so it seems to be saved "
        "inverted; save it white on black."
    )
