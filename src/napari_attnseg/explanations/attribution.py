"""Common explanations of any network, for comparison; two of them through captum."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from napari_attnseg.errors import InputError
from napari_attnseg.explanations.subject import Subject
from napari_attnseg.spec import STRIDES

#: Steps of integrated gradients, and squares per side of occlusion: seconds on a CPU.
STEPS, WINDOWS = 16, 7


def _captum() -> Any:
    try:
        import captum.attr
    except ImportError as error:
        raise InputError(
            "This explanation needs captum, which is not installed; install it with "
            'pip install "napari-attnseg[explain]".'
        ) from error
    return captum.attr


class _Score(nn.Module):
    """Images (N, 3, S, S) → score of the target (N,), through the whole network."""

    def __init__(self, subject: Subject) -> None:
        super().__init__()
        self.subject = subject
        self.network = subject.network

    def forward(self, image: Tensor) -> Tensor:
        return self.subject.score(self.network(image).logits)


def seg_grad_cam(subject: Subject, stride: int = 32) -> Tensor:
    """Grad-CAM for segmentation (Vinogradova et al. 2020), on one fused map: (h, w)."""
    network = subject.network
    if not network.dual:
        raise InputError(
            "Seg-Grad-CAM is drawn on the fused maps of two encoders; the model "
            f"{network.spec.name!r} has none: choose something else or other weights."
        )
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


def integrated_gradients(subject: Subject) -> Tensor:
    """Integrated gradients (Sundararajan et al. 2017) from a black image: (S, S)."""
    method = _captum().IntegratedGradients(_Score(subject))
    with torch.enable_grad():
        found = method.attribute(subject.image, n_steps=STEPS, internal_batch_size=4)
    total: Tensor = found.detach().float().sum(1)[0]
    return total


def occlusion(subject: Subject) -> Tensor:
    """Fall of the score when a mid-grey square covers a place: (S, S)."""
    # Rounded up: else a strip is left over, and a sliver of a square tried on it.
    side = -(-subject.image.shape[-1] // WINDOWS)
    with torch.no_grad():
        found = (
            _captum()
            .Occlusion(_Score(subject))
            .attribute(
                subject.image,
                sliding_window_shapes=(3, side, side),
                strides=(3, side, side),
                baselines=0.5,
                perturbations_per_eval=4,
            )
        )
    first: Tensor = found.detach()[0, 0]
    return first


def random_map(subject: Subject) -> Tensor:
    """Noise, the same every time: what any explanation has to be better than."""
    generator = torch.Generator().manual_seed(0)
    return torch.rand(subject.image.shape[-2:], generator=generator)
