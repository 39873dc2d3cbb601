"""Losses on logits (N, classes, H, W) and targets in [0, 1], as functions: `LOSSES`.

Pixels whose target is NaN are ignored: no sum or mean contains them, and they have no
gradient; see `napari_attnseg.ignored`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from scipy.ndimage import distance_transform_edt
from torch import Tensor, nn

from napari_attnseg.errors import UnknownNameError
from napari_attnseg.ignored import known_pixels
from napari_attnseg.models.decoder import conv_bn_relu
from napari_attnseg.spec import ModelSpec

Loss = Callable[[Tensor, Tensor], Tensor]


def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Binary cross-entropy, averaged over the pixels that are known."""
    target, known = known_pixels(target)
    if known is None:
        return F.binary_cross_entropy_with_logits(logits, target)
    each = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return _mean(each, known)


def _mean(values: Tensor, known: Tensor) -> Tensor:
    """Mean over the known pixels; 0 where there is none."""
    return (values * known).sum() / known.sum().clamp(min=1)


def _probability(logits: Tensor, known: Tensor | None) -> Tensor:
    """Probability, 0 where pixels are ignored."""
    probability = torch.sigmoid(logits)
    return probability if known is None else probability * known


def bce_dice(logits: Tensor, target: Tensor, smooth: float = 1.0) -> Tensor:
    """Binary cross-entropy plus per-image soft Dice loss, averaged over the batch.

    Dice is computed per image, not over the flattened batch as in the paper, so that a
    small lesion counts as much as a large one in another image.

    Parameters
    ----------
    logits, target : Tensor, shape (N, classes, H, W)
        Target in [0, 1]; NaN where it is ignored.
    smooth : float
        Number that is added to numerator and denominator of Dice, so that it is defined
        for empty masks.
    """
    bce = cross_entropy(logits, target)
    target, known = known_pixels(target)
    probability = _probability(logits, known)
    overlap = (probability * target).sum((2, 3))
    total = probability.sum((2, 3)) + target.sum((2, 3))
    return bce + 1 - ((2 * overlap + smooth) / (total + smooth)).mean()


def bce_dice_published(logits: Tensor, target: Tensor, smooth: float = 1e-6) -> Tensor:
    """Binary cross-entropy plus soft Dice loss over the flattened batch.

    This is the loss of the paper's released code: large lesions of a batch outweigh
    small ones. If a batch is computed in pieces (several processes, ``accumulate``),
    Dice is computed for each piece.
    """
    bce = cross_entropy(logits, target)
    target, known = known_pixels(target)
    probability = _probability(logits, known)
    overlap = (probability * target).sum()
    total = probability.sum() + target.sum()
    return bce + 1 - (2 * overlap + smooth) / (total + smooth)


