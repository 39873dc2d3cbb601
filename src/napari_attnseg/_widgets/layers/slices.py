"""Texts that name slices of a stack. No Qt, no torch."""

from __future__ import annotations

from collections.abc import Sequence


def slices_words(frames: Sequence[int], most: int = 6) -> str:
    """Name slices of a stack, such as ``slices 3–7 and 9``.

    Parameters
    ----------
    frames : sequence of int
        Numbers of the slices, ascending; at least one.
    most : int
        Number of spans that are named; of further spans the slices are counted.
    """
    spans: list[list[int]] = []
    for frame in frames:
        if spans and frame == spans[-1][1] + 1:
            spans[-1][1] = frame
        else:
            spans.append([frame, frame])
    named = [str(a) if a == b else f"{a}–{b}" for a, b in spans[:most]]
    left = sum(b - a + 1 for a, b in spans[most:])
    named += [f"{left} more"] if left else []
    listed = ", ".join(named[:-1]) + f" and {named[-1]}" if named[1:] else named[0]
    return f"slice{'' if len(frames) == 1 else 's'} {listed}"
