"""Run one method on one image; it can be cancelled and leaves nothing behind."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn

from napari_attnseg.cards import versions
from napari_attnseg.errors import CancelledError, InputError
from napari_attnseg.explanations.explainer import Explainer
from napari_attnseg.explanations.requirements import check
from napari_attnseg.explanations.subject import Subject, subject_of, untouched
from napari_attnseg.hashing import array_sha256
from napari_attnseg.inference import Segmenter
from napari_attnseg.intensity import MAPPING, RULE, Intensity, rule_to_json
from napari_attnseg.results import EffectiveShare, Explanation
from napari_attnseg.spec import STRIDES


def run_explainer(
    method: str,
    explainer: Explainer,
    segmenter: Segmenter,
    image: ArrayLike,
    levels: Sequence[int] = (32,),
    target: NDArray[np.bool_] | None = None,
    rgb: bool | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    intensity: Intensity | str | None = None,
) -> list[Explanation]:
    """Explain one segmentation with one method, at some levels.

    The image is encoded once for all levels. Parameters and errors are those of
    `explanations.explain`.

    Parameters
    ----------
    method : str
        Name of the method.
    explainer : Explainer
        The method.
    levels : sequence of int
        Strides; a method without a map per level gives one map, whatever they are.

    Returns
    -------
    list of Explanation
        One map per level, or a single one.
    """
    levels = levels if explainer.per_gate else levels[:1]
    check_method(explainer, segmenter, levels)
    own = threading.get_ident()

    def stop(decoder: nn.Module, args: Any) -> None:
        # Somebody else may segment with the same network meanwhile.
        if threading.get_ident() == own and cancelled():
            raise CancelledError(f"The explanation {method!r} was cancelled.")

    with untouched(segmenter.network), segmenter.enough_memory():
        # Whatever a method does, each of its steps ends in a decoding.
        hook = segmenter.network.decoder.register_forward_pre_hook(stop)
        try:
            subject = subject_of(segmenter, image, target, rgb, intensity)
            maps = {
                level: explainer.run(subject, level).detach().float().cpu().numpy()
                for level in levels
            }
        finally:
            hook.remove()
    provenance = _provenance(segmenter, subject, image)
    return [
        _explanation(method, explainer, segmenter, subject, level, values, provenance)
        for level, values in maps.items()
    ]


def check_method(
    explainer: Explainer, segmenter: Segmenter, levels: Sequence[int]
) -> None:
    """Raise `InputError` if the method does not suit the model; needs no image."""
    for level in levels:
        if explainer.per_gate and level not in STRIDES:
            raise InputError(
                f"There is no gate at 1/{level}; expected one of "
                f"{', '.join(map(str, STRIDES))}."
            )
        check(explainer, segmenter.network, segmenter.card, level)


def _explanation(
    method: str,
    explainer: Explainer,
    segmenter: Segmenter,
    subject: Subject,
    level: int,
    values: NDArray[np.float32],
    provenance: dict[str, Any],
) -> Explanation:
    height, width = provenance["image_shape"]
    return Explanation(
        method,
        level if explainer.per_gate else None,
        values,
        (height / values.shape[0], width / values.shape[1]),
        explainer.scale,
        explainer.meaning,
        subject.region if explainer.targeted else "",
        explainer.finding(segmenter.card, level),
        provenance,
        low=explainer.low,
        high=explainer.high,
        pattern=segmenter.card.pattern(level) if explainer.of_a_gate else None,
        effective_share=_effective_share(subject, level)
        if explainer.of_a_gate
        else EffectiveShare(),
    )


def _effective_share(subject: Subject, level: int) -> EffectiveShare:
    network = subject.network
    with torch.no_grad():
        shares = network.effective_shares(subject.pairs, network.psi(subject.pairs))
    return EffectiveShare.measured(shares[level][0, 0].float().cpu().numpy())


def _provenance(
    segmenter: Segmenter, subject: Subject, image: ArrayLike
) -> dict[str, Any]:
    assert subject.mapping is not None
    return {
        "model": segmenter.card.spec.name,
        "weights": segmenter.weights,
        "weights_sha256": segmenter.sha256,
        "device": segmenter.device,
        "intensity": str(subject.mapping),
        RULE: rule_to_json(subject.rule),
        MAPPING: subject.mapping.to_json(),
        "image_sha256": array_sha256(image),
        # As in `inference`: what turned the image before says so.
        "orientation": 1,
        "image_shape": list(np.shape(image)[:2]),
        "versions": versions(),
        "date": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
