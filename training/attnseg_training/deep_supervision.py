"""Logits of the decoder's blocks, for training only: `DeepSupervision`."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attnseg_training.losses import Loss
from napari_attnseg.spec import ModelSpec


class DeepSupervision(nn.Module):
    """A 1×1 convolution to logits behind each decoder block (Lee et al., AISTATS 2015).

    Kept beside the network, not in it: the weights that a run saves are those of the
    same model.
    """

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.heads = nn.ModuleList(nn.Conv2d(w, spec.classes, 1) for w in spec.decoder)

    def forward(self, maps: Sequence[Tensor], masks: Tensor, loss: Loss) -> Tensor:
        """Mean of the loss of each block's logits, resized to the masks' size."""
        size = (masks.shape[-2], masks.shape[-1])
        each = []
        for head, x in zip(self.heads, maps, strict=True):
            logits = F.interpolate(head(x).float(), size, mode="bilinear")
            each.append(loss(logits, masks))
        return torch.stack(each).mean()
