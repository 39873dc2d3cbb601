"""Gate objectives: damaged inputs, encoder dropout and trust loss, off by default.

Two encoders that see the same clean image are redundant. Then nothing gives the gate's
pattern a meaning (this was measured; see docs/experiments.md). There are four remedies:

* one-sided damage: a rectangle of one encoder's input is replaced, so that only the
  other encoder sees the image there;
* encoder dropout: in some steps psi is forced to 0 or 1 everywhere, so that the decoder
  learns to use either encoder alone, and a forced gate is not a new kind of input;
* random gates: in some steps psi is 0 or 1 at random in each region, so that the
  decoder learns to use any mixture of both encoders;
* trust loss: psi is trained towards the encoder that was measured to be better.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from napari_attnseg.explanations.interventions import Pairs
from napari_attnseg.explanations.trust import REGIONS, cells
from napari_attnseg.ignored import known_pixels
from napari_attnseg.models.network import SegmentationNetwork
from napari_attnseg.spec import STRIDES


class Damage(NamedTuple):
    """One damaged rectangle per image.

    Attributes
    ----------
    where : Tensor, shape (N, 1, S, S)
        1 in the rectangle; all 0 for an image that is left alone.
    cnn : Tensor of bool, shape (N, 1, 1, 1)
        Whether the CNN's input is damaged; the transformer's otherwise.
    noise : Tensor of bool, shape (N, 1, 1, 1)
        Whether the rectangle is replaced by noise; otherwise by the same part of
        another image.
    severity : Tensor, shape (N, 1, 1, 1), in [0.5, 1]
        Weight of the replacement; the original keeps the remaining weight.
    seed : int
        Seed of that noise.
    """

    where: Tensor
    cnn: Tensor
    noise: Tensor
    severity: Tensor
    seed: int


def draw_damage(seeds: Sequence[tuple[int, ...]], size: int, share: float) -> Damage:
    """Choose a random `share` of the images and a rectangle in each, from the seeds.

    The damaged parts are rectangles whose sides are 0.2 to 0.7 times those of the
    image.
    """
    where = torch.zeros(len(seeds), 1, size, size)
    cnn, noise, severity = [], [], []
    for i, seed in enumerate(seeds):
        rng = np.random.default_rng((3, *seed))
        damaged = rng.random() < share
        height, width = (rng.uniform(0.2, 0.7, 2) * size).astype(int)
        top, left = rng.integers(size - height), rng.integers(size - width)
        cnn.append(rng.random() < 0.5)
        noise.append(rng.random() < 0.5)
        # Half of the damage is complete.
        severity.append(min(1.0, rng.uniform(0.5, 1.5)))
        if damaged:
            where[i, :, top : top + height, left : left + width] = 1
    shape = (len(seeds), 1, 1, 1)
    return Damage(
        where,
        torch.tensor(cnn).view(shape),
        torch.tensor(noise).view(shape),
        torch.tensor(severity).view(shape),
        int(np.random.default_rng((4, *seeds[0])).integers(2**31)),
    )


def damage(maps: Tensor, drawn: Damage, encoder: str) -> Tensor:
    """Damage the input of one encoder: images or tokens (N, ..., h, w).

    Noise has the mean and standard deviation of `maps`. If the batch has only one
    image, noise is always used.
    """
    hit = drawn.cnn if encoder == "cnn" else ~drawn.cnn
    size = (maps.shape[-2], maps.shape[-1])
    where = F.adaptive_avg_pool2d(drawn.where * hit, size) >= 0.5
    if not bool(where.any()):
        return maps
    shape = (len(maps), *[1] * (maps.ndim - 3), *size)
    # Where it is used: half a million numbers for each image, drawn on the CPU, take
    # longer than a step on a GPU.
    generator = torch.Generator(maps.device).manual_seed(drawn.seed)
    noise = torch.randn(maps.shape, generator=generator, device=maps.device)
    noise = maps.mean() + maps.std() * noise
    each = (-1, *[1] * (maps.ndim - 1))
    use_noise = drawn.noise.to(maps.device).view(each)
    other = torch.where(use_noise, noise, maps.roll(1, 0))
    severity = drawn.severity.to(maps.device, maps.dtype).view(each)
    replaced = torch.lerp(maps, other.to(maps.dtype), severity)
    return torch.where(where.to(maps.device).view(shape), replaced, maps)


def dropped_encoder(rng: np.random.Generator, rate: float) -> dict[int, Tensor]:
    """Draw whether a step uses one encoder alone, and which.

    Returns
    -------
    dict of int to Tensor
        With probability `rate`, the same psi (0 or 1) for every stride; otherwise
        empty.
    """
    if rng.random() >= rate:
        return {}
    return dict.fromkeys(STRIDES, torch.tensor(float(rng.integers(2))))


#: Regions per side of random gates; 1: the same psi in all of the map.
_FIELD_SIDES = (1, 2, 3, 4, 6)


def random_gates(
    rng: np.random.Generator, sizes: Sequence[tuple[int, int]], images: int, rate: float
) -> dict[int, Tensor]:
    """Draw whether a step uses random gates, and which.

    Parameters
    ----------
    rng : numpy.random.Generator
        Random generator of these draws.
    sizes : sequence of (int, int)
        Rows and columns of each level's maps, finest first.
    images : int
        Number of images N of the batch.
    rate : float
        Probability of random gates.

    Returns
    -------
    dict of int to Tensor, shape (N, 1, h, w)
        Stride → psi, 0 or 1 in each of up to 6×6 regions; half of the images have the
        same regions at all levels. Empty with probability 1 - `rate`.
    """
    if rng.random() >= rate:
        return {}
    each = []
    for _ in range(images):
        alike, fields = rng.random() < 0.5, []
        for _ in sizes:
            side = int(rng.choice(_FIELD_SIDES))
            field = rng.integers(0, 2, (side, side))
            fields.append(torch.from_numpy(field).float()[None, None])
        each.append(fields[:1] * len(sizes) if alike else fields)
    return {
        stride: torch.cat([F.interpolate(f[level], size) for f in each])
        for level, (stride, size) in enumerate(zip(STRIDES, sizes, strict=True))
    }


def labelled_trust_loss(psi: Mapping[int, Tensor], difference: Tensor) -> Tensor:
    """BCE between psi and the encoder that errs less, weighted by how much less.

    Parameters
    ----------
    psi : mapping of int to Tensor, shape (N, 1, h, w)
        Stride → weight of the CNN.
    difference : Tensor, shape (N, 1, H, W)
        Pixel loss of the CNN alone minus that of the transformer alone, on images that
        neither was trained on; 0 where both losses are equal.

    Returns
    -------
    Tensor
        Mean over the levels; 0 if the encoders differ at no pixel.
    """
    losses = []
    for weight in psi.values():
        size = (weight.shape[-2], weight.shape[-1])
        pooled = F.adaptive_avg_pool2d(difference, size)
        better = (pooled < 0).float()
        bce = F.binary_cross_entropy_with_logits(
            weight.float().logit(1e-4), better, weight=pooled.abs(), reduction="sum"
        )
        losses.append(bce / pooled.abs().sum().clamp(min=1e-6))
    return torch.stack(losses).mean()


def with_damage(difference: Tensor, drawn: Damage) -> Tensor:
    """Replace differences (N, 1, h, w) in damaged parts by those of the damage.

    What was measured on the clean image does not hold where one encoder's input is
    replaced. There the loss of that encoder counts as larger by 1.
    """
    size = (difference.shape[-2], difference.shape[-1])
    where = F.adaptive_avg_pool2d(drawn.where, size).to(difference.device) >= 0.5
    sign = torch.where(drawn.cnn, 1.0, -1.0).to(difference.device)
    return torch.where(where, sign.expand_as(difference), difference)


def trust_loss(
    network: SegmentationNetwork,
    pairs: Pairs,
    fused: Sequence[Tensor],
    attention: dict[int, Tensor],
    masks: Tensor,
    rng: np.random.Generator,
    together: bool = True,
) -> Tensor:
    """BCE between psi and the sign of measured trust, on half of the regions.

    In a random half of the regions, psi is forced to the transformer and then to the
    CNN; the trust of a region is the difference of the two pixel losses in it. This
    takes two passes of the decoder without gradient, for any number of regions.

    Parameters
    ----------
    network : SegmentationNetwork
        Network in training mode.
    pairs, fused, attention : as from `SegmentationNetwork.align` and `fuse`
        Tensors of a batch of N images, with gradients of psi.
    masks : Tensor, shape (N, classes, S, S)
        True masks; NaN marks ignored pixels, which count for neither encoder.
    rng : numpy.random.Generator
        Random generator of the regions and of the gate.
    together : bool
        If true, all gates are forced together, and every gate learns, with equal
        weights, from the half of the regions with the larger effect. Otherwise one
        gate, drawn in each step, is forced, and regions are weighted by their effect.
    """
    weights = network.psi_of_cnn(attention)
    levels = [*range(len(STRIDES))] if together else [int(rng.integers(len(STRIDES)))]
    sizes = {level: fused[level].shape[-2:] for level in levels}
    k = min(REGIONS, *(side for size in sizes.values() for side in size))
    regions = {  # level → (R, 1, h, w)
        level: cells((size[0], size[1]), k).to(masks.device)
        for level, size in sizes.items()
    }
    chosen = torch.from_numpy(rng.random((len(masks), k * k)) < 0.5)
    chosen = chosen.to(masks.device, masks.dtype)  # (N, R)
    target, known = known_pixels(masks)
    losses = []
    modes = {module: module.training for module in network.decoder.modules()}
    try:
        # What is tried out here is not to enter the running statistics of BatchNorm.
        network.decoder.eval()
        with torch.no_grad():
            for which in (1, 0):
                maps = [f.detach() for f in fused]
                for level in levels:
                    where = torch.einsum("nr,rchw->nchw", chosen, regions[level])
                    side = pairs[level][which]
                    maps[level] = torch.where(where > 0, side, maps[level])
                logits = network.logits(maps).float()
                loss = F.binary_cross_entropy_with_logits(
                    logits, target, reduction="none"
                )
                if known is not None:
                    loss = loss * known
                pooled = F.adaptive_avg_pool2d(loss.mean(1, keepdim=True), k)
                losses.append(pooled.flatten(1))
    finally:
        for module, mode in modes.items():
            module.training = mode
    tau = losses[0] - losses[1]  # (N, R)
    matters = tau.abs()
    if together:
        matters = (matters >= matters[chosen > 0].median()).to(tau.dtype)
    weight = chosen * matters
    weight = weight / weight.sum().clamp(min=1e-6)
    total = torch.zeros((), device=masks.device)
    for level in levels:
        psi, own = weights[STRIDES[level]].float(), regions[level]
        mean = torch.einsum("nchw,rchw->nr", psi, own) / own.sum((1, 2, 3))
        # As logits: autocast refuses the loss on probabilities.
        bce = F.binary_cross_entropy_with_logits(
            mean.logit(1e-4), (tau > 0).float(), reduction="none"
        )
        total = total + (weight * bce).sum()
    return total / len(levels)
