"""Trivial maps that a gate may merely repeat, and where a map is high."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from attnseg_training.transforms import LUMA

#: Darker than this (of 1) is taken for the black frame around an endoscopic image.
FRAME = 0.06


def trivial_maps(image: Tensor, probability: Tensor) -> dict[str, Tensor]:
    """What a gate map is compared with, each (N, 1, S, S).

    Parameters
    ----------
    image : Tensor, shape (N, 3, S, S), in [0, 1]
    probability : Tensor, shape (N, 1, S, S), in [0, 1]
        The model's own output: a map that repeats it explains nothing new.
    """
    weights = image.new_tensor(LUMA).view(1, 3, 1, 1)
    grey = (image * weights).sum(1, keepdim=True)
    line = torch.linspace(-1, 1, grey.shape[-1], device=image.device)
    centre = -(line[:, None] ** 2 + line[None, :] ** 2).sqrt()
    return {
        "brightness": grey,
        "edges": _gradient(grey),
        "frame border": (F.avg_pool2d(grey, 9, 1, 4) < FRAME).float(),
        "image centre": centre.expand_as(grey),
        "the model's own mask": probability,
    }


def at_size(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Mean over the cells of a coarser grid: (N, 1, h, w)."""
    return F.adaptive_avg_pool2d(maps, size)


def _gradient(grey: Tensor) -> Tensor:
    sobel = grey.new_tensor([[1, 0, -1], [2, 0, -2], [1, 0, -1]]) / 8
    kernels = torch.stack([sobel, sobel.T])[:, None]
    slopes = F.conv2d(F.pad(grey, (1, 1, 1, 1), mode="replicate"), kernels)
    return (slopes**2).sum(1, keepdim=True).sqrt()
