"""Results of a film or a stack, written frame by frame: masks, a table, an overlay.

Of ``NAME``: ``NAME/frame_000120_mask.png`` of each frame that was segmented,
``NAME_frames.csv`` with a row for each, ``NAME_overlay.mp4`` and ``NAME.json``. What is
done is there at every moment; table and overlay take their names when they are closed,
and the JSON says whether all frames were done.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.errors import InputError
from napari_attnseg.io.atomic import remove, write_bytes, write_text
from napari_attnseg.io.files import png_bytes, read_facts
from napari_attnseg.io.overlay_video import OverlayVideo, can_write_video

FORMAT = "attnseg-frames-1"
_MASKS = "frame_*_mask.png"


@dataclass(frozen=True, slots=True)
class StackNames:
    """Names of the results of one file or series in a folder."""

    folder: Path
    stem: str

    @property
    def story(self) -> Path:
        """JSON file that names the others."""
        return self.folder / f"{self.stem}.json"

    @property
    def masks(self) -> Path:
        """Folder of the masks."""
        return self.folder / self.stem

    @property
    def table(self) -> Path:
        """The CSV."""
        return self.folder / f"{self.stem}_frames.csv"

    @property
    def overlay(self) -> Path:
        """The MP4."""
        return self.folder / f"{self.stem}_overlay.mp4"

    def mask(self, frame: int) -> Path:
        """Mask of a frame, by its number in the file."""
        return self.masks / f"frame_{frame:06d}_mask.png"

    def foreign(self, source: str) -> Path | None:
        """A file that would be replaced but is not an earlier result of this source."""
        facts = read_facts(self.story, FORMAT)
        if facts is not None:
            same = facts["provenance"]["source"] == source
            return None if same else self.story
        there = (self.story, self.masks, self.table, self.overlay)
        return next((path for path in there if path.exists()), None)


class StackResults:
    """Writes the results of one file or series.

    Parameters
    ----------
    names : StackNames
    provenance : mapping
        JSON-ready: of the file, before the first frame; the run's is added by `add`.
    columns : tuple of str
        Columns of the table, one value each in `add`.
    overlay : bool
        Whether to write the overlay.
    rate : float
        Frames of the overlay per second, where frames have no times.

    Raises
    ------
    InputError
        If a file cannot be written.
    """

    def __init__(
        self,
        names: StackNames,
        provenance: Mapping[str, Any],
        columns: tuple[str, ...],
        overlay: bool,
        rate: float,
    ) -> None:
        self._names, self._facts = names, dict(provenance)
        self._columns, self._rate = columns, rate
        self._wants_overlay = overlay and can_write_video()
        self._frames: list[int] = []
        self._unit = 255
        self._closed = False
        for path in (names.story, names.table, names.overlay):
            remove(path)
        if names.masks.is_dir():
            for path in names.masks.glob(_MASKS):
                remove(path)
        # First, so that what follows is known as ours.
        self._write_story(complete=False)
        self._partial = names.table.with_name(f".{names.table.name}.partial")
        try:
            names.masks.mkdir(exist_ok=True)
            self._rows: TextIO = self._partial.open("w", newline="", encoding="utf-8")
        except OSError as error:
            raise _unwritable(names.masks, error) from error
        self._table = csv.writer(self._rows, lineterminator="\n")
        self._overlay: OverlayVideo | None = None
        try:
            self._table.writerow(columns)
            if self._wants_overlay:
                self._overlay = OverlayVideo(names.overlay, rate)
        except BaseException:
            self._rows.close()
            self._partial.unlink(missing_ok=True)
            raise

    def add(
        self,
        frame: int,
        mask: NDArray[Any],
        row: Mapping[str, Any],
        picture: NDArray[np.uint8] | None,
        seconds: float | None,
        run: Mapping[str, Any],
    ) -> list[Path]:
        """Write one frame.

        Parameters
        ----------
        frame : int
            Its number in the file.
        mask : ndarray of int, shape (H, W)
        row : mapping
            Values of the table; None and NaN are left empty.
        picture : ndarray of uint8, shape (H, W, 3), or None
            Picture of the overlay.
        seconds : float or None
            When it is shown in the overlay.
        run : mapping
            JSON-ready facts of the run, the same for every frame.

        Raises
        ------
        InputError
            If a file cannot be written.
        """
        if not self._frames:
            # One unit for all: frames without a lesion do not tell.
            self._unit = 255 if len(run.get("classes", ("",))) == 1 else 1
            self._facts |= run
        path = self._names.mask(frame)
        write_bytes(path, png_bytes((mask * self._unit).astype(np.uint8)))
        values = [row.get(name) for name in self._columns]
        try:
            self._table.writerow(["" if _is_missing(v) else v for v in values])
            self._rows.flush()
        except OSError as error:
            raise _unwritable(self._names.table, error) from error
        if self._overlay is not None and picture is not None:
            self._overlay.add(picture, seconds)
        self._frames.append(frame)
        return [path]

    def close(
        self, complete: bool, facts: Mapping[str, Any] | None = None
    ) -> list[Path]:
        """Finish table and overlay; returns the files besides the masks.

        Parameters
        ----------
        complete : bool
            Whether all frames were done.
        facts : mapping, optional
            JSON-ready: of all frames together, for provenance.

        Raises
        ------
        InputError
            If a file cannot be written.
        """
        if self._closed:
            return []
        self._closed = True
        self._facts |= facts or {}
        self._rows.close()
        files: list[Path] = []
        try:
            self._partial.replace(self._names.table)
            files.append(self._names.table)
        except OSError as error:
            raise _unwritable(self._names.table, error) from error
        finally:
            overlay = None if self._overlay is None else self._overlay.close()
            files += [] if overlay is None else [overlay]
            self._write_story(complete, overlay is not None)
        return [*files, self._names.story]

    def _write_story(self, complete: bool, overlay: bool = False) -> None:
        names = self._names
        files = {"masks": names.masks.name, "table": names.table.name}
        if overlay:
            files["overlay"] = names.overlay.name
        facts = {
            "format": FORMAT,
            "provenance": self._facts,
            "files": files if self._frames else {},
            "mask_value": self._unit,
            "frames": self._frames,
            "complete": complete,
        }
        write_text(names.story, json.dumps(facts, indent=2) + "\n")


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _unwritable(path: Path, error: OSError) -> InputError:
    return InputError(
        f"{path} cannot be written ({error.strerror}); expected a folder with space "
        "that can be written: choose another one."
    )