def structure(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy and IoU loss, both weighted by how near a pixel is to the boundary.

    The weight is 1 + 5 · |mean of the 31×31 neighbourhood − target|, 1 to 6. In code
    that is often copied for this loss, the cross-entropy is averaged before it is
    weighted, so that the weights have no effect. Here they have.

    References
    ----------
    Wei, Wang, Huang: F³Net, AAAI 2020. Fan et al.: PraNet, MICCAI 2020.
    """
    target, known = known_pixels(target)
    # Beyond the border there is no neighbour: not background.
    around = F.avg_pool2d(target, 31, 1, 15, count_include_pad=False)
    if known is not None:
        share = F.avg_pool2d(known, 31, 1, 15, count_include_pad=False)
        around = around / share.clamp(min=1e-6)
    weight = 1 + 5 * (around - target).abs()
    if known is not None:
        weight = weight * known
    bce = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    bce = (weight * bce).sum((2, 3)) / weight.sum((2, 3)).clamp(min=1e-6)
    probability = torch.sigmoid(logits)
    overlap = (weight * probability * target).sum((2, 3))
    union = (weight * (probability + target)).sum((2, 3)) - overlap
    return (bce + 1 - (overlap + 1) / (union + 1)).mean()


def lovasz_hinge(logits: Tensor, target: Tensor) -> Tensor:
    """Convex surrogate of 1 − IoU, per image and class; targets above 1/2 are 1.

    References
    ----------
    Berman, Triki, Blaschko: The Lovász-Softmax loss, CVPR 2018, algorithm 1.
    """
    target, known = known_pixels(target)
    labels = (target >= 0.5).to(logits.dtype).flatten(2)
    errors = 1 - logits.flatten(2) * (2 * labels - 1)
    if known is not None:  # sorted behind all others, and worth nothing there
        errors = errors.masked_fill(known.flatten(2) == 0, -torch.inf)
    errors, order = errors.sort(dim=2, descending=True)
    labels = labels.gather(2, order)
    # 1 − IoU if the pixels up to here, the worst ones, are wrong …
    total = labels.sum(2, keepdim=True)
    overlap = total - labels.cumsum(2)
    union = total + (1 - labels).cumsum(2)
    jaccard = 1 - overlap / union
    # … and what each of them adds to it.
    added = torch.diff(jaccard, dim=2, prepend=torch.zeros_like(total))
    return (F.relu(errors) * added).sum(2).mean()


def bce_lovasz(logits: Tensor, target: Tensor) -> Tensor:
    """Binary cross-entropy plus `lovasz_hinge`, which alone trains badly at first."""
    return cross_entropy(logits, target) + lovasz_hinge(logits, target)


def boundary(logits: Tensor, target: Tensor) -> Tensor:
    """Mean of probability × signed distance to the true boundary, in image heights.

    The distance is negative inside. An image without a boundary contributes 0. The loss
    is smallest for the true mask, but it does not help when a prediction is far from
    it; therefore add it to another loss.

    References
    ----------
    Kervadec et al.: Boundary loss for highly unbalanced segmentation, MIDL 2019.
    """
    target, known = known_pixels(target)
    masks = target.detach().cpu().numpy() >= 0.5
    distance = np.zeros(masks.shape, np.float32)
    for index in np.ndindex(masks.shape[:2]):
        inside = masks[index]
        if inside.any() and not inside.all():
            # Half a pixel, so that it is symmetric about the edge between two pixels.
            outer = distance_transform_edt(~inside) - 0.5
            inner = distance_transform_edt(inside) - 0.5
            distance[index] = np.where(inside, -inner, outer)
    signed = torch.from_numpy(distance).to(logits.device) / masks.shape[2]
    off: Tensor = torch.sigmoid(logits) * signed
    return off.mean() if known is None else _mean(off, known)


def bce_dice_boundary(logits: Tensor, target: Tensor) -> Tensor:
    """`bce_dice` plus `boundary`."""
    return bce_dice(logits, target) + boundary(logits, target)


#: Setting ``loss`` → function.
LOSSES: dict[str, Loss] = {
    "bce_dice": bce_dice,
    "bce_dice_published": bce_dice_published,
    "structure": structure,
    "bce_lovasz": bce_lovasz,
    "bce_dice_boundary": bce_dice_boundary,
}


def loss_function(name: str) -> Loss:
    """Return the loss of a name in `LOSSES`, or raise an `UnknownNameError`."""
    try:
        return LOSSES[name]
    except KeyError:
        raise UnknownNameError.for_name("loss", name, list(LOSSES)) from None


class DeepSupervision(nn.Module):
    """Deep supervision by 1×1 convolutions (Lee et al., AISTATS 2015).

    Its layers are kept outside the network, so that the saved weights are those of the
    plain model.
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


class AuxiliaryHeads(nn.Module):
    """A small head for each of the two encoders, on its maps alone.

    Heads are kept outside the network, as in `DeepSupervision`.
    """

    def __init__(self, widths: Sequence[int], classes: int, width: int = 64) -> None:
        super().__init__()
        self.projections = nn.ModuleList(
            nn.ModuleList(nn.Conv2d(w, width, 1) for w in widths) for _ in range(2)
        )
        self.heads = nn.ModuleList(
            nn.Sequential(conv_bn_relu(width, width), nn.Conv2d(width, classes, 1))
            for _ in range(2)
        )

    def forward(
        self, pairs: Sequence[Sequence[Tensor]], masks: Tensor, loss: Loss
    ) -> Tensor:
        """Mean of the loss of both encoders' own logits, resized to the masks' size.

        Parameters
        ----------
        pairs : sequence of (Tensor, Tensor)
            From `SegmentationNetwork.align`: maps of CNN and transformer per level.
        masks : Tensor, shape (N, classes, S, S)
        loss : callable
            Loss function of (logits, masks).
        """
        size, finest = masks.shape[-2:], pairs[0][0].shape[-2:]
        each = []
        for encoder, head in enumerate(self.heads):
            projections = cast(nn.ModuleList, self.projections[encoder])
            maps = [
                F.interpolate(projection(pair[encoder]), finest, mode="bilinear")
                for projection, pair in zip(projections, pairs, strict=True)
            ]
            logits = head(torch.stack(maps).sum(0)).float()
            logits = F.interpolate(logits, (size[0], size[1]), mode="bilinear")
            each.append(loss(logits, masks))
        return torch.stack(each).mean()
