"""Masks as NIfTI, and as PNG with the number of the class in each pixel."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_attnseg.errors import InputError
from napari_attnseg.exports.masks import MaskSeries
from napari_attnseg.io.files import png_bytes
from napari_attnseg.io.readers.nifti import SINGLE_AXIS
from napari_attnseg.objects.physical import millimetres


def png_files(one: MaskSeries) -> dict[str, bytes]:
    """PNG bytes of each mask by its name: 0 is background, 1, 2 … are the classes."""
    found = {}
    for i, mask in enumerate(one.masks):
        frame = "" if one.frames is None else f"_{one.frames[i]:06d}"
        found[f"{one.stem}{frame}_labels.png"] = png_bytes(mask.astype(np.uint8))
    return found


def nifti_bytes(one: MaskSeries) -> bytes:
    """Make a compressed NIfTI of labels; x points to the right, y downwards.

    If the image was a NIfTI file of the same size, its affine is kept. Otherwise the
    affine holds only the size of a pixel in mm, or 1 if that is not known, and no
    position.

    Raises
    ------
    InputError
        If nibabel is missing.
    """
    try:
        import nibabel
    except ImportError as error:
        raise InputError(
            "Writing NIfTI needs nibabel, which is not installed; run "
            'pip install "napari-attnseg[nifti]", or choose another format.'
        ) from error
    values = one.masks.transpose(2, 1, 0).astype(np.uint8)
    source = _source(one, nibabel)
    single = (one.provenance.get("file_facts") or {}).get(SINGLE_AXIS)
    if source is not None and single is not None and values.shape[2] == 1:
        values = np.moveaxis(values, 2, single)
    if source is not None and source.shape[:2] == values.shape[:2]:
        count = source.shape[2] if len(source.shape) > 2 else 1
        some = one.frames is not None and len(one.frames) != count
        if one.frames is not None and some and single is None:
            whole = np.zeros((*values.shape[:2], count), np.uint8)
            whole[..., list(one.frames)] = values
            values = whole
        image = nibabel.Nifti1Image(values, source.affine, dtype=np.uint8)
        image.header.set_xyzt_units(*source.header.get_xyzt_units())
    else:
        size = millimetres(one.pixel)
        height, width = size or (1.0, 1.0)
        affine = np.diag([-width, -height, 1.0, 1.0])
        image = nibabel.Nifti1Image(values, affine, dtype=np.uint8)
        image.header.set_xyzt_units("mm" if size else "unknown")
        # Neither form: nothing is known of where it lies in space.
        image.set_sform(None)
        image.set_qform(None)
        image.header.set_zooms((width, height, 1.0))
    import gzip

    # Without a date, so that the same masks give the same file.
    return gzip.compress(image.to_bytes(), mtime=0)


def _source(one: MaskSeries, nibabel: Any) -> Any:
    """The image's own NIfTI file; None for any other."""
    path = one.image
    if path is None or not path.name.lower().endswith((".nii", ".nii.gz")):
        return None
    try:
        return nibabel.load(path)
    except Exception:  # it was read when it was segmented; now its affine is unknown
        return None
