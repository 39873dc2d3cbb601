"""Read TOML, and refuse texts that a backslash turned into something else."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any

#: Quotes that look like those of TOML.
_CURLY = tuple("\u201c\u201d\u201e\u2018\u2019\u00ab\u00bb")
_PLACE = re.compile(r"at line (\d+), column (\d+)")
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
        if (sign := _sign_at(str(error), text)) in _CURLY:
            raise ValueError(
                f"{error}; {sign} there is a typographic quote, as word processors "
                'write it: write " in its place'
            ) from error
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


def _sign_at(error: str, text: str) -> str:
    """Character at the place that an error of `tomllib` names, if it names one."""
    place = _PLACE.search(error)
    if place is None:
        return ""
    line, column = int(place[1]), int(place[2])
    return text.split("\n")[line - 1][column - 1 : column]


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
