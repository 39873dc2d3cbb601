"""Candidates for a combination of the four gate maps in one map.

Validation images decide which of them, if any, is shown as the "at a glance" map
(``attnseg-train faithfulness --split val``). The decision is recorded in the model
card.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_attnseg.spec import STRIDES


class Levels(NamedTuple):
    """The gates of N images at the size of the finest.

    Attributes
    ----------
    psi : Tensor, shape (N, 4, h, w), in [0, 1]
        Attention coefficients, finest level first.
    stakes : Tensor, shape (4, 1, 1)
        How much the choice at each level matters: mean of |measured trust| over
        regions and images of a data set.
    contribution : Tensor, shape (N, 4, h, w)
        Size of the contributions of both encoders, per level and location.
    """

    psi: Tensor
    stakes: Tensor
    contribution: Tensor


def levels(
    attention: Mapping[int, Tensor],
    stakes: Mapping[str, float],
    contributions: Mapping[int, tuple[Tensor, Tensor]],
) -> Levels:
    """Collect the gates of N images.

    Parameters
    ----------
    attention : mapping
        Stride → psi (N, 1, h, w).
    stakes : mapping
        ``"1/4"`` … → mean of |measured trust|.
    contributions : mapping
        From `contributions.encoder_contributions`.
    """
    finest = attention[STRIDES[0]]
    size = (finest.shape[-2], finest.shape[-1])

    def together(maps: list[Tensor]) -> Tensor:
        return torch.cat([F.interpolate(m, size, mode="bilinear") for m in maps], 1)

    sizes = [
        (contributions[s][0].abs() + contributions[s][1].abs())[:, None]
        for s in STRIDES
    ]
    weights = torch.tensor([stakes[f"1/{s}"] for s in STRIDES], device=finest.device)
    return Levels(
        together([attention[s] for s in STRIDES]),
        weights.view(-1, 1, 1),
        together(sizes),
    )


def _weighted(psi: Tensor, weight: Tensor) -> Tensor:
    total = weight.expand_as(psi).sum(1, keepdim=True).clamp(min=1e-12)
    return (psi * weight).sum(1, keepdim=True) / total


#: Name → map (N, 1, h, w) in [0, 1] of the gates of N images.
COMBINATIONS: dict[str, Callable[[Levels], Tensor]] = {
    "mean of all": lambda m: m.psi.mean(1, keepdim=True),
    "mean of the coarse two": lambda m: m.psi[:, 2:].mean(1, keepdim=True),
    "product": lambda m: m.psi.clamp(min=1e-6).log().mean(1, keepdim=True).exp(),
    "weighted by measured trust": lambda m: _weighted(m.psi, m.stakes),
    "weighted by contribution": lambda m: _weighted(m.psi, m.contribution),
}
