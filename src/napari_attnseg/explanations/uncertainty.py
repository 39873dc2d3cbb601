"""Where the model is undecided, and where it contradicts itself."""

from __future__ import annotations

import torch
from torch import Tensor

from napari_attnseg.explanations.subject import Subject

#: Axes of the image's mirror images; the first is the image itself.
MIRRORS: tuple[tuple[int, ...], ...] = ((), (-1,), (-2,), (-2, -1))


def entropy(subject: Subject) -> Tensor:
    """Binary entropy of the probability, in bits: (S, S), in [0, 1]."""
    network = subject.network
    logits = network.logits(network.fuse(subject.pairs)[0])
    p = torch.sigmoid(logits / subject.card.temperature)[0, 0].clamp(1e-7, 1 - 1e-7)
    return -(p * p.log2() + (1 - p) * (1 - p).log2())


@torch.no_grad()
def flip_range(subject: Subject) -> Tensor:
    """Largest minus smallest probability over the mirror images: (S, S), in [0, 1]."""
    found = []
    for axes in MIRRORS:
        # One after the other: four at once would take four times the memory.
        logits = subject.network(subject.image.flip(axes)).logits
        p = torch.sigmoid(logits / subject.card.temperature)
        found.append(p.flip(axes)[0, 0])
    views = torch.stack(found)
    return views.amax(0) - views.amin(0)
