"""Integrated gradients of the target's logit with respect to the image.

References
----------
M. Sundararajan, A. Taly, Q. Yan, Axiomatic attribution for deep networks, ICML 2017.
"""

from __future__ import annotations

import torch
from torch import Tensor

from napari_attnseg.explanations.explainer import Explainer, Requirement
from napari_attnseg.explanations.requirements import captum
from napari_attnseg.explanations.subject import Subject
from napari_attnseg.explanations.target_score import TargetScore

#: Steps of the path: seconds on a CPU.
STEPS = 16
#: Of them at once.
BATCH = 4


def integrated_gradients(subject: Subject, stride: int) -> Tensor:
    """Integrated gradients from a black image, summed over colours: (S, S).

    Raises
    ------
    InputError
        If captum is not installed.
    """
    method = captum().IntegratedGradients(TargetScore(subject))
    with torch.enable_grad():
        found = method.attribute(
            subject.image, n_steps=STEPS, internal_batch_size=BATCH
        )
    total: Tensor = found.detach().float().sum(1)[0]
    return total


EXPLAINER = Explainer(
    integrated_gradients,
    "How much each pixel, against a black image, moved the target's logit.",
    "signed",
    low="lowered the logit",
    high="raised the logit",
    per_gate=False,
    needs=(Requirement.CAPTUM,),
    decodings=1 + STEPS // BATCH,
    passes=3 * STEPS,
)
