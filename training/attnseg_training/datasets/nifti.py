"""Read NIfTI images, if nibabel is installed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets.rules import Rule, RuleError
from napari_attnseg.errors import InputError
from napari_attnseg.io.readers.nifti import stored_zooms

SUFFIXES = (".nii.gz", ".nii")
#: Affines may differ by so many voxels: headers are rounded.
TOLERANCE = 0.1
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
    """A 2D image: values (x, y), its affine, and whether the file itself gives it."""

    values: NDArray[Any]
    affine: NDArray[np.float64]
    placed: bool
    spacing: Spacing


def is_nifti(path: Path) -> bool:
    """Whether a file is NIfTI, by its name."""
    return path.name.lower().endswith(SUFFIXES)


def read_nifti(path: Path, like: Path | None = None) -> NDArray[Any]:
    """One 2D NIfTI image as rows and columns (H, W).

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
        If more than that is necessary to bring it to the grid.
    InputError
        If nibabel is missing, or the file cannot be read or is not 2D.
    """
    found = _load(path)
    if like is None:
        return found.values.T
    image = _load(like)
    if not (found.placed and image.placed):
        return found.values.T
    return _on_grid(found, image, path.name, like.name).T


def read_nifti_mask(path: Path, like: Path | None = None) -> NDArray[Any]:
    """Read NIfTI as `read_nifti` does, and round inexact whole numbers."""
    values = read_nifti(path, like)
    if values.dtype.kind != "f" or not np.isfinite(values).all():
        return values
    whole = np.round(values)
    close = np.abs(values - whole) <= ROUNDED * np.maximum(np.abs(whole), 1)
    return whole if close.all() else values


def is_turned(path: Path) -> bool:
    """Whether the affine of a 2D image asks for another view than its stored pixels.

    Medical viewers show the left side of a body, or in a side view its back, at the
    right, and the back or the feet at the bottom. A file without qform and sform asks
    for no other view. Errors are those of `read_nifti`.
    """
    found = _load(path)
    along = found.affine[:3, :2]  # in space: to the right, to the front and up
    axes = np.abs(np.nan_to_num(along)).argmax(0)
    usual = axes[0] < axes[1] and (along[axes, [0, 1]] < 0).all()
    return found.placed and not usual


def nifti_spacing(path: Path) -> Spacing | None:
    """Size of a pixel of a 2D NIfTI image, or None; raises as `read_nifti`."""
    found = _load(path).spacing
    return found if min(found.rows, found.columns) > 0 else None


def _load(path: Path) -> _Nifti:
    try:
        import nibabel
    except ImportError as error:
        raise InputError(
            f"Reading {path.name} needs nibabel, which is not installed; run "
            'pip install "napari-attnseg[nifti]", or convert the images to PNG.'
        ) from error
    try:
        if path.stat().st_size == 0:
            raise ValueError("it is empty: 0 bytes")
        file: Any = nibabel.load(path)
        values = np.asarray(file.dataobj)
        header = file.header
        placed = int(header["qform_code"]) > 0 or int(header["sform_code"]) > 0
        affine = np.asarray(file.affine, np.float64)
        zooms = stored_zooms(file, path)
        unit = str(header.get_xyzt_units()[0])
    # As for other images: many kinds of error, one meaning.
    except Exception as error:
        raise InputError(
            f"{path.name} cannot be read as NIfTI ({error}); replace it."
        ) from error
    if values.dtype.names:  # red, green and blue, as fields of one number
        raise InputError(
            f"Expected grey numbers in {path.name}, but it is a NIfTI file in colour "
            f"({', '.join(values.dtype.names)}); save it as PNG, or as grey numbers."
        )
    if values.ndim < 2 or values.size != values.shape[0] * values.shape[1]:
        raise InputError(
            f"Expected one 2D image in {path.name}, but it has shape {values.shape}; "
            "take single frames out of it."
        )
    flat = values.reshape(values.shape[:2])
    return _Nifti(flat, affine, placed, Spacing(zooms[1], zooms[0], unit))


def _on_grid(mask: _Nifti, image: _Nifti, name: str, other: str) -> NDArray[Any]:
    """Values of a mask (x, y) on an image's grid."""
    try:
        # A voxel of the mask → the voxel of the image at the same place.
        between = np.linalg.solve(image.affine, mask.affine)
    except np.linalg.LinAlgError:
        between = np.full((4, 4), np.nan)
    linear, shift = between[:3, :3], between[:3, 3]
    whole = np.round(np.nan_to_num(linear))
    size = max(*mask.values.shape, 1)
    exact = (
        np.isfinite(between).all()
        # Over the whole image the rounding of a header must not add up to a voxel.
        and np.abs(linear - whole).max() * size < 0.5
        and np.abs(shift - np.round(shift)).max() <= TOLERANCE
        and np.abs(np.round(shift[2])) == 0
        and (np.abs(whole).sum(0) == 1).all()
        and (np.abs(whole).sum(1) == 1).all()
        and abs(whole[2, 2]) == 1
    )
    if not exact:
        raise RuleError(
            Rule.GRID,
            f"Expected the mask {name} on the grid of {other} up to flips, turns by "
            "90° and shifts by whole voxels, but their affines say otherwise; resample "
            "the mask to the image.",
        )
    matrix, start = whole[:2, :2].astype(int), np.round(shift[:2]).astype(int)
    x, y = np.indices(mask.values.shape)
    to = matrix @ np.stack([x.ravel(), y.ravel()]) + start[:, None]
    inside = ((to >= 0) & (to < np.array(image.values.shape)[:, None])).all(0)
    placed = np.zeros(image.values.shape, mask.values.dtype)
    placed[to[0, inside], to[1, inside]] = mask.values.ravel()[inside]
    outside = np.count_nonzero(mask.values.ravel()[~inside])
    if not inside.any() or outside:
        what = f"{outside} of its pixels that are not 0 lie" if outside else "it lies"
        raise RuleError(
            Rule.GRID,
            f"Expected the mask {name} within the image {other}, but by the affines of "
            f"both {what} outside of it; check which mask belongs to which image, or "
            "resample the mask to the image.",
        )
    return placed
