"""Random noise, a control: any explanation has to be better than this."""

from __future__ import annotations

import torch
from torch import Tensor

from napari_attnseg.explanations.explainer import Explainer
from napari_attnseg.explanations.subject import Subject


def random_map(subject: Subject, stride: int) -> Tensor:
    """Noise that is the same every time: (S, S), in [0, 1)."""
    generator = torch.Generator().manual_seed(0)
    return torch.rand(subject.image.shape[-2:], generator=generator)


EXPLAINER = Explainer(
    random_map,
    "Noise: explains nothing, and is there to be compared with.",
    "positive",
    low="nothing",
    high="nothing",
    per_gate=False,
    targeted=False,
)
