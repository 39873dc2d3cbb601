"""Gradient times input of one encoder's features in a fused map."""

from __future__ import annotations

from torch import Tensor

from napari_attnseg.explanations.contributions import encoder_contributions
from napari_attnseg.explanations.explainer import Explainer, Requirement
from napari_attnseg.explanations.subject import Subject


def cnn_contribution(subject: Subject, stride: int) -> Tensor:
    """Contribution of the CNN's features to the target's logit: (h, w), in logits."""
    return encoder_contributions(subject)[stride][0][0]


def transformer_contribution(subject: Subject, stride: int) -> Tensor:
    """Contribution of the transformer's features to the target's logit: (h, w)."""
    return encoder_contributions(subject)[stride][1][0]


CNN = Explainer(
    cnn_contribution,
    "What the CNN's features here added to the target's logit, to first order.",
    "signed",
    low="lowered the logit",
    high="raised the logit",
    needs=(Requirement.ONE_GATE,),
)
TRANSFORMER = Explainer(
    transformer_contribution,
    "What the transformer's features here added to the target's logit, to first order.",
    "signed",
    low="lowered the logit",
    high="raised the logit",
    needs=(Requirement.ONE_GATE,),
)
