"""Range of the probability over the mirror images."""

from __future__ import annotations

import torch
from torch import Tensor

from napari_attnseg.encoded_image import FLIPS
from napari_attnseg.explanations.explainer import Explainer
from napari_attnseg.explanations.subject import Subject


@torch.no_grad()
def flip_range(subject: Subject, stride: int) -> Tensor:
    """Largest minus smallest probability over the mirror images: (S, S), in [0, 1]."""
    found = []
    for axes in FLIPS:
        # One after the other: four at once would take four times the memory.
        logits = subject.network(subject.image.flip(axes)).logits
        p = torch.sigmoid(logits / subject.card.temperature)
        found.append(p.flip(axes)[0, 0])
    views = torch.stack(found)
    return views.amax(0) - views.amin(0)


EXPLAINER = Explainer(
    flip_range,
    "Range of the probability over the image and its three mirror images: 0 all "
    "alike, 1 a contradiction.",
    "unit",
    low="all alike",
    high="a contradiction",
    per_gate=False,
    targeted=False,
)
