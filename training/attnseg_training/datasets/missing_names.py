"""Words on names in lists that belong to no image."""

from __future__ import annotations

from collections.abc import Iterable


def with_zeros(name: str, images: Iterable[str]) -> str:
    """Name of an image that differs from a listed one by leading zeros, or empty.

    A spreadsheet drops these zeros: 0001 becomes 1.
    """
    if not name.isdigit():
        return ""
    return next((one for one in images if one.isdigit() and int(one) == int(name)), "")
