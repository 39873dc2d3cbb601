"""Record of exported files, by which one that was changed since is known.

A correction in an exported file is not read, and the next export would replace it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from napari_attnseg.errors import InputError
from napari_attnseg.hashing import bytes_sha256
from napari_attnseg.io.atomic import write_text
from napari_attnseg.io.files import read_facts

#: Name of the record in the folder of exported files.
RECORD = ".attnseg_exports.json"
FORMAT = "attnseg-exports-1"


class Exported:
    """Files that were exported into a folder: names, and hashes of what was written.

    It is a context manager, which writes the record, also after an error.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        facts = read_facts(folder / RECORD, FORMAT) or {}
        self._written: dict[str, str] = dict(facts.get("files") or {})
        self._new = False

    def changed(self) -> list[str]:
        """Names of files that were changed since they were written."""
        return [name for name in sorted(self._written) if self._is_changed(name)]

    def expect_unchanged(self, parts: Mapping[str, bytes]) -> None:
        """Refuse to replace a file that was changed since it was written.

        Parameters
        ----------
        parts : mapping
            Name → what is to be written now.

        Raises
        ------
        InputError
        """
        for name, data in parts.items():
            if self._is_changed(name) and self._now(name) != bytes_sha256(data):
                raise InputError(
                    f"Expected {name} in {self._folder} as attnseg export wrote it, "
                    "but it was changed since, and is not replaced; a correction in it "
                    "is not read: save it as the mask of the results (NAME_mask.png), "
                    "move the file elsewhere, and export again."
                )

    def note(self, parts: Mapping[str, bytes]) -> None:
        """Remember files that were written; the record is written at the end."""
        self._written |= {name: bytes_sha256(data) for name, data in parts.items()}
        self._new = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._new:
            facts = {"format": FORMAT, "files": dict(sorted(self._written.items()))}
            write_text(self._folder / RECORD, json.dumps(facts, indent=1) + "\n")

    def _is_changed(self, name: str) -> bool:
        known = self._written.get(name)
        return known is not None and self._now(name) not in (known, None)

    def _now(self, name: str) -> str | None:
        """Hash of a file as it is now; None if it is gone."""
        try:
            return bytes_sha256((self._folder / name).read_bytes())
        except OSError:
            return None


def changed_words(folder: Path) -> str:
    """Sentence on exported files in a folder of results that were changed; or empty."""
    changed = Exported(folder).changed()
    if not changed:
        return ""
    names, were = ", ".join(changed), "were" if changed[1:] else "was"
    wrote, are = ("them", "are") if changed[1:] else ("it", "is")
    return (
        f"{names} in {folder.resolve().name} {were} changed since attnseg export wrote "
        f"{wrote}, and {are} not read: save a correction as the mask of the results "
        "(NAME_mask.png)."
    )
