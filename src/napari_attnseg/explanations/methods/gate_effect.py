"""Integrated gradients of the target's logit along one gate."""

from __future__ import annotations

from torch import Tensor

from napari_attnseg.explanations.contributions import gate_integrated_gradients
from napari_attnseg.explanations.explainer import Explainer, Requirement
from napari_attnseg.explanations.subject import Subject


def gate_effect(subject: Subject, stride: int) -> Tensor:
    """Attribution of the target's logit to this gate's choice: (h, w), in logits."""
    return gate_integrated_gradients(subject)[0][stride][0]


EXPLAINER = Explainer(
    gate_effect,
    "Integrated gradients from 0.5 to psi: how much this gate's choice, against "
    "mixing both with equal weight, raised (above 0) or lowered the target's logit.",
    "signed",
    low="lowered the logit",
    high="raised the logit",
    needs=(Requirement.ONE_GATE,),
)
