"""A table of frames: rows are appended as they come, and put in order at the end.

A process that is killed leaves the rows that it has written, so that a later process
can resume.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, TextIO

from napari_attnseg.errors import InputError
from napari_attnseg.io.atomic import write_text
from napari_attnseg.io.text_files import decoded

Rows = Sequence[Mapping[str, Any]]
FRAME = "frame"
#: Centres in the table are rounded to hundredths of a pixel: the most by which one
#: that was computed again differs.
CENTRE_ROUNDING = 0.011
#: Separators of tables that a spreadsheet program saved again, and its decimal comma.
_SEPARATORS = ",;\t"
_DECIMAL = re.compile(r"([-+]?\d+),(\d+(?:[eE][-+]?\d+)?)")


class FrameTable:
    """A CSV file with the rows of each frame.

    Parameters
    ----------
    path : Path
        File to write; an existing file is replaced.
    columns : sequence of str
        One is ``frame``. Empty: those of the first row.
    earlier : mapping of int to sequence of mapping
        Frame → rows of an earlier run, which stay until the same frame is added.

    Raises
    ------
    InputError
        If it cannot be written.
    """

    def __init__(
        self,
        path: Path,
        columns: Sequence[str] = (),
        earlier: Mapping[int, Rows] | None = None,
    ) -> None:
        self.path, self._rows = path, dict(earlier or {})
        first = next((row for rows in self._rows.values() for row in rows), {})
        self._columns = tuple(columns or first)
        write_text(path, self._text())
        self._file: TextIO
        try:
            self._file = path.open("a", newline="", encoding="utf-8")
        except OSError as error:
            raise unwritable(path, error) from error

    def add(self, frame: int, rows: Rows) -> None:
        """Append the rows of a frame, and flush them.

        Raises
        ------
        InputError
            If they cannot be written.
        """
        if rows and not self._columns:
            self._columns = tuple(rows[0])
            self._append([self._columns])
        self.note(frame, rows)
        self._append(self._values(row) for row in rows)

    def note(self, frame: int, rows: Rows) -> None:
        """Set the rows of a frame that the file already holds; writes nothing yet."""
        self._rows[frame] = rows

    def _append(self, rows: Iterable[Sequence[Any]]) -> None:
        try:
            csv.writer(self._file, lineterminator="\n").writerows(rows)
            self._file.flush()
        except OSError as error:
            raise unwritable(self.path, error) from error

    def close(self, frames: Iterable[int]) -> Path:
        """Write only the rows of these frames, in order; returns the path.

        Raises
        ------
        InputError
            If it cannot be written; what was appended stays.
        """
        self.stop()
        self._columns = self._columns or (FRAME,)
        self._rows = {one: self._rows[one] for one in frames if one in self._rows}
        write_text(self.path, self._text())
        return self.path

    def stop(self) -> None:
        """Close the file as it is."""
        try:
            self._file.close()
        except OSError as error:
            raise unwritable(self.path, error) from error

    def _values(self, row: Mapping[str, Any]) -> list[Any]:
        values = (row.get(name) for name in self._columns)
        return ["" if _is_missing(value) else value for value in values]

    def _text(self) -> str:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        if self._columns:
            writer.writerow(self._columns)
        for _, rows in sorted(self._rows.items()):
            writer.writerows(self._values(row) for row in rows)
        return text.getvalue()


def read_rows(path: Path) -> dict[int, list[dict[str, str]]]:
    """Read a table that may have been cut short: frame → its rows; empty: no table.

    A last row that was cut short is left out, because it is not known what is missing.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return {}
    return _appended(text)


def whole_rows(table: Path, otherwise: str) -> dict[int, dict[str, str]]:
    """Read a table, also one that another program saved again: frame → its last row.

    ``attnseg segment`` writes UTF-8, commas and line feeds. A table with a byte-order
    mark, semicolons, tabs or carriage returns was saved by another program, and its
    last row is whole although no line end may follow. Its decimal commas become points.

    Parameters
    ----------
    table : Path
        ``NAME_frames.csv``.
    otherwise : str
        What to do if it cannot be saved in the right form.

    Raises
    ------
    InputError
        If it cannot be read, is no such table, or has no row of a frame.
    """
    try:
        data = table.read_bytes()
        text = decoded(data)
        head = "".join(text.splitlines()[:1])
        by = next((one for one in _SEPARATORS if FRAME in _rows(head, one)[0]), "")
        own = by == "," and "\r" not in text and data == text.encode()
        rows = _rows(text, by) if by and not own else [[]]
    except (OSError, ValueError, csv.Error) as error:
        why = f"it cannot be opened or decoded ({type(error).__name__})"
        raise _unlike(table, why, otherwise) from error
    if not by:
        raise _unlike(table, f"its first row has no column {FRAME!r}", otherwise)
    if own:
        found = {frame: rows[-1] for frame, rows in _appended(text).items()}
    else:
        found = _saved_again(table, rows, otherwise)
    if not found:
        raise _unlike(table, "it has no row of a frame", otherwise)
    return found


def rows_of(table: Path) -> Mapping[int, Mapping[str, str]]:
    """Rows of `whole_rows`; empty if the table cannot be read."""
    try:
        return _kept(table, table.stat().st_mtime_ns)
    except (OSError, InputError):
        return {}


@lru_cache(maxsize=4)
def _kept(table: Path, changed: int) -> Mapping[int, Mapping[str, str]]:
    """Rows of a table that was changed then: kept, as each frame asks."""
    return whole_rows(table, "segment the file again")


def _rows(text: str, by: str) -> list[list[str]]:
    """Cells of each row; one row without any of an empty text."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=by)
    return [[cell.strip() for cell in row] for row in rows] or [[]]


def _saved_again(
    table: Path, rows: list[list[str]], otherwise: str
) -> dict[int, dict[str, str]]:
    heads = rows[0]
    found: dict[int, dict[str, str]] = {}
    for line, row in enumerate(rows[1:], start=2):
        if not any(row):
            continue  # it was emptied
        said = dict(zip(heads, row, strict=False))
        number = said.get(FRAME, "")
        if len(row) != len(heads) or not number.isdecimal():
            raise _unlike(table, f"its row {line} has another form", otherwise)
        found[int(number)] = {
            name: _DECIMAL.sub(r"\1.\2", cell) if _DECIMAL.fullmatch(cell) else cell
            for name, cell in said.items()
        }
    return found


def _unlike(table: Path, why: str, otherwise: str) -> InputError:
    return InputError(
        f"{table.name} cannot be read as the table of a film, with a row for each "
        "frame and the columns that attnseg segment writes, separated by commas, "
        f"semicolons or tabs: {why}; save it as CSV in UTF-8, or {otherwise}."
    )


def _appended(text: str) -> dict[int, list[dict[str, str]]]:
    """Rows of a table as it was written, without a last one that was cut short."""
    whole = text[: text.rfind("\n") + 1]
    found: dict[int, list[dict[str, str]]] = {}
    for row in csv.DictReader(io.StringIO(whole, newline="")):
        number = row.get(FRAME) or ""
        if number.isdecimal() and None not in row and None not in row.values():
            found.setdefault(int(number), []).append(row)
    return found


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def unwritable(path: Path, error: OSError) -> InputError:
    """Make the error for a file that could not be written."""
    return InputError(
        f"{path} cannot be written ({error.strerror or error}); expected a folder with "
        "space that can be written: choose another one."
    )
