"""Explanations of one segmentation, each with the one sentence that says what it is.

A new one is one function and one line in `EXPLAINERS`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from napari_attnseg.cards import ModelCard, versions
from napari_attnseg.errors import CancelledError, InputError, UnknownNameError
from napari_attnseg.explanations import (
    agreement,
    attribution,
    contributions,
    trust,
    uncertainty,
)
from napari_attnseg.explanations.combination import COMBINATIONS, levels
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
        ``gate`` (psi, [0, 1]), ``signed`` (around 0), ``positive`` (from 0) or ``unit``
        ([0, 1], where numbers compare between images).
    per_gate : bool
        Whether there is one map per gate.
    targeted : bool
        Whether it explains the logit of a region.
    finding : callable
        (model card, stride) → what was measured of this map in this model; "" if
        nothing is.
    """

    run: Callable[[Subject, int], Tensor]
    meaning: str
    scale: str
    per_gate: bool = True
    targeted: bool = True
    finding: Callable[[ModelCard, int], str] = lambda card, stride: ""


def _gate(subject: Subject, stride: int) -> Tensor:
    network = subject.network
    return network.cnn_shares(network.psi(subject.pairs))[stride][0, 0]


def _recalibrated(subject: Subject, stride: int) -> Tensor:
    subject.network.cnn_shares({})  # one gate per level, or an error
    curve = subject.card.gates.get(f"1/{stride}", {}).get("calibration")
    if curve is None:
        raise InputError(
            f"These weights carry no calibration of the gate at 1/{stride}; measure it "
            "with attnseg-train faithfulness and put it in with attnseg-train export."
        )
    psi, frequency = (np.array(curve[name]) for name in ("psi", "cnn_better"))
    calibrated = agreement.TrustCalibration(psi, frequency)(
        _gate(subject, stride).cpu().numpy()
    )
    return torch.from_numpy(calibrated)


def _at_a_glance(subject: Subject, stride: int) -> Tensor:
    subject.network.cnn_shares({})  # one gate per level, or an error
    found = subject.card.combination
    if not found.get("earned", False):
        raise InputError(
            found.get(
                "verdict",
                "Which combination of these gates is worth showing "
                "has not been measured: attnseg-train faithfulness --split val.",
            )
            + " Look at the single gates instead."
        )
    parts = levels(
        subject.network.cnn_shares(subject.network.psi(subject.pairs)),
        found["stakes"],
        contributions.encoder_contributions(subject),
    )
    return COMBINATIONS[found["name"]](parts)[0, 0]


def _of_all_gates(card: ModelCard) -> str:
    """How well one map of all gates agrees, and what their pattern is worth."""
    found = (card.combination, card.gates.get("all", {}))
    return " ".join(part["verdict"] for part in found if "verdict" in part)


def _trust(subject: Subject, stride: int) -> Tensor:
    found = trust.measured_trust(subject.network, subject.pairs, subject.mask, stride)
    gate = _gate(subject, stride)
    # Regions are whole pixels of the gate, so they may differ in size: shown as such.
    regions = trust.cells((gate.shape[0], gate.shape[1]), trust.REGIONS)
    return torch.einsum("r,rchw->hw", found.tau.flatten(), regions)  # on the CPU


def _gate_gradients(subject: Subject, stride: int) -> Tensor:
    return contributions.gate_integrated_gradients(subject)[0][stride][0]


def _cnn(subject: Subject, stride: int) -> Tensor:
    return contributions.encoder_contributions(subject)[stride][0][0]


def _transformer(subject: Subject, stride: int) -> Tensor:
    return contributions.encoder_contributions(subject)[stride][1][0]


