"""Order in which the frames of a stack are processed. No torch, no Qt."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

#: Frames that follow each other before those on the other side come: a film is decoded
#: onwards, and going back a frame means decoding from a key frame again.
RUN = 8


def nearest_first(
    frames: Iterable[int], near: Callable[[], int], run: int = RUN
) -> Iterator[int]:
    """Yield the frame on screen, then the others in order of distance.

    Parameters
    ----------
    frames : iterable of int
        Frames to yield, each of them once.
    near : callable
        Returns the frame on screen; called before each frame.
    run : int
        This many of the later neighbours come first, then as many of the earlier ones,
        and so on in turns.
    """
    here: int | None = None
    left: list[int] = list(set(frames))  # the next one is the last
    while left:
        now = near()
        if now != here:  # sorted only then: for each frame a long film takes minutes
            here = now
            left.sort(key=partial(_distance, now, run), reverse=True)
        yield left.pop()


def _distance(here: int, run: int, frame: int) -> tuple[int, bool, int]:
    away = frame - here
    ring = 0 if away == 0 else (abs(away) - 1) // run + 1
    return ring, away < 0, frame
