"""Pictures of masks for slices of NIfTI whose affine asks for another view.

Slices are read as they are stored. Viewers show them turned or mirrored by the affine,
and a mask that was painted there, and saved as a picture, does not say so.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets.drawn_masks import DrawnMasks, Labels, Turn
from napari_attnseg.io.readers import FileSet, Frames
from napari_attnseg.io.readers.facts import NotUsed
from napari_attnseg.io.readers.formats import FileFormat
from napari_attnseg.io.readers.grids import grid_of


def turn_of_slices(files: FileSet, volume: Frames, masks: DrawnMasks) -> Turn | None:
    """Return what brings a mask on the slices as they are stored.

    Parameters
    ----------
    files, volume : FileSet, Frames
        What the masks belong to.
    masks : DrawnMasks

    Returns
    -------
    callable or None
        None if the masks lie so, or are no pictures.

    Raises
    ------
    InputError
        If it is not known, and the sizes of masks do not say it.
    """
    name, orientation = masks.name, masks.orientation
    pictures = isinstance(masks.first, Path) and orientation != "stored"
    if pictures and (words := axes_words(files, volume)):
        masks.tell(words)
    grid = grid_of(files) if NotUsed.ORIENTATION in volume.facts.not_used else None
    if grid is None or not pictures:
        return None
    along = np.nan_to_num(grid.affine[:3, :2])
    axes = np.abs(along).argmax(0)
    exchanged = bool(axes[0] > axes[1])
    mirrored = _mirrored(along, axes)
    stored = volume.facts.height, volume.facts.width
    shown = stored[::-1] if exchanged else stored
    shape = masks.shape
    if shape not in (shown, stored):
        return None  # told when it is added
    asks = f"The affine of {volume.name} asks for another view of its slices than the "
    asks += "stored one"

    def turned(labels: Labels) -> Labels:
        view = labels.T if exchanged else labels
        return np.ascontiguousarray(view[:: mirrored[0], :: mirrored[1]])

    if shape == shown and (orientation == "shown" or shown != stored):
        masks.tell(
            f"{asks}; masks in {name} were brought from that view on the stored one."
        )
        return turned
    if shape == stored != shown:
        masks.tell(f"{asks}; masks in {name} have the size of the stored one.")
        return None
    raise masks.not_known(
        "view",
        f"pictures do not say it, and {asks[0].lower()}{asks[1:]}",
        "slices as they are stored, the first axis to the right and the second one "
        "downwards",
        "slices as viewers show them, the left side of the body at the right, and the "
        "front or the head at the top",
    )


def axes_words(files: FileSet, volume: Frames) -> str:
    """Sentence on a NIfTI file without an affine whose axes may be exchanged, or "".

    Programs that write no qform and no sform may store rows first; the size of slices
    that are not square says so.
    """
    facts = volume.facts
    square = facts.kind is FileFormat.NIFTI and facts.height == facts.width
    if not square or grid_of(files) is not None:
        return ""
    return (
        f"{volume.name} has no qform and no sform and is square, so that rows may be "
        "stored as columns; it was read as it is stored: look at images and masks "
        "together."
    )


def _mirrored(along: NDArray[np.float64], axes: NDArray[np.intp]) -> tuple[int, int]:
    """Steps along stored rows and columns, -1 where the view goes the other way."""
    columns, rows = (-1 if along[axes[k], k] > 0 else 1 for k in (0, 1))
    return rows, columns