EXPLAINERS: dict[str, Explainer] = {
    "gate": Explainer(
        _gate,
        f"psi, 1 where only the CNN's features are used: {GATE_LEGEND}.",
        "gate",
        targeted=False,
        finding=ModelCard.verdict,
    ),
    "gate, recalibrated": Explainer(
        _recalibrated,
        "psi translated into what faithfulness measured: in which share of regions "
        "with such a psi the CNN was the better encoder, smoothed so that the share "
        "never falls as psi rises.",
        "gate",
        targeted=False,
        finding=ModelCard.verdict,
    ),
    "gates at a glance": Explainer(
        _at_a_glance,
        "All gates in one map: whichever combination agreed best with measured trust "
        "on validation images.",
        "gate",
        per_gate=False,
        targeted=False,
        finding=lambda card, stride: _of_all_gates(card),
    ),
    "measured trust": Explainer(
        _trust,
        "Measured by trying both encoders in each region: above 0 the CNN's features "
        "reproduce the model's own mask better there, below 0 the transformer's.",
        "signed",
        targeted=False,
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
        attribution.seg_grad_cam,
        "Where this level's fused features, weighted by their mean gradient, raise the "
        "target's logit.",
        "positive",
    ),
    "integrated gradients": Explainer(
        lambda subject, stride: attribution.integrated_gradients(subject),
        "How much each pixel, against a black image, moved the target's logit.",
        "signed",
        per_gate=False,
    ),
    "occlusion": Explainer(
        lambda subject, stride: attribution.occlusion(subject),
        "How far the target's logit falls when a grey square covers this place.",
        "signed",
        per_gate=False,
    ),
    "entropy": Explainer(
        lambda subject, stride: uncertainty.entropy(subject),
        "How undecided the model's own probability is: binary entropy in bits, 0 "
        "decided, 1 undecided; not a measured error.",
        "unit",
        per_gate=False,
        targeted=False,
    ),
    "flip consistency": Explainer(
        lambda subject, stride: uncertainty.flip_range(subject),
        "How far the probability goes apart over the image and its three mirror "
        "images: 0 all alike, 1 a contradiction.",
        "unit",
        per_gate=False,
        targeted=False,
    ),
    "random": Explainer(
        lambda subject, stride: attribution.random_map(subject),
        "Noise: explains nothing, and is there to be compared with.",
        "positive",
        per_gate=False,
        targeted=False,
    ),
}


def explain(
    segmenter: Segmenter,
    image: ArrayLike,
    method: str = "gate",
    level: int = 32,
    target: NDArray[np.bool_] | None = None,
    rgb: bool | None = None,
    cancelled: Callable[[], bool] = lambda: False,
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
    cancelled : callable
        Asked before every decoding; once it says True, `CancelledError` is raised.

    Raises
    ------
    UnknownNameError
        If there is no such method.
    CancelledError
        If it was cancelled.
    InputError
        If the image, level or target cannot be used, or the model has no gates and the
        method is about them.
    DeviceError
        If the device ran out of memory.
    """
    if method not in EXPLAINERS:
        raise UnknownNameError.for_name("explanation", method, list(EXPLAINERS))
    explainer = EXPLAINERS[method]
    if explainer.per_gate and level not in STRIDES:
        raise InputError(
            f"There is no gate at 1/{level}; expected one of "
            f"{', '.join(map(str, STRIDES))}."
        )

    own = threading.get_ident()

    def stop(decoder: nn.Module, args: Any) -> None:
        # Somebody else may segment with the same network meanwhile.
        if threading.get_ident() == own and cancelled():
            raise CancelledError(f"The explanation {method!r} was cancelled.")

    with untouched(segmenter.network), segmenter.enough_memory():
        # Whatever a method does, each of its steps ends in a decoding.
        hook = segmenter.network.decoder.register_forward_pre_hook(stop)
        try:
            subject = subject_of(segmenter, image, target, rgb)
            values = explainer.run(subject, level).detach().float().cpu().numpy()
        finally:
            hook.remove()
    height, width = np.asarray(image).shape[:2]
    return Explanation(
        method,
        level if explainer.per_gate else None,
        values,
        (height / values.shape[0], width / values.shape[1]),
        explainer.scale,
        explainer.meaning,
        subject.region if explainer.targeted else "",
        explainer.finding(segmenter.card, level),
        {
            "model": segmenter.card.spec.name,
            "weights_sha256": segmenter.sha256,
            "device": segmenter.device,
            "versions": versions(),
        },
    )
