"""Find out what the axes of a NIfTI file are: columns, rows, frames or colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.errors import InputError

#: Intents of a file whose fifth axis holds the components of vectors or colours.
_VECTORS = (1007, 2003, 2004)
#: Lengths of an axis of red, green and blue, perhaps with alpha.
_COLOURS = (3, 4)
#: 8-bit slices of at most so many numbers are masks, and no pictures in colour.
_MOST_LABELS = 16


@dataclass(frozen=True, slots=True)
class NiftiAxes:
    """Roles of the axes of a file, by their numbers.

    Attributes
    ----------
    columns, rows : int
        Axes of an image: to the right, and downwards.
    along : int or None
        Axis of several frames.
    colour : int or None
        Axis of red, green, blue and perhaps alpha.
    single : int or None
        Axis of length 1 that comes before or between those of the image.
    """

    columns: int
    rows: int
    along: int | None = None
    colour: int | None = None
    single: int | None = None

    def affine(self, stored: NDArray[np.float64]) -> NDArray[np.float64]:
        """Affine (4, 4) of column, row and slice, from that of the stored axes."""
        return stored[:, [self.columns, self.rows, self.third, 3]]

    @property
    def third(self) -> int:
        """Axis of space that is not one of the image."""
        return 3 - self.columns - self.rows

    def image(self, values: Any, frame: int) -> Any:
        """One frame (H, W) or (H, W, 3 or 4) of the stored values."""
        at: list[Any] = [0] * len(values.shape)
        kept = (self.columns, self.rows, self.colour)
        for axis in kept:
            if axis is not None:
                at[axis] = slice(None)
        if self.along is not None:
            at[self.along] = frame
        return np.asarray(values[tuple(at)]).swapaxes(0, 1)


def nifti_axes(file: Any, zooms: list[float], name: str) -> NiftiAxes:
    """Axes of a NIfTI file.

    Parameters
    ----------
    file : nibabel.Nifti1Image
    zooms : list of float
        Size of a voxel along each axis; see `nifti.stored_zooms`.
    name : str
        Name of the file, for messages.

    Raises
    ------
    InputError
        If there are several axes of frames, vectors that are no colours, or an axis
        that may hold frames or colours.
    """
    shape = tuple(int(n) for n in file.shape)
    kind = np.dtype(file.get_data_dtype())
    colour = _colour_axis(shape, int(file.header["intent_code"]), kind, name)
    space = [axis for axis in range(min(len(shape), 3)) if shape[axis] > 1]
    first, second, single = 0, 1, None
    if len(shape) > 2 and len(space) == 2 and 1 in shape[:2]:
        (first, second), single = space, shape.index(1)
    used = {first, second, colour}
    long = [k for k in range(2, len(shape)) if shape[k] > 1 and k not in used]
    if len(shape) < 2 or len(long) > 1:
        raise InputError(
            f"Expected a slice or a volume of slices in {name}, but it has "
            f"shape {shape}; save one of its volumes."
        )
    if colour is None:
        _expect_slices(file, shape, kind, zooms, name)
    return NiftiAxes(first, second, long[0] if long else None, colour, single)


def _colour_axis(
    shape: tuple[int, ...], intent: int, kind: np.dtype[Any], name: str
) -> int | None:
    """The fifth axis, if the header says that it holds vectors."""
    if intent not in _VECTORS or len(shape) < 5 or shape[4] == 1:
        return None
    if shape[4] in _COLOURS and kind.kind == "u":
        return 4
    raise InputError(
        f"Expected a grey or RGB image in {name}, but it holds vectors of {shape[4]} "
        f"numbers ({kind}); save one component of them."
    )


def _expect_slices(
    file: Any,
    shape: tuple[int, ...],
    kind: np.dtype[Any],
    zooms: list[float],
    name: str,
) -> None:
    """Refuse three 8-bit frames that may be the red, green and blue of a picture."""
    if kind != np.uint8 or len(shape) < 3:
        return
    beyond = [axis for axis in range(3, len(shape)) if shape[axis] > 1]
    few = [axis for axis in beyond or (0, 2) if shape[axis] in _COLOURS]
    others = [n for k, n in enumerate(shape[:3]) if k not in few[:1] and n > 1]
    if not few or len(others) != 2 or min(others) <= max(_COLOURS):
        return
    if beyond:
        moment = file.header.get_xyzt_units()[1]
        if moment != "unknown" or zooms[few[0]] not in (0, 1):
            return  # times
    elif not np.allclose(zooms[few[0]], [zooms[k] for k in range(3) if k != few[0]]):
        return  # a distance of slices
    if len(np.unique(np.asarray(file.dataobj))) <= _MOST_LABELS:
        return
    raise InputError(
        f"Expected a slice or a volume of slices in {name}, but its axis {few[0]} of "
        f"length {shape[few[0]]} may be frames or colours (shape {shape}, 8 bits); "
        "save a picture in colour as PNG, slices with their distance and moments with "
        "their unit of time (pixdim, xyzt_units), or each as a file of its own."
    )
