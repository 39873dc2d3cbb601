"""Smoothing over time: a running median of the probability over some frames.

No torch, no Qt.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.boxes import box_of
from napari_attnseg.errors import InputError
from napari_attnseg.hashing import array_sha256
from napari_attnseg.masks import make_mask, rules_of
from napari_attnseg.reliability.estimate import ESTIMATE, MEASURED
from napari_attnseg.results import Segmentation

#: Key, in provenance, of how a mask was smoothed over time.
TIME_SMOOTHING = "time_smoothing"
#: More frames than this would be kept in memory for no use.
MOST = 31

T = TypeVar("T")


def check_frames(frames: int) -> int:
    """Check the number of frames to smooth over, and return it.

    Raises
    ------
    InputError
        If it is even, or not between 1 and `MOST`.
    """
    if frames < 1 or frames > MOST or frames % 2 == 0:
        raise InputError(
            f"Expected an odd number of frames from 1 (no smoothing) to {MOST} to "
            f"smooth over, but got {frames}; choose 3 or 5."
        )
    return frames


def smoothed(window: Sequence[Segmentation], at: int, frames: int) -> Segmentation:
    """Make a new result of one frame from the median probability of a window.

    Parameters
    ----------
    window : sequence of Segmentation
        Neighbouring frames, an odd number.
    at : int
        Index of the frame in the window.
    frames : int
        Requested number of frames; the window is shorter at the ends.

    Returns
    -------
    Segmentation
        Result whose mask is made from the median by the frame's mask rules. Expected
        Dice and the masks by each encoder alone are left out, because they belong to
        the original mask.
    """
    own = window[at]
    probability = median([one.probability for one in window])
    facts = smoothed_facts(own.provenance, frames)
    mask = make_mask(probability, rules_of(facts), box_of(facts))
    facts["mask_sha256"] = array_sha256(mask)
    return replace(
        own, mask=mask, probability=probability, provenance=facts, readers=None
    )


def median(maps: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
    """Median of an odd number of maps of one shape."""
    if len(maps) == 1:
        return np.asarray(maps[0], np.float32)
    middle = len(maps) // 2
    found = np.partition(np.stack(maps), middle, axis=0)[middle]
    return np.asarray(found, np.float32)


def smoothed_facts(provenance: Any, frames: int) -> dict[str, Any]:
    """Provenance of a smoothed mask, without facts about the original mask."""
    left_out = (ESTIMATE, MEASURED)
    facts = {key: value for key, value in provenance.items() if key not in left_out}
    facts[TIME_SMOOTHING] = {"method": "running_median", "frames": frames}
    return facts


class Window(Generic[T]):
    """Running window over frames that come one after another.

    Each frame is processed with equally many neighbours on both sides, with fewer near
    the ends.

    Parameters
    ----------
    frames : int
        Odd length of the window; with 1 each frame is processed at once, by itself.
    make : callable
        Called with the items of the window and the index of the frame in it; returns
        the new item.
    """

    def __init__(self, frames: int, make: Callable[[Sequence[T], int], T]) -> None:
        self._half, self._make = frames // 2, make
        self._kept: deque[T] = deque()
        self._next = 0  # index in `kept` of the frame that is given back next

    def add(self, item: T) -> Iterator[T]:
        """Take the next frame, and return the frames whose neighbours are complete."""
        self._kept.append(item)
        while self._next < len(self._kept):
            half = min(self._half, self._next)
            # At the beginning the window is shorter, and need not wait as long.
            if self._next + half >= len(self._kept):
                return
            yield self._give(half)

    def rest(self) -> Iterator[T]:
        """Return the remaining frames, after the last one was added."""
        while self._next < len(self._kept):
            after = len(self._kept) - 1 - self._next
            yield self._give(min(self._half, self._next, after))

    def _give(self, half: int) -> T:
        at = self._next
        around = list(self._kept)[at - half : at + half + 1]
        found = self._make(around, half)
        self._next += 1
        while self._next > self._half:
            self._kept.popleft()
            self._next -= 1
        return found
