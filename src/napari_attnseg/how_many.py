"""A number with its noun, in the singular for one."""

from __future__ import annotations


def how_many(number: int, noun: str, several: str = "") -> str:
    """Number and noun, such as ``1 epoch`` or ``1,200 images``.

    Parameters
    ----------
    number : int
    noun : str
        Singular.
    several : str
        Plural, if it is not the singular with an s.
    """
    return f"{number:,} {noun if number == 1 else several or noun + 's'}"
