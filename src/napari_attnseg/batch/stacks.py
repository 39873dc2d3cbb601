"""Segment the frames of a film or the slices of a volume, one after another."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.batch.base import Note, Outcome
from napari_attnseg.errors import DeviceError, InputError
from napari_attnseg.intensity import rule_of
from napari_attnseg.io.overlay_video import can_write_video, outlined
from napari_attnseg.io.readers import FileSet, Frames
from napari_attnseg.io.readers.facts import FILE_FACTS, FrameAxis
from napari_attnseg.io.readers.formats import FileFormat
from napari_attnseg.io.results import PER_FRAME
from napari_attnseg.io.stack_results import StackNames, StackResults
from napari_attnseg.objects.measure import separate
from napari_attnseg.objects.shape import centre
from napari_attnseg.preprocessing import to_rgb
from napari_attnseg.reliability.estimate import ExpectedDice, estimate_of
from napari_attnseg.uncertainty import case_doubt

if TYPE_CHECKING:
    from napari_attnseg.batch.mask_maker import MaskMaker
    from napari_attnseg.results import Segmentation

#: Columns of the table of frames; docs/reading-files.md says what each is.
COLUMNS = (
    *("frame", "seconds", "position", "mask", "area_px", "area_mm2", "objects"),
    *("probability", "highest_probability", "expected_dice", "expected_dice_low"),
    *("expected_dice_high", "expected_dice_state", "doubt_bits"),
    *("centre_row", "centre_column", "image_sha256"),
)
#: Slices and frames without times are shown so many per second.
_RATE = 10.0
#: Notes that each frame may have: told once per file.
_ONCE = frozenset(
    {Note.NARROW_RANGE, Note.UNLIKE, Note.GREY, Note.WHOLE_IMAGE, Note.CANVAS}
)


class StackRun:
    """Segmentation of one file or series; iterating over it segments its frames.

    `close` keeps what is done; it is called at the end, whatever the end is.

    Parameters
    ----------
    files : FileSet
    frames : Frames
        Open; closed by `close`.
    maker : MaskMaker
    names : StackNames
    every : int
        Of how many frames one is segmented.
    overlay : bool
        Whether to write the overlay.
    keep_identifiers : bool
        Whether provenance says who the patient is.
    """

    def __init__(
        self,
        files: FileSet,
        frames: Frames,
        maker: MaskMaker,
        names: StackNames,
        every: int,
        overlay: bool,
        keep_identifiers: bool,
    ) -> None:
        self._files, self._frames, self._maker = files, frames, maker
        self._names, self._every, self._overlay = names, every, overlay
        self._keep = keep_identifiers
        self._results: StackResults | None = None
        self._told: set[Note] = set()
        self._found_nothing = True

    def __len__(self) -> int:
        return -(-len(self._frames) // self._every)

    def __iter__(self) -> Iterator[Outcome]:
        numbers = range(0, len(self._frames), self._every)
        complete = True
        for frame in numbers:
            notes: list[Note] = []
            written: list[Path] = []
            try:
                image = self._frames[frame]
                result, notes = self._maker.make(image, self._frames.facts)
            except InputError as error:
                complete = False
                yield self._outcome(frame, error=str(error))
                if self._files.kind is FileFormat.VIDEO:
                    return  # what follows is damaged too
                continue
            except (DeviceError, MemoryError) as error:
                lack = "there is not enough memory for a frame of this size."
                yield self._outcome(frame, error=str(error) or lack)
                return
            try:
                written += self._write(frame, image, result)
                if frame == numbers[-1]:
                    written += self._end(complete)
            except InputError as error:  # the folder or the disk is at fault
                yield self._outcome(frame, error=str(error))
                return
            said = self._said(frame, notes, last=frame == numbers[-1])
            expected = estimate_of(result.provenance)
            yield self._outcome(frame, tuple(written), None, said, expected)

    def _outcome(
        self,
        frame: int,
        files: tuple[Path, ...] = (),
        error: str | None = None,
        notes: tuple[Note, ...] = (),
        expected: ExpectedDice | None = None,
    ) -> Outcome:
        label, stem = self._files.label, self._names.stem
        return Outcome(label, stem, files, error, notes, expected, frame)

    def _said(self, frame: int, notes: list[Note], last: bool) -> tuple[Note, ...]:
        """Notes that were not told of an earlier frame."""
        self._found_nothing &= Note.NOTHING_FOUND in notes
        said = [one for one in notes if one in _ONCE and one not in self._told]
        self._told |= set(said)
        if frame == 0:
            if self._frames.facts.said.get("burned_in") == "yes":
                said.append(Note.BURNED_IN)
            if self._overlay and not can_write_video():
                said.append(Note.NO_OVERLAY)
        if last and self._found_nothing:
            said.append(Note.NOTHING_FOUND)
        return tuple(said)

    def close(self) -> None:
        """Finish what was written so far, and close the file; may be called again."""
        self._end(complete=False)

    def _end(self, complete: bool) -> list[Path]:
        self._frames.close()
        if self._results is None:
            return []
        results, self._results = self._results, None
        return results.close(complete)

    def _write(
        self, frame: int, image: NDArray[Any], result: Segmentation
    ) -> list[Path]:
        facts = self._frames.facts
        if self._results is None:
            story = {
                "source": str(self._files.label),
                "every": self._every,
                FILE_FACTS: facts.to_provenance(self._keep),
            }
            step = facts.step if facts.axis is FrameAxis.TIME else None
            rate = _RATE if step is None else 1 / (step * self._every)
            self._results = StackResults(
                self._names, story, COLUMNS, self._overlay, rate
            )
        place = self._frames.place_of(frame)
        timed = facts.axis is FrameAxis.TIME
        row = frame_row(result, facts.pixel_mm2)
        row |= {
            "frame": frame,
            "seconds": place if timed else None,
            "position": None if timed else place,
            "mask": self._names.mask(frame).name,
        }
        picture = None
        if self._overlay and can_write_video():
            rgb, _ = to_rgb(image, intensity=rule_of(result.provenance))
            picture = outlined(rgb, result.mask)
        own = result.provenance
        row["image_sha256"] = own["image_sha256"]
        run = {key: value for key, value in own.items() if key not in PER_FRAME}
        seconds = place if timed else None
        return self._results.add(frame, result.mask, row, picture, seconds, run)


def _rounded(area: float) -> float:
    """To 4 places; small areas, as of microscopes, to 6 digits."""
    return round(area, 4) if area >= 1 else float(f"{area:.6g}")


def frame_row(result: Segmentation, pixel_mm2: float | None) -> dict[str, Any]:
    """Numbers of one frame, by `COLUMNS`; NaN and None where there are none.

    Parameters
    ----------
    result : Segmentation
    pixel_mm2 : float or None
        Area of a pixel, if it is known.
    """
    mask = result.mask
    inside = mask != 0
    area = int(np.count_nonzero(inside))
    best = result.probability.max(0)
    expected = estimate_of(result.provenance)
    doubt = case_doubt(result.probability, mask)
    row: dict[str, Any] = {
        "area_px": area,
        "area_mm2": None if pixel_mm2 is None else _rounded(area * pixel_mm2),
        "objects": int(separate(mask).max(initial=0)),
        "probability": round(float(best[inside].mean()), 4) if area else None,
        "highest_probability": round(float(best.max()), 4),
        "doubt_bits": None if math.isnan(doubt) else round(doubt, 4),
    }
    if expected is not None:
        row["expected_dice_state"] = str(expected.state)
        for name, value in (
            ("expected_dice", expected.mean),
            ("expected_dice_low", expected.low),
            ("expected_dice_high", expected.high),
        ):
            row[name] = None if value is None else round(value, 4)
    if area:
        rows, columns = centre(inside)
        row["centre_row"], row["centre_column"] = round(rows, 2), round(columns, 2)
    return row
