"""The two ways in which a NIfTI file says where it lies: its qform and its sform.

nibabel, and so this project, takes the sform if both are stated; other programs take
the qform. Where a program changed only one of the two, they contradict each other.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Largest distance, in voxels, between the places of a voxel by both forms.
APART = 0.5
#: Codes of an sform from this one on mean a template's space, such as MNI, which the
#: qform is not about.
_TEMPLATE = 3


def is_placed(header: Any) -> bool:
    """Whether the header of a NIfTI file says where the file lies."""
    return int(header["qform_code"]) > 0 or int(header["sform_code"]) > 0


def qform_beside(image: Any) -> NDArray[np.float64] | None:
    """Affine (4, 4) of the qform of a file that is placed by its sform.

    None if only one of the two is stated, the qform is damaged, or the sform is about a
    template's space and the qform is not.

    Parameters
    ----------
    image : nibabel.Nifti1Image
    """
    header = image.header
    own, used = int(header["qform_code"]), int(header["sform_code"])
    if own <= 0 or used <= 0 or (own != used and used >= _TEMPLATE):
        return None
    try:
        return np.asarray(header.get_qform(), np.float64)
    except ValueError:  # no rotation is stored there
        return None


def contradict(image: Any) -> bool:
    """Whether qform and sform of a file place a voxel more than half a voxel apart."""
    other = qform_beside(image)
    if other is None:
        return False
    affine = np.asarray(image.affine, np.float64)
    try:
        between = np.linalg.solve(affine, other)
    except np.linalg.LinAlgError:
        return True
    shape = (*image.shape, 1, 1)[:3]
    return apart(between, np.eye(4), shape) > APART


def apart(
    one: NDArray[np.floating], other: NDArray[np.floating], shape: tuple[int, ...]
) -> float:
    """Largest distance along an axis between the corners of a volume by two maps.

    Parameters
    ----------
    one, other : ndarray, shape (4, 4)
        Maps of the index of a voxel to another index.
    shape : (int, int, int)
        Shape of the volume.
    """
    corners = [(*at, 1) for at in product(*((0, n - 1) for n in shape))]
    moved = np.array(corners) @ (one - other)[:3].T
    return float(np.nan_to_num(np.abs(moved), nan=np.inf).max())
