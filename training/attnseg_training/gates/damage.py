"""Change of psi and of the mask when images are damaged.

One-sided damage replaces a rectangle of one encoder's input. Only the other encoder
sees the image there, and a gate that means what it shows should choose it. Damage for
both encoders makes whole copies of the images blurred, noisy or dark, unlike the
training images.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from attnseg_training.gates.controls import at_size
from attnseg_training.gates.keys import (
    SEVERITIES,
    Columns,
    Damage,
    Key,
    Measure,
    damages,
)
from attnseg_training.transforms import blur
from napari_attnseg.explanations.interventions import INTERVENTIONS, Pairs
from napari_attnseg.models.network import Features, SegmentationNetwork
from napari_attnseg.spec import STRIDES


def _noise(images: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randn(images.shape, generator=generator).to(images.device)
    spread = images.std((1, 2, 3), keepdim=True)
    return (images.mean((1, 2, 3), keepdim=True) + spread * drawn).clamp(0, 1)


def _blurred(images: Tensor, share: float) -> Tensor:
    return blur(images, share * images.shape[-1])


#: Name → images (N, 3, S, S) → what stands in the rectangle. Noise and blur show that
#: they are damage; a piece of another image looks as good as the right one, so which
#: encoder was deceived can be told from what surrounds it only.
KINDS: dict[str, Callable[[Tensor], Tensor]] = {
    "another image": lambda images: images.roll(1, 0),
    "noise": _noise,
    "blur": lambda images: _blurred(images, 0.04),
}

#: Name → images → the same images, harder to read.
COPIES: dict[str, Callable[[Tensor], Tensor]] = {
    "blurred": lambda images: _blurred(images, 0.01),
    "noisy": lambda images: torch.lerp(images, _noise(images), 0.3),
    "dark": lambda images: 0.4 * images,
}


def one_sided(
    network: SegmentationNetwork,
    images: Tensor,
    features: Features,
    kinds: tuple[str, ...],
    seed: int,
    dice: Callable[[Tensor], list[float]],
    trust: Callable[[Damage, Pairs], None],
) -> Columns:
    """Damage one encoder's input, and measure Dice and the change of psi.

    Parameters
    ----------
    network : SegmentationNetwork
        Network in eval mode.
    images, features : Tensor, Features
        N images (N, 3, S, S) in [0, 1], and the features of both encoders.
    kinds : tuple of str
        Names in `KINDS`.
    seed : int
        Random seed of the rectangles.
    dice : callable
        Logits → Dice of each image.
    trust : callable
        Called with (damage, aligned pairs) if trust is to be measured too.
    """
    where = rectangles(len(images), images.shape[-1], seed).to(images.device)
    clean = network.psi_of_cnn(network.psi(network.align(features)))
    columns: Columns = {}
    for damage in damages(kinds):
        encoder, kind, severity = damage
        hurt = torch.lerp(images, KINDS[kind](images), severity * where)
        seen = (
            Features(network.cnn(hurt), features.transformer)
            if encoder == "CNN"
            else Features(features.cnn, network.transformer(hurt))
        )
        pairs = network.align(seen)
        fused, psi = network.fuse(pairs)
        columns[Key(Measure.DICE, "", damage)] = dice(network.logits(fused))
        flat = {s: INTERVENTIONS["mean"](p) for s, p in psi.items()}
        changed = network.logits(network.fuse(pairs, flat)[0])
        columns[Key(Measure.DICE_MEAN_ALL, "", damage)] = dice(changed)
        psi = network.psi_of_cnn(psi)
        for stride in STRIDES:
            size = (psi[stride].shape[-2], psi[stride].shape[-1])
            inside = at_size(where, size)
            moved = psi[stride] - clean[stride]
            for measure, w in (
                (Measure.MOVED_INSIDE, inside),
                (Measure.MOVED_OUTSIDE, 1 - inside),
            ):
                mean = (moved * w).sum((1, 2, 3)) / w.sum((1, 2, 3)).clamp(min=1e-6)
                columns[Key(measure, f"1/{stride}", damage)] = mean.tolist()
        if severity == SEVERITIES[-1]:
            trust(damage, pairs)
    return columns


def copies(
    network: SegmentationNetwork, images: Tensor, dice: Callable[[Tensor], list[float]]
) -> Columns:
    """Measure Dice on changed copies of the images, which both encoders see."""
    return {
        Key(Measure.DICE_COPY, "", name): dice(network(change(images)).logits)
        for name, change in COPIES.items()
    }


def rectangles(n: int, size: int, seed: int) -> Tensor:
    """Draw one rectangle per image, (n, 1, size, size) of 0 and 1.

    The sides of a rectangle are 0.35 to 0.65 times those of the image.
    """
    rng = np.random.default_rng(seed)
    where = torch.zeros(n, 1, size, size)
    for i in range(n):
        height, width = (rng.uniform(0.35, 0.65, 2) * size).astype(int)
        top, left = rng.integers(size - height), rng.integers(size - width)
        where[i, :, top : top + height, left : left + width] = 1
    return where
