"""Control maps: simple maps that a gate map may merely repeat."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from attnseg_training.transforms import LUMA
from napari_attnseg.rank_statistics import auroc

#: Names of the control maps.
CONTROLS = (
    "brightness",
    "edges",
    "frame border",
    "image centre",
    "the model's own mask",
)
#: Darker than this (of 1) is taken for the black frame around an endoscopic image.
FRAME = 0.06


def trivial_maps(image: Tensor, probability: Tensor) -> dict[str, Tensor]:
    """Compute the control maps, `CONTROLS` → (N, 1, S, S).

    Parameters
    ----------
    image : Tensor, shape (N, 3, S, S), in [0, 1]
    probability : Tensor, shape (N, 1, S, S), in [0, 1]
        The model's own probability; a map that repeats it explains nothing new.
    """
    weights = image.new_tensor(LUMA).view(1, 3, 1, 1)
    grey = (image * weights).sum(1, keepdim=True)
    line = torch.linspace(-1, 1, grey.shape[-1], device=image.device)
    centre = -(line[:, None] ** 2 + line[None, :] ** 2).sqrt()
    maps = (
        grey,
        _gradient(grey),
        (F.avg_pool2d(grey, 9, 1, 4) < FRAME).float(),
        centre.expand_as(grey),
        probability,
    )
    return dict(zip(CONTROLS, maps, strict=True))


def at_size(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Average maps over the cells of a coarser grid; returns (N, 1, h, w)."""
    return F.adaptive_avg_pool2d(maps, size)


def localisation(
    values: NDArray[np.floating[Any]], truth: NDArray[np.floating[Any]]
) -> float:
    """AUROC of a map for the cells that are half lesion or more.

    `truth` is the share of lesion of each cell, from `at_size`; cells with an ignored
    pixel, where it is NaN, are left out.
    """
    score, share = values.ravel(), truth.ravel()
    known = np.isfinite(share)
    return auroc(score[known], share[known] >= 0.5)


def _gradient(grey: Tensor) -> Tensor:
    sobel = grey.new_tensor([[1, 0, -1], [2, 0, -2], [1, 0, -1]]) / 8
    kernels = torch.stack([sobel, sobel.T])[:, None]
    slopes = F.conv2d(F.pad(grey, (1, 1, 1, 1), mode="replicate"), kernels)
    return (slopes**2).sum(1, keepdim=True).sqrt()
