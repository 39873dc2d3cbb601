"""Ask whether frames with empty masks have no lesion, or were never marked.

People mark every second or fourth slice of a volume and interpolate later, or leave
slices out. The empty masks between are not those of healthy slices then.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.errors import InputError

#: Options of the command that say whether frames with empty masks are left out.
SKIP, KEEP = "--skip-empty", "--keep-empty"
#: Lesions are at one place if they share this part of the smaller one.
SHARED = 0.5
#: So many gaps of empty frames are asked about, if as large a share of marked frames
#: lies behind one.
GAPS, PARTED = 2, 0.5
#: Number of frames that a message lists.
_TOLD = 3


def unmarked_words(
    masks: Iterable[tuple[int, NDArray[Any]]], name: str, film: bool
) -> str:
    """One sentence on a gap of empty frames within a lesion; empty if there is none.

    Parameters
    ----------
    masks : iterable of (int, ndarray of shape (H, W))
        Number of each frame that is taken, in order, and its mask; 0 is background.
    name : str
        Name of the masks, for messages.
    film : bool
        Whether they are of a film, in which a lesion may leave the picture and return,
        so that a gap is not worth a sentence.

    Raises
    ------
    InputError
        If lesions at one place and empty frames take turns.
    """
    marked: list[int] = []
    gaps: list[tuple[int, int]] = []
    last = np.zeros((1, 1), bool)
    empty = False
    for number, labels in masks:
        lesion = labels > 0
        if not lesion.any():
            empty = True
            continue
        if marked and empty and _at_one_place(last, lesion):
            gaps.append((marked[-1], number))
        marked.append(number)
        last, empty = lesion, False
    if len(gaps) >= GAPS and len(gaps) >= PARTED * (len(marked) - 1):
        listed = ", ".join(map(str, marked[:_TOLD]))
        raise InputError(
            f"Expected a mask of each frame in {name}, but frames with a lesion at "
            f"one place and empty ones take turns ({listed} … have a lesion), as where "
            f"only some were marked; give {SKIP} to leave the empty ones out, or "
            f"{KEEP} if they have no lesion."
        )
    if not gaps or film:
        return ""
    before, after = gaps[0]
    more = f" (and {len(gaps) - 1} more times)" if len(gaps) > 1 else ""
    return (
        f"Between slices {before} and {after} of {name}, which have a lesion at one "
        f"place, all masks are empty{more} and were taken for slices without a lesion: "
        f"give {SKIP} if nobody marked them."
    )


def _at_one_place(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> bool:
    if one.shape != other.shape:
        return False
    smaller = min(np.count_nonzero(one), np.count_nonzero(other))
    return bool(np.count_nonzero(one & other) >= SHARED * smaller)
