"""Read NIfTI images, if nibabel is installed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets.grids import on_grid
from attnseg_training.datasets.two_places import expect_one_place
from napari_attnseg.errors import InputError
from napari_attnseg.io.readers.nifti import opened_nifti, shown_otherwise, stored_zooms
from napari_attnseg.io.readers.nifti_axes import nifti_axes
from napari_attnseg.io.readers.nifti_forms import is_placed, qform_beside

SUFFIXES = (".nii.gz", ".nii")
#: Whole numbers may differ by this share: the scale of a header has 32 bits.
ROUNDED = 1e-6


@dataclass(frozen=True, slots=True)
class Spacing:
    """Size of a pixel.

    Attributes
    ----------
    rows, columns : float
        Distance of neighbouring rows, and of neighbouring columns.
    unit : str
        ``mm``, ``micron``, ``meter``, or ``unknown``.
    """

    rows: float
    columns: float
    unit: str


@dataclass(frozen=True, slots=True, eq=False)
class _Nifti:
    """A 2D image: values (x, y), its affine, and whether the file itself gives it.

    Those of an image in colour are (x, y, 3 or 4).
    `qform` is that of `nifti_forms.qform_beside`.
    """

    values: NDArray[Any]
    affine: NDArray[np.float64]
    qform: NDArray[np.float64] | None
    placed: bool
    spacing: Spacing


def is_nifti(path: Path) -> bool:
    """Whether a file is NIfTI, by its name."""
    return path.name.lower().endswith(SUFFIXES)


def read_nifti(path: Path, like: Path | None = None) -> NDArray[Any]:
    """One 2D NIfTI image as rows and columns (H, W), or (H, W, 3 or 4) of colours.

    NIfTI's first axis is x, so the array is transposed.

    Parameters
    ----------
    path : Path
    like : Path, optional
        NIfTI image to whose grid the values are brought by both affines. Flips, turns
        by 90° and shifts by whole voxels are possible; values outside are 0. A file
        without a position (qform and sform code 0) is used as it is stored.

    Raises
    ------
    RuleError
        If more than that is necessary to bring it to the grid, or qform and sform
        contradict each other about its place.
    InputError
        If nibabel is missing, or the file cannot be read or is not 2D.
    """
    found = _load(path)
    if like is None or found.values.ndim > 2:
        return found.values.swapaxes(0, 1)
    image = _load(like)
    if not (found.placed and image.placed):
        return found.values.T
    names = path.name, like.name
    shape = (*image.values.shape[:2], 1)
    values = found.values[..., None]
    both = (found.affine, found.qform), (image.affine, image.qform)
    expect_one_place(*both, values.shape, *names)
    return on_grid(values, found.affine, shape, image.affine, *names)[..., 0].T


def read_nifti_mask(path: Path, like: Path | None = None) -> NDArray[Any]:
    """Read NIfTI as `read_nifti` does, but no colours; round inexact whole numbers."""
    values = read_nifti(path, like)
    if values.ndim > 2:
        raise InputError(
            f"Expected grey numbers in {path.name}, but it is a NIfTI file in colour; "
            "save it as PNG, or as grey numbers."
        )
    return whole_numbers(values)


def whole_numbers(values: NDArray[Any]) -> NDArray[Any]:
    """Round numbers that are whole but for the rounding error of a header's scale."""
    if values.dtype.kind != "f" or not np.isfinite(values).all():
        return values
    whole = np.round(values)
    close = np.abs(values - whole) <= ROUNDED * np.maximum(np.abs(whole), 1)
    return whole if close.all() else values


def may_be_turned(path: Path) -> bool:
    """Whether a 2D image may belong to a picture in another way than it is stored.

    That is so if its affine asks for another view than its stored pixels: medical
    viewers show the left side of a body, or in a side view its back, at the right, and
    the back or the feet at the bottom. A file without qform and sform asks for no view,
    and programs that write none may have stored rows first; if it is square, its size
    does not say so. Errors are those of `read_nifti`.
    """
    found = _load(path)
    if found.placed:
        return shown_otherwise(found.affine)
    columns, rows = found.values.shape[:2]
    return bool(columns == rows)


def nifti_spacing(path: Path) -> Spacing | None:
    """Size of a pixel of a 2D NIfTI image, or None; raises as `read_nifti`."""
    found = _load(path).spacing
    return found if min(found.rows, found.columns) > 0 else None


def _load(path: Path) -> _Nifti:
    with opened_nifti(path) as file:
        values = np.asarray(file.dataobj)
        zooms = stored_zooms(file, path)
        axes = nifti_axes(file, zooms, path.name)
        header = file.header
        placed = is_placed(header)
        affine = np.asarray(file.affine, np.float64)
        qform = qform_beside(file)
        unit = str(header.get_xyzt_units()[0])
    if axes.along is not None:
        raise InputError(
            f"Expected one 2D image in {path.name}, but it has shape {values.shape}; "
            "take single frames out of it."
        )
    image = axes.image(values, 0)
    if image.dtype.names:  # red, green and blue, as fields of one number
        image = np.stack([image[name] for name in image.dtype.names], -1)
    return _Nifti(
        image.swapaxes(0, 1),
        axes.affine(affine),
        None if qform is None else axes.affine(qform),
        placed,
        Spacing(zooms[axes.rows], zooms[axes.columns], unit),
    )
