"""Frames of a film, series or volume and their masks as a training set of pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.errors import InputError
from napari_attnseg.intensity import Window
from napari_attnseg.io.frame_table import read_rows
from napari_attnseg.io.images import read_image
from napari_attnseg.io.readers import FileSet, Frames, open_frames
from napari_attnseg.io.readers.dicom_file import guarded
from napari_attnseg.io.readers.dicom_seg import is_segmentation, read_segmentation
from napari_attnseg.io.readers.formats import FileFormat, file_format
from napari_attnseg.io.readers.sets import set_of
from napari_attnseg.io.stack_results import StackNames
from napari_attnseg.io.training_set import Correction, addition
from napari_attnseg.preprocessing import to_rgb

Mask = NDArray[Any] | Path
#: Masks as ``attnseg segment`` writes them of a film.
_MASK = re.compile(r"frame_(\d+)_mask\.(png|tif)")


def frames_to_training_set(
    images: Path, masks: Path, out: Path, every: int = 1
) -> Iterator[str]:
    """Write frames that have masks into a training set; yields the name of each.

    Pixels are read as ``attnseg segment`` reads them. If the file gives a window, they
    become 8-bit by this window.

    Parameters
    ----------
    images : Path
        A film, a volume, or a DICOM file or folder of one series.
    masks : Path
        A volume or DICOM file with a mask per frame, a DICOM SEG, or a folder of
        ``frame_000120_mask.png`` as ``attnseg segment`` writes it.
    out : Path
        A training set, or a new folder.
    every : int
        Step between frames: every Nth frame is taken.

    Raises
    ------
    InputError
        If a file cannot be read, or frames and masks do not belong together.
    """
    if every < 1:
        raise InputError(f"Expected --every of at least 1, but got {every}.")
    files = set_of(images)
    with open_frames(files) as frames:
        found = _masks(masks, files, len(frames))
        beyond = [one for one in found if not 0 <= one < len(frames)]
        if beyond or not found:
            what = f"mask {beyond[0]}" if beyond else "no mask"
            raise InputError(
                f"Expected masks of the {len(frames)} frames of {frames.name}, but got "
                f"{what}; choose the masks of this file."
            )
        for number in sorted(found):
            if number % every == 0:
                yield _add(frames, files.name, number, found, out)


def _add(
    frames: Frames,
    stem: str,
    number: int,
    masks: Mapping[int, Mask],
    out: Path,
) -> str:
    pixels, given = frames[number], masks[number]
    mask = np.asarray(read_image(given)) if isinstance(given, Path) else given
    facts, record = frames.facts, dict[str, Any](frame=number)
    if facts.window is not None:
        rgb, _ = to_rgb(pixels, intensity=Window(*facts.window))
        pixels = (rgb[..., 0] * 255).round().astype(np.uint8)
        record |= {"window": list(facts.window)}
    new = addition(out, Correction(pixels, mask, (), record), f"{stem}_{number:06d}")
    new.write()
    return new.name


def _masks(path: Path, images: FileSet, count: int) -> Mapping[int, Mask]:
    """Frame → its mask, or the file of it."""
    inside = sorted(path.iterdir()) if path.is_dir() else [path]
    hits = ((_MASK.fullmatch(one.name), one) for one in inside)
    named = {int(hit[1]): one for hit, one in hits if hit is not None}
    if named:
        # A run that was killed may leave a mask that is not whole, and has no row.
        table = StackNames(path.parent, path.name).table
        rows = read_rows(table)
        return {i: one for i, one in named.items() if i in rows} if rows else named
    scans = [one for one in inside if file_format(one) is FileFormat.DICOM]
    segs = [one for one in scans if is_segmentation(one)]
    if segs:
        instances = _instances(images)
        return dict(chain.from_iterable(_planes(one, instances) for one in segs))
    with open_frames(set_of(path)) as frames:
        if len(frames) != count:
            raise InputError(
                f"Expected a mask for each of {count} frames, but {frames.name} has "
                f"{len(frames)}; choose the masks of this file."
            )
        if frames.facts.kind is FileFormat.VIDEO or frames.facts.channels > 1:
            raise InputError(
                f"Expected masks of grey numbers in {frames.name}, but it is in "
                "colour, or a film, whose numbers are not exact; save it as NIfTI."
            )
        return {i: np.array(frames[i]) for i in range(count)}


def _planes(seg: Path, instances: Mapping[str, int]) -> Iterator[tuple[int, Mask]]:
    """Masks of a DICOM SEG, by the frame or the file that each refers to."""
    for plane in read_segmentation(seg):
        file = instances.get(plane.instance)
        if file is None:
            raise InputError(
                f"{seg.name} refers to an image that is not among the given ones; "
                "choose the images that it was made from."
            )
        several = len(instances) > 1 or plane.frame is None
        yield file if several else int(plane.frame or 0), plane.labels


def _instances(images: FileSet) -> dict[str, int]:
    """``SOPInstanceUID`` of each DICOM file → its place in the series."""
    if images.kind is not FileFormat.DICOM:
        return {}
    import pydicom

    with guarded():
        tags = ["SOPInstanceUID"]
        read = (pydicom.dcmread(one, specific_tags=tags) for one in images.paths)
        return {str(one.SOPInstanceUID): at for at, one in enumerate(read)}
