"""Format speeds."""

from __future__ import annotations


def rate_words(done: int, seconds: float, unit: str) -> str:
    """Format a speed, such as ``3.2 images/s``, or ``2.1 s per image`` if it is slow.

    Parameters
    ----------
    done : int
        Number of units done, at least one.
    seconds : float
        Time in seconds.
    unit : str
        Unit that is counted, in the singular.
    """
    if done >= seconds:
        return f"{done / max(seconds, 1e-9):.1f} {unit}s/s"
    return f"{seconds / done:.1f} s per {unit}"
