"""Description of an explanation: function, meaning of its values, requirements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from torch import Tensor

from napari_attnseg.cards import ModelCard
from napari_attnseg.explanations.subject import Subject


class Requirement(StrEnum):
    """Requirement of a method on the model, its card or the installed libraries.

    Attributes
    ----------
    ONE_GATE
        One gate per level, between two encoders.
    TWO_ENCODERS
        Fused maps of two encoders.
    CALIBRATION
        The card's calibration of the gate by measured trust.
    COMBINATION
        A finding in the card that allows one combination of the gates to be shown.
    CAPTUM
        The library captum.
    """

    ONE_GATE = "one_gate"
    TWO_ENCODERS = "two_encoders"
    CALIBRATION = "calibration"
    COMBINATION = "combination"
    CAPTUM = "captum"


@dataclass(frozen=True, slots=True)
class Explainer:
    """One way to explain a segmentation.

    Attributes
    ----------
    run : callable
        (subject, stride) → map (h, w); the stride is ignored if not `per_gate`.
    meaning : str
        One sentence on what its values are.
    scale : str
        ``gate`` (psi, [0, 1]), ``signed`` (around 0), ``positive`` (from 0) or ``unit``
        ([0, 1], where numbers compare between images).
    low, high : str
        Meaning of the lower and the upper end of the scale.
    per_gate : bool
        Whether there is one map per level.
    targeted : bool
        Whether it explains the logit of a region.
    needs : tuple of Requirement
        Requirements; `requirements.check` says which are missing.
    decodings : int
        About how many times the network is decoded; progress is counted in decodings.
    passes : int
        About how many images go through the network, for an estimate of the time; an
        image with a gradient counts three times.
    finding : callable
        (model card, stride) → what was measured of this map in this model; "" if
        nothing is.
    """

    run: Callable[[Subject, int], Tensor]
    meaning: str
    scale: str
    low: str
    high: str
    per_gate: bool = True
    targeted: bool = True
    needs: tuple[Requirement, ...] = ()
    decodings: int = 2
    passes: int = 3
    finding: Callable[[ModelCard, int], str] = lambda card, stride: ""

    @property
    def of_a_gate(self) -> bool:
        """Whether each map is about the gate of one level."""
        return self.per_gate and Requirement.ONE_GATE in self.needs

    @property
    def shows_gate(self) -> bool:
        """Whether each map is psi of one gate, which was measured, in its own way."""
        return self.of_a_gate and self.scale == "gate"

    @property
    def of_all_gates(self) -> bool:
        """Whether the map is made of the gates of all levels."""
        return not self.per_gate and Requirement.ONE_GATE in self.needs
