"""Masks in NIfTI and DICOM files, as numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from attnseg_training.datasets.nifti import is_nifti, read_nifti_mask
from attnseg_training.datasets.rules import Rule, RuleError
from napari_attnseg.errors import InputError
from napari_attnseg.io.readers import read_picture
from napari_attnseg.io.readers.dicom_seg import is_segmentation, read_segmentation
from napari_attnseg.io.readers.formats import FileFormat, file_format


def read_numbers(path: Path, like: Path | None) -> NDArray[Any] | None:
    """Numbers (H, W) of a NIfTI or DICOM mask; None: the file is a picture.

    Parameters
    ----------
    path : Path
    like : Path or None
        NIfTI image to whose grid a NIfTI mask is brought.

    Raises
    ------
    RuleError
        If it cannot be read, holds masks of several images, or does not fit `like`.
    """
    if is_nifti(path):
        return read_nifti_mask(path, like)
    if file_format(path) is not FileFormat.DICOM:
        return None
    try:
        if not is_segmentation(path):
            found = read_picture(path)
            return _flat(found.pixels, path, found.profile is not None)
        planes = read_segmentation(path)
    except InputError as error:
        raise RuleError(
            Rule.UNREADABLE, f"The mask {path.name} cannot be read: {error}"
        ) from error
    if len(planes) != 1:
        raise RuleError(
            Rule.PAGES,
            f"Expected the mask of one image in {path.name}, but it is a DICOM SEG of "
            f"{len(planes)} images; run attnseg-train frames IMAGES {path.name} --out "
            "FOLDER, and give that folder.",
        )
    return planes[0].labels


def _flat(values: NDArray[Any], path: Path, converted: bool) -> NDArray[Any]:
    if values.ndim == 2:
        return values
    # Numbers of a mask are no colours, and a profile changes them.
    if not converted and (values == values[..., :1]).all():
        return values[..., 0]
    raise RuleError(
        Rule.UNCLEAR_COLOURS,
        f"Expected grey numbers in the mask {path.name}, but it is a DICOM image in "
        "colour; export it in grey.",
    )
