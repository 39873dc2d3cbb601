"""Process files other than pictures: DICOM, films and volumes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_attnseg.batch.base import Note, Outcome
from napari_attnseg.batch.by_hand import expect_not_by_hand
from napari_attnseg.batch.done import SETTINGS, done_before
from napari_attnseg.batch.file_notes import facts_notes
from napari_attnseg.batch.mask_maker import MaskMaker
from napari_attnseg.batch.options import SegmentOptions
from napari_attnseg.errors import AttnSegError, InputError
from napari_attnseg.io.atomic import remove, write_text
from napari_attnseg.io.readers import FileSet, Frames, open_frames
from napari_attnseg.io.readers.facts import FILE_FACTS
from napari_attnseg.io.results import Results, save_results
from napari_attnseg.io.stack_results import StackNames
from napari_attnseg.reliability.estimate import estimate_of

if TYPE_CHECKING:
    from napari_attnseg.batch.stacks import StackRun


class FileWork:
    """Segments files other than pictures."""

    def __init__(
        self,
        out: Path,
        maker: MaskMaker,
        how: SegmentOptions,
        every: int,
        overlay: bool,
        keep_identifiers: bool,
        smooth_time: int,
    ) -> None:
        self.maker = maker
        self._out, self._how, self._keep = out, how, keep_identifiers
        self._every, self._overlay, self._smooth = every, overlay, smooth_time
        self._run: StackRun | None = None

    def close(self) -> None:
        """Keep the finished frames of a film that was interrupted."""
        if self._run is not None:
            self._run.close()

    def outcomes(self, files: FileSet, stem: str) -> Iterator[Outcome]:
        """Segment a file or series, and yield one outcome per image."""
        try:
            frames = open_frames(files)
        except InputError as error:
            yield Outcome(files.label, stem, error=str(error))
            return
        if len(frames) == 1:
            with frames:
                yield self._picture(files, frames, stem)
            return
        if not self._how.replace_edited:
            try:
                expect_not_by_hand(self._out, stem)
            except InputError as error:
                frames.close()
                yield Outcome(files.label, stem, error=str(error))
                return
        # Late: it measures objects, which takes SciPy and scikit-image.
        from napari_attnseg.batch.stacks import StackRun

        self._run = StackRun(
            files,
            frames,
            self.maker,
            StackNames(self._out, stem),
            self._how,
            self._every,
            self._overlay,
            self._keep,
            self._smooth,
        )
        try:
            yield from self._run
        finally:
            self._run.close()
            self._run = None

    def _picture(self, files: FileSet, frames: Frames, stem: str) -> Outcome:
        label, facts = files.label, frames.facts
        try:
            image = frames[0]
            settings = self.maker.settings(facts)
            if self._how.resume:
                made_by = self.maker.segmenter.sha256, settings, self._how.objects
                earlier = done_before(self._out, stem, image, *made_by)
                if earlier is not None:
                    before = tuple(earlier.files), None, (Note.DONE_BEFORE,)
                    dice = estimate_of(earlier.provenance)
                    return Outcome(label, stem, *before, dice, facts=facts)
            if not self._how.replace_edited:
                expect_not_by_hand(self._out, stem)
            result, notes = self.maker.make(image, facts)
            known = {FILE_FACTS: facts.to_provenance(self._keep), SETTINGS: settings}
            own = {**result.provenance, **known}
            result = replace(result, provenance=own)
            table = self._out / f"{stem}_objects.csv"
            remove(table)  # that of an earlier run describes another mask
            written = save_results(
                Results(
                    files.name,
                    str(label),
                    [result],
                    placement=facts.placement,
                    image=files.paths[0] if files.shows_path else None,
                ),
                self._out,
                stem,
            )
            if self._how.objects:
                from napari_attnseg.objects import descriptors
                from napari_attnseg.objects.measure import measure_segmentation
                from napari_attnseg.objects.physical import pixel_size

                origin = descriptors.origin_of_numbers(files.name, str(label), own)
                pixel = pixel_size(facts.placement)
                records = measure_segmentation(result, image, pixel=pixel)
                write_text(table, descriptors.csv_text(records, origin))
                written = [table, *written]
        except (AttnSegError, MemoryError) as error:
            text = str(error) or "there is not enough memory for an image of this size."
            return Outcome(label, stem, error=text)
        notes += facts_notes(facts)
        found = estimate_of(result.provenance)
        said = tuple(notes), found
        return Outcome(label, stem, tuple(written), None, *said, facts=facts)
