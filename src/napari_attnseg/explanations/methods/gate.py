"""The gate's own coefficients psi, as weight of the CNN."""

from __future__ import annotations

from torch import Tensor

from napari_attnseg.cards import ModelCard
from napari_attnseg.explanations.explainer import Explainer, Requirement
from napari_attnseg.explanations.subject import Subject
from napari_attnseg.results import GATE_LEGEND


def gate(subject: Subject, stride: int) -> Tensor:
    """Weight of the CNN's features at one level: (h, w), in [0, 1]."""
    network = subject.network
    found: Tensor = network.psi_of_cnn(network.psi(subject.pairs))[stride][0, 0]
    return found


EXPLAINER = Explainer(
    gate,
    f"psi, 1 where only the CNN's features are used: {GATE_LEGEND}.",
    "gate",
    low="transformer",
    high="CNN",
    targeted=False,
    needs=(Requirement.ONE_GATE,),
    finding=ModelCard.verdict,
)
