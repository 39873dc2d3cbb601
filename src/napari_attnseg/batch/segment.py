"""Segment many images; write files and yield one outcome per image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from napari_attnseg.batch.base import (
    Batch,
    check_not_inputs,
    model_notes,
    not_images,
    result_stems,
    would_replace,
)
from napari_attnseg.batch.here import process
from napari_attnseg.batch.options import SegmentOptions
from napari_attnseg.batch.segmenting import Segmenting
from napari_attnseg.io.explanations import is_explanation
from napari_attnseg.io.images import find_images
from napari_attnseg.io.reader_masks import reader_files
from napari_attnseg.io.saved_results import foreign
from napari_attnseg.weights import DEFAULT_WEIGHTS


def segment_images(
    inputs: Sequence[Path],
    out: Path,
    weights: str | Path = DEFAULT_WEIGHTS,
    device: str = "auto",
    options: SegmentOptions | None = None,
) -> Batch:
    """Segment images and write the results of each, as ``attnseg segment`` does.

    Everything that can be checked without an image is checked at once; images are read,
    segmented and written in order while the returned batch is iterated over.

    Parameters
    ----------
    inputs : sequence of Path
        Images, or folders of them.
    out : Path
        Folder for the results.
    weights : str or Path
        Bundled name or ``.safetensors`` file.
    device : str
        As for `Segmenter.from_checkpoint`.
    options : SegmentOptions, optional

    Returns
    -------
    Batch

    Raises
    ------
    UnknownNameError, CheckpointError, DeviceError
        If the weights or the device cannot be used.
    InputError
        If there is no image, an option is out of its range, or a file in `out` would be
        replaced that is not an earlier result of the same image.
    """
    how = options or SegmentOptions()
    stems = stems_of(inputs, out, how)
    work = Segmenting(out, weights, device, how)
    return Batch(
        stems,
        partial(process, stems, work.steps()),
        model_notes(work.segmenter, device),
        not_images(inputs, stems),
    )


def stems_of(inputs: Sequence[Path], out: Path, how: SegmentOptions) -> dict[Path, str]:
    """List images and the names of their results; check that no other file is replaced.

    Raises
    ------
    InputError
        As `segment_images`.
    """
    stems = result_stems(find_images(list(inputs)))
    _check_results_folder(out, inputs, stems, how.readers)
    return stems


def _check_results_folder(
    out: Path, inputs: Sequence[Path], stems: Mapping[Path, str], readers: bool
) -> None:
    """Refuse, before any work, to replace files that are no results of these images."""
    check_not_inputs(out, inputs)
    given = {path.resolve() for path in stems}
    for path, stem in stems.items():
        other = foreign(out, stem, path)
        mask, story = out / f"{stem}_mask.png", out / f"{stem}_gate.json"
        masks = [mask, *(out / name for name in reader_files(stem) if readers)]
        if other is None:
            other = next((one for one in masks if one.resolve() in given), None)
        if other is None and is_explanation(story):
            other = story  # its maps have the names of gate maps
        if other is not None:
            raise would_replace(other, path)
