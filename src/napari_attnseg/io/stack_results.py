"""Results of a film or a stack, written frame by frame: masks, tables, an overlay.

The files of ``NAME`` are ``NAME/frame_000120_mask.png`` and so on, one for each frame
that was segmented, ``NAME_frames.csv`` with a row for each, ``NAME_overlay.mp4`` and
``NAME.json``. If asked for, ``NAME_objects.csv`` and the masks of each reader are
added. Finished frames are on the disk at every moment, so that a later run can resume.
The overlay gets its name when it is closed, and the JSON says whether all frames were
done.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_attnseg.io.atomic import remove, write_bytes, write_text
from napari_attnseg.io.files import png_bytes, read_facts
from napari_attnseg.io.frame_parts import EarlierFrames, FrameParts
from napari_attnseg.io.frame_table import FrameTable, unwritable
from napari_attnseg.io.overlay_video import OverlayVideo, can_write_video

FORMAT = "attnseg-frames-1"
_MASKS = "frame_*_mask*.png"
#: Of how many frames the JSON is written anew: a process that is killed loses few.
_STORY_EVERY = 50


@dataclass(frozen=True, slots=True)
class StackNames:
    """Names of the results of one file or series in a folder."""

    folder: Path
    stem: str

    @property
    def story(self) -> Path:
        """Path of the JSON file, which names the others."""
        return self.folder / f"{self.stem}.json"

    @property
    def masks(self) -> Path:
        """Path of the folder of masks."""
        return self.folder / self.stem

    @property
    def table(self) -> Path:
        """Path of the table of frames (CSV)."""
        return self.folder / f"{self.stem}_frames.csv"

    @property
    def objects(self) -> Path:
        """Path of the table of objects (CSV)."""
        return self.folder / f"{self.stem}_objects.csv"

    @property
    def overlay(self) -> Path:
        """Path of the overlay (MP4)."""
        return self.folder / f"{self.stem}_overlay.mp4"

    def mask(self, frame: int, of: str = "") -> Path:
        """Path of the mask of a frame, or of a reader's mask if `of` is its key."""
        end = f"_{of}" if of else ""
        return self.masks / f"frame_{frame:06d}_mask{end}.png"

    def foreign(self, source: str) -> Path | None:
        """Find a file that would be replaced but is not a result of this source."""
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
        JSON-ready provenance of the file; `add` adds that of the run.
    columns : tuple of str
        Columns of the table of frames; `add` gets a value for each.
    overlay : bool
        Whether to write the overlay.
    rate : float
        Frames per second of the overlay, if the frames have no times.
    objects : bool
        Whether to write the table of objects.
    earlier : EarlierFrames, optional
        Results of an earlier run that stay; `keep` is called for each of these frames.
    image : str, optional
        Path of the segmented file, relative to the results; None: it is not recorded.

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
        objects: bool = False,
        earlier: EarlierFrames | None = None,
        image: str | None = None,
    ) -> None:
        self._names, self._facts = names, dict(provenance)
        self._image = image
        self._wants_overlay = overlay and can_write_video()
        self._seen: set[int] = set()
        self._before: set[int] = set()
        self._unit, self._closed = 255, False
        self._overlay: OverlayVideo | None = None
        if earlier is None:
            self._remove_earlier()
            # First, so that what follows is known as ours.
            self._write_story(complete=False)
        else:
            self._facts = {**earlier.provenance, **self._facts}
            self._unit, self._before = earlier.unit, set(earlier.rows)
            if not self._wants_overlay:
                remove(names.overlay)
        try:
            names.masks.mkdir(exist_ok=True)
        except OSError as error:
            raise unwritable(names.masks, error) from error
        rows = None if earlier is None else earlier.rows
        self._table = FrameTable(names.table, columns, rows)
        self._objects: FrameTable | None = None
        if objects:
            rows = None if earlier is None else earlier.objects
            self._objects = FrameTable(names.objects, (), rows)
        if self._wants_overlay:
            self._overlay = OverlayVideo(names.overlay, rate)

    def _remove_earlier(self) -> None:
        names = self._names
        for path in (names.story, names.table, names.objects, names.overlay):
            remove(path)
        if names.masks.is_dir():
            for path in names.masks.glob(_MASKS):
                remove(path)

    def add(
        self, frame: int, parts: FrameParts, run: Mapping[str, Any] | None = None
    ) -> list[Path]:
        """Write one frame; returns its files.

        Parameters
        ----------
        frame : int
            Number of the frame in the file.
        parts : FrameParts
        run : mapping
            JSON-ready facts of the run, the same for every frame.

        Raises
        ------
        InputError
            If a file cannot be written.
        """
        facts = dict(run or {})
        if not self._seen and not self._before:
            # One unit for all: frames without a lesion do not tell.
            self._unit = 255 if len(facts.get("classes", ("",))) == 1 else 1
        self._facts = facts | self._facts
        files = [self._names.mask(frame)]
        files += [self._names.mask(frame, of) for of in parts.readers]
        masks = [parts.mask, *parts.readers.values()]
        for path, mask in zip(files, masks, strict=True):
            write_bytes(path, png_bytes((mask * self._unit).astype(np.uint8)))
        if self._objects is not None:
            self._objects.add(frame, parts.objects)
        # Last: a frame with a row is done.
        self._table.add(frame, [parts.row])
        self._show(frame, parts)
        if len(self._seen) % _STORY_EVERY == 1:
            self._write_story(complete=False)
        return files

    def keep(self, frame: int, parts: FrameParts) -> list[Path]:
        """Keep the files of a frame of the earlier run, and write its row again.

        Raises
        ------
        InputError
            If the overlay cannot be written.
        """
        self._table.note(frame, [parts.row])
        self._show(frame, parts)
        readers = (self._names.mask(frame, of) for of in parts.readers)
        return [self._names.mask(frame), *readers]

    def _show(self, frame: int, parts: FrameParts) -> None:
        if self._overlay is not None and parts.picture is not None:
            self._overlay.add(parts.picture, parts.seconds)
        self._seen.add(frame)

    def close(
        self, complete: bool, facts: Mapping[str, Any] | None = None
    ) -> list[Path]:
        """Finish tables and overlay; returns the files besides the masks.

        Parameters
        ----------
        complete : bool
            Whether all frames were done. If not, the other frames of an earlier run
            stay, too.
        facts : mapping, optional
            JSON-ready facts about all frames together, for provenance.

        Raises
        ------
        InputError
            If a file cannot be written.
        """
        if self._closed:
            return []
        self._closed = True
        self._facts |= facts or {}
        overlay: Path | None = None
        files: list[Path] = []
        try:
            for table in (self._table, self._objects):
                if table is not None:
                    table.stop()
                    files.append(table.close(self._frames(complete)))
        finally:
            overlay = None if self._overlay is None else self._overlay.close()
            files += [] if overlay is None else [overlay]
            self._write_story(complete, overlay is not None)
        done = set(self._frames(complete))
        for path in self._names.masks.glob(_MASKS):
            # A process that was killed leaves masks without a row.
            number = path.name.split("_")[1]
            if number.isdecimal() and int(number) not in done:
                remove(path)
        return [*files, self._names.story]

    def _frames(self, complete: bool) -> list[int]:
        return sorted(self._seen if complete else self._seen | self._before)

    def _write_story(self, complete: bool, overlay: bool = False) -> None:
        names, frames = self._names, self._frames(complete)
        files = {"masks": names.masks.name, "table": names.table.name}
        if self._image is not None:
            files["image"] = self._image
        if names.objects.exists():
            files["objects"] = names.objects.name
        if overlay:
            files["overlay"] = names.overlay.name
        facts = {
            "format": FORMAT,
            "provenance": self._facts,
            "files": files if frames else {},
            "mask_value": self._unit,
            "frames": frames,
            "complete": complete,
        }
        write_text(names.story, json.dumps(facts, indent=2) + "\n")
