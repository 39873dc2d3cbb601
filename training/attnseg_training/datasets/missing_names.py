"""Words on names in lists that belong to no image."""

from __future__ import annotations

from collections.abc import Iterable


def dropped_zeros(name: str, images: Iterable[str]) -> str:
    """Say that an image differs from a listed name by leading zeros alone, or empty.

    A spreadsheet drops these zeros: 0001 becomes 1.
    """
    if not name.isdigit():
        return ""
    like = (one for one in images if one.isdigit() and int(one) == int(name))
    there = next(like, "")
    return f" ({there} is there: a spreadsheet drops zeros)" if there else ""
