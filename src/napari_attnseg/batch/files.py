"""Segment files of every supported kind: pictures, DICOM, films, volumes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from napari_attnseg.batch.base import (
    Batch,
    Note,
    Outcome,
    check_not_inputs,
    model_notes,
    not_images,
    would_replace,
)
from napari_attnseg.batch.mask_maker import MaskMaker
from napari_attnseg.batch.options import SegmentOptions
from napari_attnseg.batch.segment import segment_images
from napari_attnseg.errors import AttnSegError, InputError
from napari_attnseg.io.atomic import remove, write_text
from napari_attnseg.io.folders import name_key
from napari_attnseg.io.readers import FileSet, Frames, find_sets, open_frames
from napari_attnseg.io.readers.facts import FILE_FACTS, FileFacts
from napari_attnseg.io.readers.formats import FileFormat
from napari_attnseg.io.results import Results, save_results
from napari_attnseg.io.saved_results import foreign
from napari_attnseg.io.stack_results import StackNames
from napari_attnseg.reliability.estimate import estimate_of
from napari_attnseg.time_smoothing import check_frames

if TYPE_CHECKING:
    from napari_attnseg.batch.stacks import StackRun


class FilesBatch:
    """Pictures, then other files; iterating over it does the work, as over a `Batch`.

    It yields one outcome per image: of a film or a volume one per frame. `close` keeps
    what is done of a film that was interrupted.

    Attributes
    ----------
    notes : tuple of Note
        Notes on all images.
    left_out : mapping of str to int
        As of `Batch`.
    """

    def __init__(
        self,
        pictures: Batch | None,
        others: Sequence[Callable[[], Iterator[Outcome]]],
        images: int,
        notes: tuple[Note, ...],
        left_out: Mapping[str, int],
        closing: Callable[[], None],
    ) -> None:
        self._pictures, self._others, self._images = pictures, others, images
        self.notes, self.left_out, self.close = notes, left_out, closing

    def __len__(self) -> int:
        return self._images

    def __iter__(self) -> Iterator[Outcome]:
        try:
            if self._pictures is not None:
                yield from self._pictures
            for other in self._others:
                yield from other()
        finally:
            self.close()


def segment_files(
    inputs: Sequence[Path],
    out: Path,
    weights: str | Path = "compact",
    device: str = "auto",
    options: SegmentOptions | None = None,
    every: int = 1,
    overlay: bool = True,
    keep_identifiers: bool = False,
    smooth_time: int = 1,
) -> Batch | FilesBatch:
    """Segment files and write the results of each, as ``attnseg segment`` does.

    Pictures, and other files that hold one image, are treated as by `segment_images`.
    For films and volumes see `io.stack_results`.

    Parameters
    ----------
    inputs : sequence of Path
        Files, or folders of them; DICOM files of a folder are grouped by series.
    out, weights, device, options
        As for `segment_images`.
    every : int
        Number N of which every Nth frame of a film or a volume is segmented.
    overlay : bool
        Whether to write a video of the frames with the outlines of their masks.
    keep_identifiers : bool
        Whether names of patients may be written; never else.
    smooth_time : int
        Over how many frames the probability is smoothed by a running median.

    Raises
    ------
    UnknownNameError, CheckpointError, DeviceError, InputError
        As `segment_images`.
    """
    if every < 1:
        raise InputError(f"Expected --every of at least 1, but got {every}.")
    check_frames(smooth_time)
    sets = find_sets(inputs, keep_identifiers)
    pictures = [one for one in sets if one.kind is FileFormat.RASTER]
    others = [one for one in sets if one.kind is not FileFormat.RASTER]
    if not others:
        return segment_images(inputs, out, weights, device, options)
    check_not_inputs(out, inputs)
    how = options or SegmentOptions()
    stems = _stems(sets)
    for one in others:
        _expect_free(out, stems[one], one)
    batch = None
    if pictures:
        paths = [one.paths[0] for one in pictures]
        batch = segment_images(paths, out, weights, device, how)
    maker = MaskMaker(weights, device, how)
    work = _Work(out, maker, how, every, overlay, keep_identifiers, smooth_time)
    jobs, count = [], 0
    for one in others:
        frames = _length(one)
        count += -(-frames // every) if frames > 1 else 1
        jobs.append(partial(work.outcomes, one, stems[one]))
    used = [path for one in sets for path in one.paths]
    return FilesBatch(
        batch,
        jobs,
        len(pictures) + count,
        model_notes(work.maker.segmenter, device),
        not_images(inputs, used),
        work.close,
    )


def _stems(sets: Sequence[FileSet]) -> dict[FileSet, str]:
    """Beginning of the names of each one's results, as `result_stems` of pictures.

    Raises
    ------
    InputError
        If the results of two files would have the same names.
    """
    times = Counter(name_key(one.name) for one in sets)
    named: dict[str, FileSet] = {}
    stems: dict[FileSet, str] = {}
    for one in sets:
        alone = times[name_key(one.name)] == 1
        stem = one.name if alone else one.label.name.replace(".", "_")
        first = named.setdefault(name_key(stem), one)
        if first is not one:
            raise InputError(
                f"Results of {first.label} and {one.label} would have one name, "
                f"{stem}: give them in two runs with two --out folders."
            )
        stems[one] = stem
    return stems


def _expect_free(out: Path, stem: str, files: FileSet) -> None:
    """Refuse to replace what is no earlier result of these files.

    Raises
    ------
    InputError
    """
    names = StackNames(out, stem)
    if names.foreign(str(files.label)) is None:
        return
    path = files.paths[0] if files.shows_path else None
    other = foreign(out, stem, path) or next(
        (one for one in (names.table, names.overlay) if one.exists()), None
    )
    if other is not None:
        raise would_replace(other, files.label)


def _length(files: FileSet) -> int:
    """Number of frames; 1 for what cannot be read, which is told when it is opened."""
    try:
        with open_frames(files) as frames:
            return len(frames)
    except AttnSegError:
        return 1


class _Work:
    """What is done with each file that is no picture."""

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
        """Keep what is done of a film that was interrupted."""
        if self._run is not None:
            self._run.close()

    def outcomes(self, files: FileSet, stem: str) -> Iterator[Outcome]:
        """One per image of a file or series."""
        try:
            frames = open_frames(files)
        except InputError as error:
            yield Outcome(files.label, stem, error=str(error))
            return
        if len(frames) == 1:
            with frames:
                yield self._picture(files, frames, stem)
            return
        if self._how.readers or self._how.objects:
            frames.close()
            yield Outcome(
                files.label,
                stem,
                error="Expected files of one image with --objects and --readers, but "
                f"{files.label.name} holds {len(frames)} frames, of which there is a "
                "table; leave them out.",
            )
            return
        # Late: it measures objects, which takes SciPy and scikit-image.
        from napari_attnseg.batch.stacks import StackRun

        self._run = StackRun(
            files,
            frames,
            self.maker,
            StackNames(self._out, stem),
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
            result, notes = self.maker.make(image, facts)
            known = facts.to_provenance(self._keep)
            own = {**result.provenance, FILE_FACTS: known}
            result = replace(result, provenance=own)
            table = self._out / f"{stem}_objects.csv"
            remove(table)  # that of an earlier run describes another mask
            written = save_results(
                Results(
                    files.name,
                    str(label),
                    [result],
                    placement=_placement(facts),
                    image=files.paths[0] if files.shows_path else None,
                ),
                self._out,
                stem,
            )
            if self._how.objects:
                from napari_attnseg.objects import descriptors
                from napari_attnseg.objects.measure import measure_segmentation

                origin = descriptors.origin_of_numbers(files.name, str(label), own)
                records = measure_segmentation(result, image)
                write_text(table, descriptors.csv_text(records, origin))
                written = [table, *written]
        except (AttnSegError, MemoryError) as error:
            text = str(error) or "there is not enough memory for an image of this size."
            return Outcome(label, stem, error=text)
        if facts.said.get("burned_in") == "yes":
            notes.append(Note.BURNED_IN)
        found = estimate_of(result.provenance)
        return Outcome(label, stem, tuple(written), None, tuple(notes), found)


def _placement(facts: FileFacts) -> dict[str, object]:
    """Size of a pixel, as the layer of the file has it."""
    if facts.spacing is None:
        return {}
    return {"scale": list(facts.spacing), "units": [facts.unit] * 2}
