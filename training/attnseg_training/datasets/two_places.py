"""Refuse masks that lie elsewhere by the qforms than by the sforms of NIfTI files."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets.rules import Rule, RuleError
from napari_attnseg.io.readers.nifti_forms import APART, apart

Affine = NDArray[np.float64]


def expect_one_place(
    mask: tuple[Affine, Affine | None],
    image: tuple[Affine, Affine | None],
    shape: tuple[int, ...],
    name: str,
    other: str,
) -> None:
    """Check that both forms bring a mask to the same place in its image.

    Parameters
    ----------
    mask, image : (ndarray, ndarray or None)
        Affine (4, 4) that is used, and that of `nifti_forms.qform_beside`.
    shape : (int, int, int)
        Shape of the mask.
    name, other : str
        Names of mask and image, for messages.

    Raises
    ------
    RuleError
        If they do not.
    """
    if mask[1] is None and image[1] is None:
        return
    by_qform = [one[0] if one[1] is None else one[1] for one in (image, mask)]
    try:
        far = apart(
            np.linalg.solve(image[0], mask[0]), np.linalg.solve(*by_qform), shape
        )
    except np.linalg.LinAlgError:
        far = np.inf
    if far > APART:
        raise RuleError(
            Rule.GRID,
            f"Expected one place of the mask {name} in the image {other}, but their "
            f"qform and sform contradict each other: by the one the mask lies up to "
            f"{far:.3g} voxels from where it lies by the other; correct the wrong one "
            "in the file (nibabel: set_qform, set_sform), or save the mask again with "
            "the header of the image.",
        )
