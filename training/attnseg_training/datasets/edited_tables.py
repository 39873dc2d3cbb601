"""Read a table of frames, also one that a spreadsheet program saved again."""

from __future__ import annotations

import csv
from pathlib import Path

from napari_attnseg.errors import InputError
from napari_attnseg.io.frame_table import FRAME, read_rows

#: Column with the hash of the frame.
_HASH = "image_sha256"
_SEPARATORS = ",;\t"


def frames_of(table: Path) -> dict[int, str] | None:
    """Frame → hash of its image, or empty; None if there is no such table.

    ``attnseg segment`` writes UTF-8, commas and line feeds. A table with a byte-order
    mark, semicolons, tabs or carriage returns was saved by another program, and its
    last row is whole although no line end may follow.

    Parameters
    ----------
    table : Path
        ``NAME_frames.csv``.

    Raises
    ------
    InputError
        If it is there, but is no such table, or has no row of a frame.
    """
    if not table.exists():
        return None
    try:
        with table.open("rb") as file:
            text = _decoded(file.read())
        lines = text.removeprefix("\ufeff").splitlines()
        each = ((by, [*csv.reader(lines, delimiter=by)]) for by in _SEPARATORS)
        told = ((by, rows) for by, rows in each if FRAME in _heads(rows))
        by, rows = next(told, ("", []))
    except (OSError, ValueError, csv.Error) as error:
        raise _unlike(table, f"it cannot be read ({type(error).__name__})") from error
    if not by:
        raise _unlike(table, f"its first row has no column {FRAME!r}")
    if by == "," and "\r" not in text and not text.startswith("\ufeff"):
        found = {i: of[-1].get(_HASH) or "" for i, of in read_rows(table).items()}
    else:
        found = _saved_again(table, rows)
    if not found:
        raise _unlike(table, "it has no row of a frame")
    return found


def _saved_again(table: Path, rows: list[list[str]]) -> dict[int, str]:
    heads = _heads(rows)
    found: dict[int, str] = {}
    for line, row in enumerate(rows[1:], start=2):
        if not any(one.strip() for one in row):
            continue  # it was emptied
        said = dict(zip(heads, (one.strip() for one in row), strict=False))
        number = said.get(FRAME, "")
        if len(row) != len(heads) or not number.isdecimal():
            raise _unlike(table, f"its row {line} has another form")
        found[int(number)] = said.get(_HASH, "")
    return found


def _heads(rows: list[list[str]]) -> list[str]:
    return [one.strip() for one in rows[0]] if rows else []


def _decoded(data: bytes) -> str:
    """Text with the byte-order mark, as that tells who saved it."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "\ufeff" + data.decode("utf-16")
    return data.decode("utf-8")


def _unlike(table: Path, why: str) -> InputError:
    return InputError(
        f"Expected a row for each frame in {table.name}, with the columns that attnseg "
        f"segment writes, separated by commas, semicolons or tabs, but {why}; save it "
        "as CSV in UTF-8, or move it elsewhere to take every mask."
    )
