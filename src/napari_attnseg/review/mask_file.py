"""Read a mask of another program, and record what was assumed about its values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.errors import InputError
from napari_attnseg.io.images import read_numbers
from napari_attnseg.io.mask_values import ReadMask, grey_of, labels_of

__all__ = ["ReadMask", "read_mask"]

#: A mask of more values is taken for a grey picture of one region.
_MOST_LABELS = 64
#: Suffixes of files whose compression blurs the edges of a mask.
_LOSSY = (".jpg", ".jpeg", ".jfif", ".webp")
_MIDDLE = 127


def read_mask(
    path: Path, value: int | None = None, frame: int | None = None
) -> ReadMask:
    """Read a mask file.

    Parameters
    ----------
    path : Path
    value : int, optional
        Value of the first class, from the results' files; see `labels_of`. None: a mask
        of 0 and one other value has one class, and otherwise each number is a label.
    frame : int, optional
        Number of the slice, if the file holds a stack.

    Raises
    ------
    InputError
        If the file cannot be read as a mask.
    """
    array: NDArray[Any] = read_numbers(path)
    stack = array.ndim == 3 and path.suffix.lower() != ".png"  # which holds no stack
    if frame is not None and stack and value is not None:
        array = array[frame]
    if value is not None:
        return labels_of(array, value, path.name)
    if array.ndim == 3 and array.shape[-1] == 4:
        array = _without_alpha(array, path.name)
    if array.ndim == 3:
        colours = array[..., :3]
        if colours.shape[-1] == 3 and (colours == colours[..., :1]).all():
            array = colours[..., 0]
        else:
            raise InputError(
                f"Expected a grey mask, but {path.name} has colours; save it with one "
                "number per class."
            )
    if array.dtype.kind == "f":
        whole = array.astype(np.int64)
        if not np.array_equal(whole, array):
            raise InputError(
                f"Expected a mask of whole numbers, but {path.name} has fractions, as "
                "a probability does; save the mask."
            )
        array = whole
    values = np.unique(array)
    if len(values) and int(values[0]) < 0:
        raise InputError(
            f"Expected 0 as background and positive labels, but {path.name} has "
            f"{int(values[0])}; save it with other numbers."
        )
    lossy = path.suffix.lower() in _LOSSY
    if len(values) > 2 and array.dtype == np.uint8:
        # A compressed 0/255 has values near both ends and few between.
        if lossy or len(values) > _MOST_LABELS:
            return ReadMask(
                (array > _MIDDLE).astype(np.uint8),
                f"{path.name} has {len(values)} grey values; those above {_MIDDLE} "
                "were taken for the mask.",
            )
        return ReadMask(array.astype(np.uint8))
    if len(values) <= 2 and (len(values) < 2 or values[0] == 0):
        return ReadMask((array != 0).astype(np.uint8))
    return ReadMask(array.astype(_integer(array)))


def _without_alpha(array: NDArray[Any], name: str) -> NDArray[Any]:
    """Grey (H, W) of a mask with alpha (H, W, 4); colours that are seen are kept."""
    seen = array[array[..., 3] > 0]
    if (seen[..., :3] != seen[..., :1]).any():
        return array
    return grey_of(array, name)


def _integer(array: NDArray[Any]) -> type[np.integer[Any]]:
    """A type that holds the labels and that napari takes."""
    return np.uint8 if array.max(initial=0) < 256 else np.int32
