"""Occlusion: how far the target's logit falls when a place is covered.

References
----------
M. D. Zeiler, R. Fergus, Visualizing and understanding convolutional networks, ECCV
2014.
"""

from __future__ import annotations

import torch
from torch import Tensor

from napari_attnseg.explanations.explainer import Explainer, Requirement
from napari_attnseg.explanations.requirements import captum
from napari_attnseg.explanations.subject import Subject
from napari_attnseg.explanations.target_score import TargetScore

#: Squares per side: seconds on a CPU.
WINDOWS = 7
#: Of them at once.
BATCH = 4


def occlusion(subject: Subject, stride: int) -> Tensor:
    """Fall of the target's logit when a mid-grey square covers a place: (S, S).

    Raises
    ------
    InputError
        If captum is not installed.
    """
    # Rounded up: else a strip is left over, and a sliver of a square tried on it.
    side = -(-subject.image.shape[-1] // WINDOWS)
    with torch.no_grad():
        found = (
            captum()
            .Occlusion(TargetScore(subject))
            .attribute(
                subject.image,
                sliding_window_shapes=(3, side, side),
                strides=(3, side, side),
                baselines=0.5,
                perturbations_per_eval=BATCH,
            )
        )
    first: Tensor = found.detach()[0, 0]
    return first


EXPLAINER = Explainer(
    occlusion,
    "How far the target's logit falls when a grey square covers this place.",
    "signed",
    low="covering raises the logit",
    high="covering lowers the logit",
    per_gate=False,
    needs=(Requirement.CAPTUM,),
    decodings=2 + -(-(WINDOWS**2) // BATCH),
    passes=WINDOWS**2,
)
