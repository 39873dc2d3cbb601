"""File of a reviewer's events, one line of JSON each; lines are only appended.

Every line is flushed to the disk before the review continues, so that nothing is lost
if the process is killed. A line that a crash of the machine cut short is moved to
another file.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from napari_attnseg.errors import InputError
from napari_attnseg.how_many import how_many
from napari_attnseg.io.atomic import write_bytes, write_text

FORMAT = "attnseg-review-1"
SUFFIX = ".jsonl"
#: What a reviewer may be called, because files have that name.
_NAME = re.compile(r"[^\W_](?:[\w .-]*[\w-])?")


class Journal:
    """Events of one reviewer, in the order in which they happened.

    Parameters
    ----------
    path : Path
        File that exists already.

    Attributes
    ----------
    header : dict
        First line: ``format``, ``reader``, ``mode`` and the settings of the study.
    events : list of dict
        All lines after the first.
    damaged : tuple of str
        Lines that cannot be read. They are moved to `damaged_file` as soon as something
        is written.

    Raises
    ------
    InputError
        If the file cannot be read or is another kind of file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None
        try:
            data = path.read_bytes()
        except OSError as error:
            raise InputError(
                f"{path} cannot be read ({error.strerror}); expected the file of a "
                "review: check the path."
            ) from error
        *lines, rest = data.decode("utf-8", errors="replace").split("\n")
        header = _parsed(lines[0]) if lines else None
        if header is None or header.get("format") != FORMAT:
            raise InputError(
                f"Expected the file of a review ({FORMAT}) at {path}, but it is "
                f"another kind of file; choose a NAME{SUFFIX} that the Review "
                "widget wrote."
            )
        self.header: dict[str, Any] = header
        read = [(line, _parsed(line)) for line in lines[1:]]
        # A last line without its end was not finished, even if it can be read.
        self.damaged = tuple(
            [line for line, event in read if event is None and line.strip()]
            + ([rest] if rest.strip() else [])
        )
        self.events: list[dict[str, Any]] = [e for _, e in read if e is not None]

    @classmethod
    def create(cls, path: Path, header: Mapping[str, Any]) -> Journal:
        """Begin a new file.

        Raises
        ------
        InputError
            If the folder cannot be written.
        """
        write_text(path, _line({"format": FORMAT, **header}))
        return cls(path)

    @property
    def reader(self) -> str:
        """Name of the reviewer."""
        return str(self.header.get("reader", self.path.stem))

    @property
    def damaged_file(self) -> Path:
        """File that keeps lines that cannot be read."""
        return self.path.with_name(f"{self.path.stem}.damaged.txt")

    @property
    def damaged_words(self) -> str:
        """Say that lines could not be read, and where they are."""
        n = len(self.damaged)
        return (
            f"{how_many(n, 'line')} of {self.path.name} could not be read "
            f"and {'was' if n == 1 else 'were'} put into {self.damaged_file.name}; "
            "look at the cases decided last."
        )

    def append(self, kind: str, **facts: Any) -> dict[str, Any]:
        """Write an event; it is on the disk when this returns.

        Parameters
        ----------
        kind : str
            Kind of the event, written as ``event``.
        **facts
            JSON-ready facts of the event; those that are None are left out.

        Raises
        ------
        InputError
            If it cannot be written; the file is then unchanged.
        """
        event: dict[str, Any] = {
            "event": str(kind),
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            **{key: value for key, value in facts.items() if value is not None},
        }
        if self._file is None:
            self._open()
        assert self._file is not None
        size = os.fstat(self._file).st_size
        data = _line(event).encode()
        try:
            if os.write(self._file, data) != len(data):
                raise OSError(28, "no space left on the disk")
            os.fsync(self._file)
        except OSError as error:
            os.ftruncate(self._file, size)
            raise InputError(
                f"{self.path} cannot be written ({error.strerror}); the decision is "
                "not saved: make room on the disk and repeat it."
            ) from error
        self.events.append(event)
        return event

    def _open(self) -> None:
        if self.damaged:
            kept = self.damaged_file
            before = kept.read_bytes() if kept.is_file() else b""
            write_bytes(kept, before + "".join(f"{x}\n" for x in self.damaged).encode())
            write_text(self.path, "".join(map(_line, (self.header, *self.events))))
            self.damaged = ()
        try:
            flags = os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0)
            self._file = os.open(self.path, flags)
        except OSError as error:
            raise InputError(
                f"{self.path} cannot be written ({error.strerror}); expected a file "
                "that may be changed: check its permissions."
            ) from error

    def close(self) -> None:
        """Close the file; a later event opens it again."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def expect_reader_name(name: str) -> str:
    """Check the name of a reviewer; returns it without surrounding blanks.

    Raises
    ------
    InputError
        If no file can have that name.
    """
    name = name.strip()
    if not _NAME.fullmatch(name) or len(name) > 60:
        raise InputError(
            "Expected a reviewer's name or initials of up to 60 letters, digits, "
            f"blanks, dots and hyphens, but got {name!r}; files get that name."
        )
    return name


def _line(event: Mapping[str, Any]) -> str:
    return json.dumps(event, ensure_ascii=False) + "\n"


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
