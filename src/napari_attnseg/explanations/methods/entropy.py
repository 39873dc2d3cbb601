"""Predictive entropy of the model's own probability."""

from __future__ import annotations

import torch
from torch import Tensor

from napari_attnseg.explanations.explainer import Explainer
from napari_attnseg.explanations.subject import Subject


def entropy(subject: Subject, stride: int) -> Tensor:
    """Binary entropy of the probability, in bits: (S, S), in [0, 1]."""
    network = subject.network
    logits = network.logits(network.fuse(subject.pairs)[0])
    p = torch.sigmoid(logits / subject.card.temperature)[0, 0].clamp(1e-7, 1 - 1e-7)
    return -(p * p.log2() + (1 - p) * (1 - p).log2())


EXPLAINER = Explainer(
    entropy,
    "Predictive entropy: binary entropy of the model's own probability in bits, 0 "
    "decided, 1 undecided; not a measured error.",
    "unit",
    low="decided",
    high="undecided",
    per_gate=False,
    targeted=False,
)
