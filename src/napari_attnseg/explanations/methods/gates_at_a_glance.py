"""All gates in one map, combined in the way that agreed best with measured trust."""

from __future__ import annotations

from torch import Tensor

from napari_attnseg.cards import ModelCard
from napari_attnseg.explanations.combination import COMBINATIONS, levels
from napari_attnseg.explanations.contributions import encoder_contributions
from napari_attnseg.explanations.explainer import Explainer, Requirement
from napari_attnseg.explanations.requirements import combination
from napari_attnseg.explanations.subject import Subject


def gates_at_a_glance(subject: Subject, stride: int) -> Tensor:
    """Combination of the gates that the card names: (h, w), in [0, 1].

    Raises
    ------
    InputError
        If a level does not have exactly one gate, or no combination was found to agree.
    """
    weights = subject.network.psi_of_cnn(subject.network.psi(subject.pairs))
    found = combination(subject.card)
    parts = levels(weights, found["stakes"], encoder_contributions(subject))
    return COMBINATIONS[found["name"]](parts)[0, 0]


def finding(card: ModelCard, stride: int) -> str:
    """Measured agreement of the combination with trust, and effect of its pattern."""
    found = (card.combination, card.gates.get("all", {}))
    return " ".join(part["verdict"] for part in found if "verdict" in part)


EXPLAINER = Explainer(
    gates_at_a_glance,
    "All gates in one map: whichever combination agreed best with measured trust "
    "on validation images.",
    "gate",
    low="transformer",
    high="CNN",
    per_gate=False,
    targeted=False,
    needs=(Requirement.ONE_GATE, Requirement.COMBINATION),
    finding=finding,
)
