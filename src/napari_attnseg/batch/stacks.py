"""Segment the frames of a film or the slices of a volume, one after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from napari_attnseg.batch.base import Note, Outcome
from napari_attnseg.batch.done import SETTINGS, frames_done_before, kept_mask
from napari_attnseg.batch.file_notes import facts_notes
from napari_attnseg.batch.frame_making import FrameMaking, Neighbours
from napari_attnseg.batch.options import SegmentOptions
from napari_attnseg.errors import DeviceError, InputError
from napari_attnseg.flicker import small_picture
from napari_attnseg.frame_rows import estimate_of_row
from napari_attnseg.io.files import relative_source
from napari_attnseg.io.frame_parts import EarlierFrames
from napari_attnseg.io.overlay_video import can_write_video
from napari_attnseg.io.readers import FileSet, Frames
from napari_attnseg.io.readers.facts import FILE_FACTS, FrameAxis
from napari_attnseg.io.readers.formats import FileFormat
from napari_attnseg.io.run_facts import PER_FRAME
from napari_attnseg.io.stack_results import StackNames, StackResults
from napari_attnseg.reliability.estimate import ESTIMATE, ExpectedDice, estimate_of
from napari_attnseg.time_smoothing import Window, smoothed

if TYPE_CHECKING:
    from napari_attnseg.batch.mask_maker import MaskMaker
    from napari_attnseg.results import Segmentation

#: Key, in provenance, of how much neighbouring masks differ.
FLICKER = "flicker"
#: The same of the masks before they were smoothed over time.
FLICKER_BEFORE = "flicker_before_smoothing"
#: How many frames were done by an earlier run, which this one went on with.
FRAMES_KEPT = "frames_of_earlier_run"
#: Slices and frames without times are shown so many per second.
_RATE = 10.0
#: Notes on the file, and those that each frame may have: told once per file.
_ONCE = frozenset(
    {
        *(Note.NARROW_RANGE, Note.NARROW_IN_WINDOW, Note.UNLIKE, Note.GREY),
        *(Note.WHOLE_IMAGE, Note.CANVAS),
        *(Note.PLANES, Note.LIKE_MASK, Note.PAGE, Note.COLOUR_MAP),
        *(Note.BURNED_IN, Note.INTERLACED),
    }
)


@dataclass(frozen=True, slots=True, eq=False)
class _Made:
    """A frame that is segmented and not yet written."""

    frame: int
    image: NDArray[Any]
    result: Segmentation
    notes: list[Note]


class StackRun:
    """Segmentation of one file or series; iterating over it segments its frames.

    `close` keeps the frames that are done. It is called at the end, also after an error
    or a cancellation.

    Parameters
    ----------
    files : FileSet
    frames : Frames
        The open file; `close` closes it.
    maker : MaskMaker
    names : StackNames
    how : SegmentOptions
    every : int
        Step between frames: every Nth frame is segmented.
    overlay : bool
        Whether to write the overlay.
    keep_identifiers : bool
        Whether provenance may contain identifiers of the patient.
    smooth_time : int
        Number of frames over which the probability is smoothed; 1: no smoothing.
    """

    def __init__(
        self,
        files: FileSet,
        frames: Frames,
        maker: MaskMaker,
        names: StackNames,
        how: SegmentOptions,
        every: int,
        overlay: bool,
        keep_identifiers: bool,
        smooth_time: int = 1,
    ) -> None:
        self._files, self._frames, self._maker = files, frames, maker
        self._names, self._every, self._overlay = names, every, overlay
        self._keep, self._smooth = keep_identifiers, smooth_time
        self._how = how
        self._making = FrameMaking(files, frames, names, how, overlay)
        self._own = Neighbours()
        self._earlier: EarlierFrames | None = None
        if how.resume:
            made_by = maker.segmenter.sha256, maker.settings(frames.facts)
            self._earlier = frames_done_before(names, *made_by)
        self._frames_kept = 0
        self._results: StackResults | None = None
        self._told: set[Note] = set()
        self._found_nothing = True
        self._clipped = True

    def __len__(self) -> int:
        return -(-len(self._frames) // self._every)

    def __iter__(self) -> Iterator[Outcome]:
        numbers = range(0, len(self._frames), self._every)
        window = Window(self._smooth, self._smooth_one)
        self._last, self._complete = numbers[-1], True
        for frame in numbers:
            try:
                image = self._frames[frame]
                mask = self._mask_before(frame, image)
                if mask is not None:
                    outcome = self._kept(frame, image, mask)
                    yield outcome
                    if outcome.error is not None:
                        return
                    continue
                result, notes = self._maker.make(image, self._frames.facts)
            except InputError as error:
                self._complete = False
                for made in window.rest():  # frames around a gap are no neighbours
                    yield self._written(made)
                self._own.gap()
                self._making.neighbours.gap()
                yield self._outcome(frame, error=str(error))
                if self._files.kind is FileFormat.VIDEO:
                    return  # what follows is damaged too
                continue
            except (DeviceError, MemoryError) as error:
                lack = "there is not enough memory for a frame of this size."
                yield self._outcome(frame, error=str(error) or lack)
                return
            for made in window.add(_Made(frame, image, result, notes)):
                outcome = self._written(made)
                yield outcome
                if outcome.error is not None:
                    return  # the folder or the disk is at fault
        for made in window.rest():
            yield self._written(made)

    def _smooth_one(self, window: Sequence[_Made], at: int) -> _Made:
        own = window[at]
        if self._smooth == 1:
            return own
        self._own.add(small_picture(own.image), own.result.mask)
        results = [one.result for one in window]
        return replace(own, result=smoothed(results, at, self._smooth))

    def _written(self, made: _Made) -> Outcome:
        frame, result = made.frame, made.result
        last = frame == self._last
        try:
            parts = self._making.new(frame, made.image, result)
            own = result.provenance.items()
            run = {key: value for key, value in own if key not in PER_FRAME}
            files = self._open().add(frame, parts, run)
            if last:
                files += self._end(self._complete)
        except InputError as error:
            return self._outcome(frame, error=str(error))
        said = self._said(frame, made.notes, last)
        expected = estimate_of(result.provenance)
        return self._outcome(frame, tuple(files), None, said, expected)

    def _mask_before(self, frame: int, image: NDArray[Any]) -> NDArray[Any] | None:
        """Mask of a frame that an earlier run has made; None: it is to be made."""
        if self._earlier is None:
            return None
        there = self._making.more_masks, self._how.objects
        return kept_mask(self._earlier, self._names, frame, image, *there)

    def _kept(self, frame: int, image: NDArray[Any], mask: NDArray[Any]) -> Outcome:
        assert self._earlier is not None
        self._frames_kept += 1
        last = frame == self._last
        try:
            parts = self._making.kept(frame, image, mask, self._earlier)
            files = self._open().keep(frame, parts)
            if last:
                files += self._end(self._complete)
        except InputError as error:
            return self._outcome(frame, error=str(error))
        notes = [Note.DONE_BEFORE] + [Note.NOTHING_FOUND] * (not mask.any())
        said = (Note.DONE_BEFORE, *self._said(frame, notes, last))
        own = {**self._earlier.provenance, ESTIMATE: estimate_of_row(parts.row)}
        return self._outcome(frame, tuple(files), None, said, estimate_of(own))

    def _outcome(
        self,
        frame: int,
        files: tuple[Path, ...] = (),
        error: str | None = None,
        notes: tuple[Note, ...] = (),
        expected: ExpectedDice | None = None,
    ) -> Outcome:
        label, stem = self._files.label, self._names.stem
        facts = self._frames.facts if frame == 0 else None
        return Outcome(label, stem, files, error, notes, expected, frame, facts)

    def _said(self, frame: int, notes: list[Note], last: bool) -> tuple[Note, ...]:
        """Notes that were not given for an earlier frame."""
        self._found_nothing &= Note.NOTHING_FOUND in notes
        self._clipped &= Note.CLIPPED in notes
        every = (*notes, *facts_notes(self._frames.facts))
        said = [one for one in every if one in _ONCE and one not in self._told]
        self._told |= set(said)
        if frame == 0 and self._overlay and not can_write_video():
            said.append(Note.NO_OVERLAY)
        if last and self._found_nothing:
            said.append(Note.NOTHING_FOUND)
        if last and self._clipped:  # slices beside the body hold nothing but air
            said.append(Note.CLIPPED)
        return tuple(said)

    def close(self) -> None:
        """Finish what was written so far, and close the file; may be called again."""
        self._end(complete=False)

    def _end(self, complete: bool) -> list[Path]:
        self._frames.close()
        if self._results is None:
            return []
        results, self._results = self._results, None
        facts: dict[str, Any] = {FLICKER: self._making.neighbours.to_json()}
        if self._earlier is not None:
            facts[FRAMES_KEPT] = self._frames_kept
        if self._smooth > 1:
            facts[FLICKER_BEFORE] = self._own.to_json()
        return results.close(complete, facts)

    def _open(self) -> StackResults:
        if self._results is not None:
            return self._results
        facts = self._frames.facts
        story = {
            "source": str(self._files.label),
            "every": self._every,
            FILE_FACTS: self._frames.to_provenance(self._keep),
            "weights_sha256": self._maker.segmenter.sha256,
        }
        if self._smooth == 1:  # else probabilities are missing to go on with
            story[SETTINGS] = self._maker.settings(facts)
        step = self._frames.step if facts.axis is FrameAxis.TIME else None
        rate = _RATE if step is None else 1 / (step * self._every)
        named = self._names, story, self._making.columns
        image: str | None = None
        if self._files.shows_path:
            image = relative_source(str(self._files.label), self._names.folder)
        shown = self._overlay, rate, self._how.objects
        self._results = StackResults(*named, *shown, self._earlier, image)
        return self._results
