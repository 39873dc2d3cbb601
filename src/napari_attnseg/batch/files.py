"""Segment files of every supported kind: pictures, DICOM, films, volumes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from napari_attnseg.batch.base import (
    Batch,
    Note,
    Outcome,
    check_not_inputs,
    model_notes,
    not_images,
    would_replace,
)
from napari_attnseg.batch.file_work import FileWork
from napari_attnseg.batch.mask_maker import MaskMaker
from napari_attnseg.batch.options import SegmentOptions
from napari_attnseg.batch.segment import segment_images
from napari_attnseg.errors import AttnSegError, InputError
from napari_attnseg.hashing import array_sha256
from napari_attnseg.io.atomic import remove_leftovers
from napari_attnseg.io.folders import name_key
from napari_attnseg.io.frame_table import read_rows
from napari_attnseg.io.readers import FileSet, find_sets, open_frames
from napari_attnseg.io.readers.formats import FileFormat
from napari_attnseg.io.run_facts import IMAGE
from napari_attnseg.io.saved_results import foreign
from napari_attnseg.io.stack_results import StackNames
from napari_attnseg.time_smoothing import check_frames
from napari_attnseg.weights import DEFAULT_WEIGHTS


class FilesBatch:
    """Pictures, then other files; iterating over it does the work, as over a `Batch`.

    It yields one outcome per image; for a film or a volume, one per frame. `close`
    keeps what is done of a film that was interrupted.

    Attributes
    ----------
    notes : tuple of Note
        Notes on all images.
    left_out : mapping of str to int
        As in `Batch`.
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
    weights: str | Path = DEFAULT_WEIGHTS,
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
        Step between frames: every Nth frame of a film or a volume is segmented.
    overlay : bool
        Whether to write a video of the frames with the outlines of their masks.
    keep_identifiers : bool
        Whether names of patients may be written.
    smooth_time : int
        Number of frames of the running median that smooths the probability.

    Raises
    ------
    UnknownNameError, CheckpointError, DeviceError, InputError
        As `segment_images`.
    """
    if every < 1:
        raise InputError(f"Expected --every of at least 1, but got {every}.")
    check_frames(smooth_time)
    _check_together(options or SegmentOptions(), smooth_time)
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
    remove_leftovers(out)
    work = FileWork(out, maker, how, every, overlay, keep_identifiers, smooth_time)
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


def _check_together(how: SegmentOptions, smooth_time: int) -> None:
    """Refuse options that do not go with smoothing over time.

    Raises
    ------
    InputError
    """
    if smooth_time > 1 and how.resume:
        raise InputError(
            "Expected --resume or --smooth-time, but got both: the probabilities of "
            "frames that are smoothed over are not kept; leave one of them out."
        )
    if smooth_time > 1 and how.readers:
        raise InputError(
            "Expected --readers or --smooth-time, but got both: masks by one encoder "
            "alone are not smoothed; leave one of them out."
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
                f"Results of {first.label} and {one.label} would have the same name, "
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
        if len(files.paths) > 1 and _of_another_series(names, files):
            raise would_replace(names.story, files.label)
        return
    path = files.paths[0] if files.shows_path else None
    other = foreign(out, stem, path) or next(
        (one for one in (names.table, names.overlay) if one.exists()), None
    )
    if other is not None:
        raise would_replace(other, files.label)


def _of_another_series(names: StackNames, files: FileSet) -> bool:
    """Whether results of the name of a series are of other pixels.

    Its name has only its number, which series of several patients have.
    """
    rows = read_rows(names.table)
    frame = min(rows, default=0)
    wanted = rows[frame][0].get(IMAGE) if rows else ""
    try:
        with open_frames(files) as frames:
            if not wanted or frame >= len(frames):
                return bool(wanted)
            return array_sha256(frames[frame]) != wanted
    except AttnSegError:
        return False  # told when it is opened


def _length(files: FileSet) -> int:
    """Number of frames; 1 for what cannot be read, which is told when it is opened."""
    try:
        with open_frames(files) as frames:
            return len(frames)
    except AttnSegError:
        return 1
