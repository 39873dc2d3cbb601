"""Explanations of a segmentation; each has a module in `methods` and a line here."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_attnseg.errors import UnknownNameError
from napari_attnseg.explanations.explainer import Explainer, Requirement
from napari_attnseg.explanations.methods import (
    encoder_contribution,
    entropy,
    flip_consistency,
    gate,
    gate_effect,
    gates_at_a_glance,
    integrated_gradients,
    measured_trust,
    occlusion,
    random_map,
    recalibrated_gate,
    seg_grad_cam,
)
from napari_attnseg.explanations.run import run_explainer
from napari_attnseg.inference import Segmenter
from napari_attnseg.intensity import Intensity
from napari_attnseg.results import Explanation

__all__ = [
    "EXPLAINERS",
    "Explainer",
    "Explanation",
    "Requirement",
    "explain",
    "method_name",
]

EXPLAINERS: dict[str, Explainer] = {
    "gate": gate.EXPLAINER,
    "gate, recalibrated": recalibrated_gate.EXPLAINER,
    "gates at a glance": gates_at_a_glance.EXPLAINER,
    "measured trust": measured_trust.EXPLAINER,
    "gate effect": gate_effect.EXPLAINER,
    "CNN contribution": encoder_contribution.CNN,
    "transformer contribution": encoder_contribution.TRANSFORMER,
    "Seg-Grad-CAM": seg_grad_cam.EXPLAINER,
    "integrated gradients": integrated_gradients.EXPLAINER,
    "occlusion": occlusion.EXPLAINER,
    "entropy": entropy.EXPLAINER,
    "flip consistency": flip_consistency.EXPLAINER,
    "random": random_map.EXPLAINER,
}


def explain(
    segmenter: Segmenter,
    image: ArrayLike,
    method: str = "gate",
    level: int = 32,
    target: NDArray[np.bool_] | None = None,
    rgb: bool | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    intensity: Intensity | str | None = None,
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
        Called before every decoding; if it returns true, `CancelledError` is raised.
    intensity : Percentiles, Window or str, optional
        How values become [0, 1]; as for `Segmenter.segment`.

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
    (found,) = run_explainer(
        method, explainer, segmenter, image, (level,), target, rgb, cancelled, intensity
    )
    return found


def method_id(name: str) -> str:
    """Name of a method in file names, such as ``gate-recalibrated``."""
    words = "".join(c if c.isalnum() else " " for c in name.casefold()).split()
    return "-".join(words)


def method_name(text: str) -> str:
    """Find the name in `EXPLAINERS` that the user means.

    Upper and lower case count as equal, and so do a space, a hyphen and an underscore.

    Raises
    ------
    UnknownNameError
        If there is no such method; the nearest names are offered.
    """
    known = {method_id(name): name for name in EXPLAINERS}
    if method_id(text) not in known:
        raise UnknownNameError.for_name("explanation", text, list(EXPLAINERS))
    return known[method_id(text)]
