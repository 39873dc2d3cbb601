"""Where the pixels of NIfTI and DICOM files lie in space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.errors import InputError
from napari_attnseg.io.readers.dicom_file import guarded, read_header
from napari_attnseg.io.readers.dicom_header import numbers, of_frame
from napari_attnseg.io.readers.formats import FileFormat
from napari_attnseg.io.readers.nifti import opened_nifti, stored_zooms
from napari_attnseg.io.readers.nifti_axes import nifti_axes
from napari_attnseg.io.readers.nifti_forms import is_placed, qform_beside
from napari_attnseg.io.readers.sets import FileSet

#: Largest deviation of a slice from an even spacing, as a share of the spacing.
UNEVEN = 0.1
#: DICOM counts x to the left and y to the back, NIfTI to the right and to the front.
_TO_RAS = np.diag([-1.0, -1.0, 1.0])


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Position of the pixels of a file in space.

    Attributes
    ----------
    affine : ndarray, shape (4, 4)
        Maps column, row and slice to mm to the right, to the front and up.
    slices : bool
        Whether frames are slices; otherwise they are moments of one slice.
    qform : ndarray, shape (4, 4), or None
        Second affine of a NIfTI file; see `nifti_forms.qform_beside`.
    """

    affine: NDArray[np.float64]
    slices: bool
    qform: NDArray[np.float64] | None = None


def grid_of(files: FileSet) -> Grid | None:
    """Position of the frames of a file or series; None if the file does not state it.

    Raises
    ------
    InputError
        If it cannot be read, or the slices of a series are not evenly spaced.
    """
    if files.kind is FileFormat.NIFTI:
        return _of_nifti(files.paths[0])
    if files.kind is FileFormat.DICOM:
        with guarded():
            return _of_dicom(files.paths, files.name)
    return None


def _of_nifti(path: Path) -> Grid | None:
    with opened_nifti(path) as file:
        placed = is_placed(file.header)
        axes = nifti_axes(file, stored_zooms(file, path), path.name)
        affine = axes.affine(np.asarray(file.affine, np.float64))
        qform = qform_beside(file)
    if not placed:
        return None
    slices = axes.along in (None, 2)
    return Grid(affine, slices, None if qform is None else axes.affine(qform))


def _of_dicom(paths: Sequence[Path], name: str) -> Grid | None:
    frames = [
        (header, frame)
        for header in map(read_header, paths)
        for frame in range(int(header.get("NumberOfFrames") or 1))
    ]
    places = [numbers(of_frame(*one, "ImagePositionPatient")) for one in frames]
    along = numbers(of_frame(*frames[0], "ImageOrientationPatient"))
    spacing = numbers(of_frame(*frames[0], "PixelSpacing"))
    if len(along) != 6 or len(spacing) != 2 or any(len(one) != 3 for one in places):
        return None
    at = np.array(places)
    step = (at[-1] - at[0]) / max(len(at) - 1, 1)
    distance = float(np.linalg.norm(step))
    slices = distance > 0
    if not slices:  # one slice, or moments of it
        thick = numbers(of_frame(*frames[0], "SliceThickness"))
        normal = np.cross(along[:3], along[3:])
        step = normal * (thick[0] if thick and thick[0] > 0 else 1.0)
    even = at[0] + np.arange(len(at))[:, None] * step * slices
    if np.abs(at - even).max() > UNEVEN * np.linalg.norm(step):
        twice = len(at) - len(np.unique(at.round(2), axis=0))
        why = (
            f"{twice} of them lie where another one does, as in several phases or "
            "echoes: put those of one into a folder of their own"
            if twice
            else "their positions are uneven, and slices may be missing"
        )
        raise InputError(
            f"Expected evenly spaced slices in {name}, to bring masks on them, but "
            f"{why}; or give the masks as a DICOM SEG, which names the slice of each."
        )
    affine = np.eye(4)
    columns, rows = np.array(along[:3]) * spacing[1], np.array(along[3:]) * spacing[0]
    affine[:3, :3] = _TO_RAS @ np.stack([columns, rows, step], 1)
    affine[:3, 3] = _TO_RAS @ at[0]
    return Grid(affine, slices or len(at) == 1)
