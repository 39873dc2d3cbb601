"""What becomes of psi and of the mask when images are damaged.

For one encoder only, a rectangle of its input is replaced: there only the other one can
know, and a gate that means what it shows gives way. For both, whole copies are blurred,
noisy or dark: what a model does with images it was not trained for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from attnseg_training.gates.controls import at_size
from attnseg_training.transforms import blur
from napari_attnseg.explanations.interventions import INTERVENTIONS, Pairs
from napari_attnseg.models.network import Features, SegmentationNetwork
from napari_attnseg.spec import STRIDES

Columns = dict[str, list[Any]]

#: How much of the rectangle is replaced; the rest shines through. Trust, being dear, is
#: measured at the last only.
SEVERITIES = (1 / 3, 2 / 3, 1.0)


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


def condition(encoder: str, kind: str, severity: float = SEVERITIES[-1]) -> str:
    """How the columns of one damage are called."""
    return f"{encoder} damaged ({kind} {severity:.2f})"


def conditions(kinds: tuple[str, ...]) -> Iterator[tuple[str, str, float]]:
    """Every (encoder, kind, severity)."""
    for encoder in ("CNN", "transformer"):
        for kind in kinds:
            for severity in SEVERITIES:
                yield encoder, kind, severity


def one_sided(
    network: SegmentationNetwork,
    images: Tensor,
    features: Features,
    kinds: tuple[str, ...],
    seed: int,
    dice: Callable[[Tensor], list[float]],
    trust: Callable[[str, Pairs], None],
) -> Columns:
    """Damage one encoder's input: Dice, and how far psi moves inside and outside.

    Parameters
    ----------
    network : SegmentationNetwork
        In eval mode.
    images, features : Tensor, Features
        N images (N, 3, S, S) in [0, 1] and what both encoders made of them.
    kinds : tuple of str
        Names in `KINDS`.
    seed : int
        Of the rectangles.
    dice : callable
        Logits → Dice of each image.
    trust : callable
        Called with (condition, aligned pairs) where trust is to be measured too.
    """
    where = rectangles(len(images), images.shape[-1], seed).to(images.device)
    clean = network.cnn_shares(network.psi(network.align(features)))
    columns: Columns = {}
    for encoder, kind, severity in conditions(kinds):
        name = condition(encoder, kind, severity)
        hurt = torch.lerp(images, KINDS[kind](images), severity * where)
        seen = (
            Features(network.cnn(hurt), features.transformer)
            if encoder == "CNN"
            else Features(features.cnn, network.transformer(hurt))
        )
        pairs = network.align(seen)
        fused, psi = network.fuse(pairs)
        columns[f"dice, {name}"] = dice(network.logits(fused))
        flat = {s: INTERVENTIONS["mean"](p) for s, p in psi.items()}
        changed = network.logits(network.fuse(pairs, flat)[0])
        columns[f"dice mean all, {name}"] = dice(changed)
        psi = network.cnn_shares(psi)
        for stride in STRIDES:
            size = (psi[stride].shape[-2], psi[stride].shape[-1])
            inside = at_size(where, size)
            moved = psi[stride] - clean[stride]
            for place, w in (("inside", inside), ("outside", 1 - inside)):
                mean = (moved * w).sum((1, 2, 3)) / w.sum((1, 2, 3)).clamp(min=1e-6)
                columns[f"moved {place}, {name} 1/{stride}"] = mean.tolist()
        if severity == SEVERITIES[-1]:
            trust(name, pairs)
    return columns


def copies(
    network: SegmentationNetwork, images: Tensor, dice: Callable[[Tensor], list[float]]
) -> Columns:
    """Dice on copies of the images that both encoders see damaged."""
    return {
        f"dice, {name} copy": dice(network(change(images)).logits)
        for name, change in COPIES.items()
    }


def rectangles(n: int, size: int, seed: int) -> Tensor:
    """One rectangle per image, (n, 1, size, size) of 0 and 1; 0.35 to 0.65 a side."""
    rng = np.random.default_rng(seed)
    where = torch.zeros(n, 1, size, size)
    for i in range(n):
        height, width = (rng.uniform(0.35, 0.65, 2) * size).astype(int)
        top, left = rng.integers(size - height), rng.integers(size - width)
        where[i, :, top : top + height, left : left + width] = 1
    return where
