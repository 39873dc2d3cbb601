"""Reading NIfTI images, where nibabel is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.errors import InputError

SUFFIXES = (".nii.gz", ".nii")


def is_nifti(path: Path) -> bool:
    """Whether a file is one, by its name."""
    return path.name.lower().endswith(SUFFIXES)


def read_nifti(path: Path) -> NDArray[Any]:
    """One 2D NIfTI image as rows and columns (H, W).

    NIfTI's first axis is x, so it is turned over.

    Raises
    ------
    InputError
        If nibabel is missing, or the file cannot be read or is not 2D.
    """
    try:
        import nibabel
    except ImportError as error:
        raise InputError(
            f"Reading {path.name} needs nibabel, which is not installed; run "
            'pip install "napari-attnseg[nifti]", or convert the images to PNG.'
        ) from error
    try:
        values = np.asarray(nibabel.load(path).dataobj)
    # As for other images: many kinds of error, one meaning.
    except Exception as error:
        raise InputError(
            f"{path.name} cannot be read as NIfTI ({error}); replace it."
        ) from error
    if values.ndim < 2 or values.size != values.shape[0] * values.shape[1]:
        raise InputError(
            f"Expected one 2D image in {path.name}, but it has shape {values.shape}; "
            "take single frames out of it."
        )
    return values.reshape(values.shape[:2]).T
