"""Read TOML, and refuse texts that a backslash turned into something else."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

_REMEDY = "write such a text in single quotes, or a path with / instead"


def parse_toml(text: str) -> dict[str, Any]:
    r"""Parse TOML, and refuse control characters in texts.

    For example, ``"D:\neu\tests"`` in double quotes would become a path with a line
    break and a tab.

    Raises
    ------
    ValueError
        If it is not valid TOML, or a text has a control character.
    """
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        if "\\" in text:
            raise ValueError(
                f"{error}; a backslash in double quotes begins another character: "
                f"{_REMEDY}"
            ) from error
        raise
    for key, value in _texts(found):
        if not value.isprintable() and any(ord(sign) < 32 for sign in value):
            raise ValueError(
                f"{key} is {value!r}, in which a backslash in double quotes has become "
                f"another character: {_REMEDY}"
            )
    return found


def _texts(found: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Each text with its key; names of keys too."""
    if isinstance(found, str):
        yield key, found
    elif isinstance(found, list):
        for value in found:
            yield from _texts(value, key)
    elif isinstance(found, dict):
        for name, value in found.items():
            yield f"a name in {key}" if key else "a name", name
            yield from _texts(value, key or name)
