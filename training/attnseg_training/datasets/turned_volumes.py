"""Pictures of masks for slices of NIfTI whose affine asks for another view.

Slices are read as they are stored. Viewers show them turned or mirrored by the affine,
and a mask that was painted there, and saved as a picture, does not say so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets.frame_masks import Mask, numbers_of
from napari_attnseg.errors import InputError
from napari_attnseg.io.dataset_toml import FILE
from napari_attnseg.io.readers import FileSet, Frames
from napari_attnseg.io.readers.facts import NotUsed
from napari_attnseg.io.readers.grids import grid_of

Labels = NDArray[np.uint8]


def slice_placing(
    files: FileSet,
    volume: Frames,
    masks: Mapping[int, Mask],
    orientation: str,
    name: str,
    out: str,
    tell: Callable[[str], None],
) -> Callable[[Labels], Labels] | None:
    """Return what brings a mask (H, W) on the slices as they are stored.

    Parameters
    ----------
    files, volume : FileSet, Frames
        What the masks belong to.
    masks : mapping
        Frame → its mask; at least one.
    orientation : str
        ``shown`` or ``stored``: the slices on which masks were drawn. Empty: not known.
    name, out : str
        Names of the masks and of the training set, for messages.
    tell : callable
        Called with a sentence if masks are turned, or their sizes say how they lie.

    Returns
    -------
    callable or None
        None if the slices are shown as they are stored, or masks are no pictures.

    Raises
    ------
    InputError
        If it is not known, and the sizes of masks do not say it.
    """
    first = next(iter(masks.values()))
    grid = grid_of(files) if NotUsed.ORIENTATION in volume.facts.not_used else None
    if grid is None or not isinstance(first, Path) or orientation == "stored":
        return None
    along = np.nan_to_num(grid.affine[:3, :2])
    axes = np.abs(along).argmax(0)
    exchanged = bool(axes[0] > axes[1])
    mirrored = _mirrored(along, axes)
    stored = volume.facts.height, volume.facts.width
    shown = stored[::-1] if exchanged else stored
    shape = numbers_of(first).shape
    if shape not in (shown, stored):
        return None  # told when it is added
    asks = f"The affine of {volume.name} asks for another view of its slices than the "
    asks += "stored one"

    def turned(labels: Labels) -> Labels:
        view = labels.T if exchanged else labels
        return np.ascontiguousarray(view[:: mirrored[0], :: mirrored[1]])

    if shape == shown and (orientation == "shown" or shown != stored):
        tell(f"{asks}; masks in {name} were brought from that view on the stored one.")
        return turned
    if shape == stored != shown:
        tell(f"{asks}; masks in {name} have the size of the stored one.")
        return None
    raise InputError(
        f"Expected to know on which view masks in {name} were drawn, as pictures do "
        f"not say it, and {asks[0].lower()}{asks[1:]}; look at both together, and "
        f'write orientation = "stored" into the {FILE} of {out}, which may hold '
        "nothing else yet, if masks were drawn on slices as they are stored, the first "
        "axis to the right and the second one downwards, or orientation = "
        '"shown" if on slices as viewers show them, the left side of the body at the '
        "right, and the front or the head at the top."
    )


def _mirrored(along: NDArray[np.float64], axes: NDArray[np.intp]) -> tuple[int, int]:
    """Steps along stored rows and columns, -1 where the view goes the other way."""
    columns, rows = (-1 if along[axes[k], k] > 0 else 1 for k in (0, 1))
    return rows, columns
