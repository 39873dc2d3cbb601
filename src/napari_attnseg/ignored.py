"""Pixels that are neither lesion nor background: NaN in true masks.

They are marked by NaN, not by a number, so that an error is noticed: code that forgets
to leave them out gets NaN as its result. Values that are computed from a neighbourhood
with such a pixel are NaN as well, so resizing, turning and averaging need no special
code.
"""

from __future__ import annotations

import torch
from torch import Tensor

#: Value of an ignored pixel in a true mask of floats.
IGNORED = float("nan")


def known_pixels(truth: Tensor) -> tuple[Tensor, Tensor | None]:
    """Separate a true mask from the pixels that are ignored in it.

    Parameters
    ----------
    truth : Tensor
        True mask in [0, 1]; NaN where it is ignored.

    Returns
    -------
    Tensor
        `truth` with 0 where it is ignored.
    Tensor or None
        1 where the mask is known and 0 where it is ignored, with the shape and dtype of
        `truth`. None if all pixels are known; then `truth` is returned unchanged.
    """
    ignored = torch.isnan(truth)
    if not bool(ignored.any()):
        return truth, None
    return truth.masked_fill(ignored, 0), (~ignored).to(truth.dtype)
