"""Common form of saved masks, of one image or of many frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.errors import InputError
from napari_attnseg.hashing import array_sha256
from napari_attnseg.io.files import read_facts
from napari_attnseg.io.folders import entries
from napari_attnseg.io.frame_results import load_frame_results
from napari_attnseg.io.mask_values import ReadMask
from napari_attnseg.io.results import FORMAT, load_results
from napari_attnseg.io.run_facts import IMAGE
from napari_attnseg.io.stack_results import FORMAT as FRAMES_FORMAT
from napari_attnseg.io.unread_masks import told_once
from napari_attnseg.objects.descriptors import PixelSize
from napari_attnseg.objects.physical import pixel_size
from napari_attnseg.results import Segmentation

#: Number of folders that a message names.
_TOLD = 3


@dataclass(frozen=True, slots=True, eq=False)
class MaskSeries:
    """Masks of an image, or of frames of a file or series.

    Attributes
    ----------
    stem : str
        Beginning of the names of the results.
    masks : ndarray of int, shape (N, H, W)
        0 is background, c + 1 is class c.
    frames : tuple of int or None
        Frame number of each mask in the file or series; None for a single image.
    classes : tuple of str
    provenance : mapping
        Provenance of the run.
    pixel : PixelSize
    image : Path or None
        File of the image, if it is known and exists.
    edited : bool
        Whether somebody painted in the masks.
    assumed : str
        How the numbers of the masks' files were read, if that is not obvious; else
        empty.
    """

    stem: str
    masks: NDArray[np.integer[Any]]
    frames: tuple[int, ...] | None
    classes: tuple[str, ...]
    provenance: Mapping[str, Any] = field(default_factory=dict)
    pixel: PixelSize = field(default_factory=PixelSize)
    image: Path | None = None
    edited: bool = False
    assumed: str = ""


def find_masks(path: Path) -> list[Path]:
    """Find JSON files of results: the path itself, or those in a folder, by name."""
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    formats = (FORMAT, FRAMES_FORMAT)
    return [one for one in files if any(read_facts(one, kind) for kind in formats)]


def expect_masks(path: Path) -> list[Path]:
    """Find JSON files of results as `find_masks` does, at least one.

    Raises
    ------
    InputError
        If there are none, or the path does not exist. The message names folders of a
        folder that hold some, such as those into which results were sorted.
    """
    if not path.exists():
        raise InputError(f"There is no file or folder {path}; check the path.")
    if found := find_masks(path):
        return found
    inside = [one for one in entries(path) if one.is_dir()] if path.is_dir() else []
    holding = [str(one) for one in inside if find_masks(one)]
    more = f" and {len(holding) - _TOLD} more" if len(holding) > _TOLD else ""
    which = "the folder that --out named, or a JSON file in it"
    if holding:
        which = f"{', '.join(holding[:_TOLD])}{more}, where there are some"
    raise InputError(
        f"Expected results of attnseg segment in {path}, but there are none; choose "
        f"{which}."
    )


def load_masks(path: Path) -> MaskSeries:
    """Masks of results, from their JSON file.

    Raises
    ------
    InputError
        If it is not such a file, or a file that it names cannot be read.
    """
    if read_facts(path, FRAMES_FORMAT) is not None:
        return _frames(path)
    results = load_results(path)
    runs, frames = results.segmentations, None
    if results.frames is not None:
        frames = tuple(i for i, run in enumerate(runs) if _is_done(run))
        runs = [runs[i] for i in frames]
    own = dict(runs[0].provenance)
    made = [run.provenance.get("mask_sha256") for run in runs]
    masks = np.stack([run.mask for run in runs])
    return MaskSeries(
        path.stem,
        masks,
        frames,
        class_names(own, masks),
        own,
        pixel_size(results.placement),
        results.image,
        [array_sha256(run.mask) for run in runs] != made,
        results.assumed,
    )


def _is_done(run: Segmentation) -> bool:
    """Whether a frame was segmented; a run that was cancelled leaves some out."""
    return run.provenance.get(IMAGE, "") is not None


def _frames(path: Path) -> MaskSeries:
    found = load_frame_results(path)
    own = dict(found.provenance)
    read = [found.mask(i) for i in found.frames]
    masks = np.stack([one.labels for one in read])
    file = own.get("file_facts") or {}
    spacing, name = file.get("pixel_spacing"), file.get("unit", "pixel")
    placement = {} if spacing is None else {"scale": spacing, "units": [name] * 2}
    return MaskSeries(
        path.stem,
        masks,
        found.frames,
        class_names(own, masks),
        own,
        pixel_size(placement),
        found.source,
        assumed=all_assumed(read),
    )


def all_assumed(read: Sequence[ReadMask]) -> str:
    """What was assumed of the first of some masks, and of how many more."""
    return told_once(one.assumed for one in read)


def class_names(
    facts: Mapping[str, Any], masks: NDArray[np.integer[Any]]
) -> tuple[str, ...]:
    """Names of the classes of a run, then of other labels that were painted.

    Raises
    ------
    InputError
        If a label is above 255, the highest that these formats can hold.
    """
    highest = int(masks.max(initial=0))
    if highest > 255:
        raise InputError(
            f"Expected labels up to 255 in a mask, but one has {highest}; paint with "
            "the numbers of classes."
        )
    named = tuple(str(name) for name in facts.get("classes") or ("object",))
    more = range(len(named) + 1, highest + 1)
    return (*named, *(f"label {number}" for number in more))
