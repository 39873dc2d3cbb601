"""Numbers of mask files, as other programs may have saved them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.errors import InputError


def grey_of(pixels: NDArray[Any], name: str) -> NDArray[Any]:
    """Numbers (H, W) of a mask that may have been saved as RGB or with alpha.

    Transparent pixels are background. Where all others have one colour, alpha is the
    mask.

    Parameters
    ----------
    pixels : ndarray, shape (H, W), (H, W, 3) or (H, W, 4)
    name : str
        For messages.

    Raises
    ------
    InputError
        If it is in colour, or half transparent in part.
    """
    if pixels.ndim == 2:
        return pixels
    grey, alpha = pixels[..., 0], pixels[..., 3:]
    shown = alpha[..., 0] > 0 if alpha.size else np.ones(grey.shape, bool)
    if pixels.ndim != 3 or (pixels[shown][..., :3] != grey[shown][..., None]).any():
        raise InputError(
            f"Expected a mask of grey numbers in {name}, but it is in colour; save it "
            "as grey, 0 for background and 255 for the lesion, or a number per class."
        )
    if alpha.size == 0:
        return grey
    opacity, opaque = alpha[..., 0], alpha.max()
    if (opacity == opaque).all():
        return grey
    if len(np.unique(grey[shown])) <= 1:
        return opacity
    if not np.isin(opacity, (0, opaque)).all():
        raise InputError(
            f"Expected a mask without transparency in {name}, but parts of it are half "
            "transparent; save it as grey, without alpha."
        )
    return np.where(shown, grey, grey.dtype.type(0))
