"""The gate's coefficients psi, calibrated by measured trust."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from napari_attnseg.cards import ModelCard
from napari_attnseg.explanations.agreement import TrustCalibration
from napari_attnseg.explanations.explainer import Explainer, Requirement
from napari_attnseg.explanations.methods.gate import gate
from napari_attnseg.explanations.requirements import calibration
from napari_attnseg.explanations.subject import Subject


def recalibrated_gate(subject: Subject, stride: int) -> Tensor:
    """Measured frequency with which the CNN is better at this psi: (h, w), in [0, 1].

    Raises
    ------
    InputError
        If a level does not have exactly one gate, or the card has no calibration of the
        gate.
    """
    psi = gate(subject, stride).cpu().numpy()
    curve = calibration(subject.card, stride)
    calibrated = TrustCalibration(np.array(curve["psi"]), np.array(curve["cnn_better"]))
    return torch.from_numpy(calibrated(psi))


EXPLAINER = Explainer(
    recalibrated_gate,
    "psi translated into how often the CNN was the better encoder in regions with such "
    "a psi, as measured on other images, and smoothed so that it never falls as psi "
    "rises.",
    "gate",
    low="transformer better",
    high="CNN better",
    targeted=False,
    needs=(Requirement.ONE_GATE, Requirement.CALIBRATION),
    finding=ModelCard.verdict,
)
