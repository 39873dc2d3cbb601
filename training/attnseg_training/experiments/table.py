"""Tables of runs that differ in a setting, at equal budget and over seeds.

Each run leaves its own result, so that an interrupted table can be resumed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from attnseg_training.datasets import Dataset
from napari_attnseg.errors import InputError, UnknownNameError
from napari_attnseg.io.atomic import write_bytes, write_text
from napari_attnseg.run_files import Watch


def expect_measured(
    row: str, names: Sequence[str], found: Mapping[str, Any], data: Dataset, split: str
) -> None:
    """Check that the result of a row was measured on the images of this table.

    Parameters
    ----------
    row : str
        Name of the row, for the message.
    names : sequence of str
        Names of the measured images.
    found : mapping
        Summary of the result.
    data, split : Dataset, str
        Data and split of the table.

    Raises
    ------
    InputError
        If the images are different ones.
    """
    if found["split"] != split:
        raise InputError(
            f"{row!r} was measured on split {found['split']!r}, not on {split!r}; "
            "choose that split, or another --out."
        )
    if list(names) != [sample.name for sample in data.split(split)]:
        raise InputError(
            f"{row!r} was measured on {len(names)} images of {found['dataset']}, "
            f"split {split}, but {data.root} has other images there now; "
            "choose another --out."
        )


class Table(Protocol):
    """Interface of a table for `fill`."""

    @property
    def rows(self) -> Mapping[str, str]:
        """Description of each row by its name."""

    def is_done(self, row: str, seed: int, out: Path) -> bool:
        """Whether the folder `out` holds the result of one row with one seed.

        Raises `InputError` if it was made with other settings.
        """

    def train_and_measure(self, row: str, seed: int, out: Path, watch: Watch) -> None:
        """Train and measure one row with one seed; an interrupted run is resumed."""

    def tabulate(self, done: Sequence[tuple[str, int]], out: Path) -> dict[str, Any]:
        """Return all numbers of the finished (row, seed) pairs, JSON-ready."""

    def files(self, found: dict[str, Any]) -> dict[str, str | bytes]:
        """Make the files that present the numbers: name → content."""


def fill(
    table: Table,
    rows: Sequence[str],
    seeds: int,
    out: Path,
    say: Callable[[str], None] = lambda text: None,
    watch: Watch = lambda progress: None,
) -> dict[str, Any]:
    """Train and measure every row with every seed; write and return the table.

    Parameters
    ----------
    table : Table
        Table to fill.
    rows : sequence of str
        Rows to fill, in this order; empty: all.
    seeds : int
        Seeds 0, 1, … of each row.
    out : Path
        Folder for ``table.json``, ``table.md`` and so on, and for the runs. Finished
        runs in it are not repeated.
    say, watch : callable
        Called with a message before each run, and with the progress of each run.

    Raises
    ------
    UnknownNameError
        If there is no such row.
    """
    for name in rows:
        if name not in table.rows:
            raise UnknownNameError.for_name("row", name, list(table.rows))
    done: list[tuple[str, int]] = []
    # Seeds outside: a table that is stopped has whole rounds.
    for seed in range(seeds):
        for name in rows or table.rows:
            if not table.is_done(name, seed, out):
                say(f"{name}, seed {seed}")
                table.train_and_measure(name, seed, out, watch)
            done.append((name, seed))
            found = table.tabulate(done, out)
            write_text(out / "table.json", json.dumps(found, indent=1) + "\n")
            for file, content in table.files(found).items():
                data = content.encode() if isinstance(content, str) else content
                write_bytes(out / file, data)
    return found
