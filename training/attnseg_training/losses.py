"""Losses on logits, as functions."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def bce_dice(logits: Tensor, target: Tensor, smooth: float = 1.0) -> Tensor:
    """Binary cross-entropy plus per-image soft Dice loss, averaged over the batch.

    Per image and not over the flattened batch (the paper's), so that a small lesion
    counts as much as a large one beside it.

    Parameters
    ----------
    logits, target : Tensor, shape (N, classes, H, W)
        Target in [0, 1].
    smooth : float
        Pixels added to both sides of the Dice ratio; keeps empty masks defined.
    """
    bce = F.binary_cross_entropy_with_logits(logits, target)
    probability = torch.sigmoid(logits)
    overlap = (probability * target).sum((2, 3))
    total = probability.sum((2, 3)) + target.sum((2, 3))
    return bce + 1 - ((2 * overlap + smooth) / (total + smooth)).mean()
