"""Explanations of one segmentation, each with the one sentence that says what it is.

A new one is one function and one line in `EXPLAINERS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from napari_attnseg.cards import versions
from napari_attnseg.errors import InputError, UnknownNameError
from napari_attnseg.explanations import contributions, rivals, trust
from napari_attnseg.explanations.subject import Subject, subject_of, untouched
from napari_attnseg.inference import Segmenter
from napari_attnseg.results import GATE_LEGEND, Explanation
from napari_attnseg.spec import STRIDES

__all__ = ["EXPLAINERS", "Explainer", "Explanation", "explain"]


@dataclass(frozen=True, slots=True)
class Explainer:
    """One way to explain.

    Attributes
    ----------
    run : callable
        (subject, stride) → map (h, w); the stride is ignored if not `per_gate`.
    meaning : str
        One sentence on what its values are.
    scale : str
        ``gate`` (psi, [0, 1]), ``signed`` (around 0) or ``positive`` (from 0).
    per_gate : bool
        Whether there is one map per gate.
    """

    run: Callable[[Subject, int], Tensor]
    meaning: str
    scale: str
    per_gate: bool = True


def _gate(subject: Subject, stride: int) -> Tensor:
    return subject.network.fuse(subject.pairs)[1][stride][0, 0]


def _trust(subject: Subject, stride: int) -> Tensor:
    found = trust.measured_trust(subject.network, subject.pairs, subject.mask, stride)
    gate = _gate(subject, stride)
    # Regions are whole pixels of the gate, so they may differ in size: shown as such.
    regions = trust.cells((gate.shape[0], gate.shape[1]), trust.REGIONS)
    return torch.einsum("r,rchw->hw", found.tau.flatten(), regions.to(gate.device))


def _gate_gradients(subject: Subject, stride: int) -> Tensor:
    return contributions.gate_integrated_gradients(subject)[0][stride]


def _cnn(subject: Subject, stride: int) -> Tensor:
    return contributions.encoder_contributions(subject)[stride][0]


def _transformer(subject: Subject, stride: int) -> Tensor:
    return contributions.encoder_contributions(subject)[stride][1]


EXPLAINERS: dict[str, Explainer] = {
    "gate": Explainer(_gate, f"psi: {GATE_LEGEND}.", "gate"),
    "measured trust": Explainer(
        _trust,
        "Measured by trying both encoders in each region: above 0 the CNN's features "
        "reproduce the model's own mask better there, below 0 the transformer's.",
        "signed",
    ),
    "gate effect": Explainer(
        _gate_gradients,
        "Integrated gradients from 0.5 to psi: how much this gate's choice, against "
        "mixing both alike, raised (above 0) or lowered the target's logit.",
        "signed",
    ),
    "CNN contribution": Explainer(
        _cnn,
        "What the CNN's features here added to the target's logit, to first order.",
        "signed",
    ),
    "transformer contribution": Explainer(
        _transformer,
        "What the transformer's features here added to the target's logit, to first "
        "order.",
        "signed",
    ),
    "Seg-Grad-CAM": Explainer(
        rivals.seg_grad_cam,
        "Where this level's fused features, weighted by their mean gradient, raise the "
        "target's logit.",
        "positive",
    ),
    "integrated gradients": Explainer(
        lambda subject, stride: rivals.integrated_gradients(subject),
        "How much each pixel, against a black image, moved the target's logit.",
        "signed",
        per_gate=False,
    ),
    "occlusion": Explainer(
        lambda subject, stride: rivals.occlusion(subject),
        "How far the target's logit falls when a grey square covers this place.",
        "signed",
        per_gate=False,
    ),
    "random": Explainer(
        lambda subject, stride: rivals.random_map(subject),
        "Noise: explains nothing, and is there to be compared with.",
        "positive",
        per_gate=False,
    ),
}


def explain(
    segmenter: Segmenter,
    image: ArrayLike,
    method: str = "gate",
    level: int = 32,
    target: NDArray[np.bool_] | None = None,
    rgb: bool | None = None,
) -> Explanation:
    """Explain one segmentation with one method.

    Parameters
    ----------
    segmenter : Segmenter
        The model.
    image : array, shape (H, W) or (H, W, 3 or 4)
        As for `Segmenter.segment`.
    method : str
        Name in `EXPLAINERS`.
    level : int
        Stride of the gate, for methods that have a map per gate.
    target : ndarray of bool, shape (H, W), optional
        Region whose mean logit is explained; the model's own mask by default.
    rgb : bool, optional
        Whether the last axis is colour.

    Raises
    ------
    UnknownNameError
        If there is no such method.
    InputError
        If the image, level or target cannot be used.
    """
    if method not in EXPLAINERS:
        raise UnknownNameError.for_name("explanation", method, list(EXPLAINERS))
    explainer = EXPLAINERS[method]
    if explainer.per_gate and level not in STRIDES:
        raise InputError(
            f"There is no gate at 1/{level}; expected one of "
            f"{', '.join(map(str, STRIDES))}."
        )
    with untouched(segmenter.network):
        subject = subject_of(segmenter, image, target, rgb)
        values = explainer.run(subject, level).detach().float().cpu().numpy()
    height, width = np.asarray(image).shape[:2]
    return Explanation(
        method,
        level if explainer.per_gate else None,
        values,
        (height / values.shape[0], width / values.shape[1]),
        explainer.scale,
        explainer.meaning,
        "the model's own mask" if target is None else "a given region",
        {
            "model": segmenter.card.spec.name,
            "weights_sha256": segmenter.sha256,
            "device": segmenter.device,
            "versions": versions(),
        },
    )
