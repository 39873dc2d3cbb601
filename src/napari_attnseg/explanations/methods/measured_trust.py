"""Measured trust in each region of a gate, shown as a map."""

from __future__ import annotations

import torch
from torch import Tensor

from napari_attnseg.explanations import trust
from napari_attnseg.explanations.explainer import Explainer, Requirement
from napari_attnseg.explanations.methods.gate import gate
from napari_attnseg.explanations.subject import Subject


def measured_trust(subject: Subject, stride: int) -> Tensor:
    """Loss with the transformer's features minus loss with the CNN's: (h, w).

    A region consists of whole pixels of the gate map, so regions may differ in size.
    """
    found = trust.measured_trust(
        subject.network,
        subject.pairs,
        subject.mask,
        stride,
        temperature=subject.card.temperature,
    )
    height, width = gate(subject, stride).shape
    regions = trust.cells((height, width), trust.REGIONS)
    return torch.einsum("r,rchw->hw", found.tau.flatten(), regions)  # on the CPU


EXPLAINER = Explainer(
    measured_trust,
    "Measured by trying both encoders in each region: above 0 the CNN's features "
    "reproduce the model's own mask better there, below 0 the transformer's.",
    "signed",
    low="transformer better",
    high="CNN better",
    targeted=False,
    needs=(Requirement.ONE_GATE,),
)
