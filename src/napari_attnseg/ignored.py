"""Pixels that are neither lesion nor background: NaN in true masks.

NaN and no number: what forgets to leave such pixels out has NaN as its result and is
noticed. Whatever is computed from a neighbourhood with one of them is NaN as well, so
that resizing, turning and averaging need to know nothing of it.
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
        1 where it is known, 0 where it is ignored, of its shape and dtype; None: all
        of it is known, and `truth` is returned as it is.
    """
    ignored = torch.isnan(truth)
    if not bool(ignored.any()):
        return truth, None
    return truth.masked_fill(ignored, 0), (~ignored).to(truth.dtype)
