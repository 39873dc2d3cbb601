"""Grad-CAM for segmentation.

References
----------
K. Vinogradova, A. Dibrov, G. Myers, Towards interpretable semantic segmentation via
gradient-weighted class activation mapping, AAAI 2020.
"""

from __future__ import annotations

import torch
from torch import Tensor

from napari_attnseg.explanations.explainer import Explainer, Requirement
from napari_attnseg.explanations.requirements import need_two_encoders
from napari_attnseg.explanations.subject import Subject
from napari_attnseg.spec import STRIDES


def seg_grad_cam(subject: Subject, stride: int) -> Tensor:
    """Seg-Grad-CAM on the fused map of one level: (h, w), 0 or above.

    Raises
    ------
    InputError
        If the model has no fused maps of two encoders.
    """
    network = subject.network
    need_two_encoders(network)
    # Not captum's, which hooks the network: another thread may be using it.
    level = STRIDES.index(stride)
    with torch.no_grad():
        fused = list(network.fuse(subject.pairs)[0])
    with torch.enable_grad():
        fused[level] = fused[level].detach().requires_grad_()
        score = subject.score(network.logits(fused)).sum()
        (slope,) = torch.autograd.grad(score, fused[level])
    weighted: Tensor = (slope.mean((2, 3), keepdim=True) * fused[level].detach()).sum(1)
    return weighted.relu()[0]


EXPLAINER = Explainer(
    seg_grad_cam,
    "Where this level's fused features, weighted by their mean gradient, raise the "
    "target's logit.",
    "positive",
    low="no effect",
    high="raises the logit",
    needs=(Requirement.TWO_ENCODERS,),
)
