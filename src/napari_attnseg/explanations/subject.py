"""Subject of an explanation: one image, one model, one target region."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from napari_attnseg.arrays import resize
from napari_attnseg.cards import ModelCard
from napari_attnseg.errors import InputError
from napari_attnseg.inference import Segmenter
from napari_attnseg.intensity import (
    WHOLE_RANGE,
    Intensity,
    IntensityMapping,
    parse_intensity,
)
from napari_attnseg.models.network import Level, SegmentationNetwork
from napari_attnseg.preprocessing import to_rgb


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """One image with its encoders' features, computed once for every explainer.

    Functions that take gradients also take N images at once.

    Attributes
    ----------
    card : ModelCard
        Card of this model.
    network : SegmentationNetwork
        In eval mode, without gradients of its parameters.
    image : Tensor, shape (1, 3, S, S), in [0, 1]
        The network's input.
    pairs : list of tuples of Tensor
        From `SegmentationNetwork.align`.
    mask : Tensor, shape (1, 1, S, S)
        The model's own mask, 0 or 1. It replaces the true mask, which is not known
        here.
    target : Tensor, shape (1, 1, S, S)
        1 in the region whose mean logit is explained.
    region : str
        Description of the target region.
    rule : Percentiles or Window
        Rule for intensities that was asked for.
    mapping : IntensityMapping or None
        How the image's values were mapped to [0, 1].
    """

    card: ModelCard
    network: SegmentationNetwork
    image: Tensor
    pairs: list[Level]
    mask: Tensor
    target: Tensor
    region: str = "the model's own mask"
    rule: Intensity = WHOLE_RANGE
    mapping: IntensityMapping | None = None

    def score(self, logits: Tensor) -> Tensor:
        """Logits (N, 1, S, S) → mean logit in the target region, (N,)."""
        total: Tensor = (logits * self.target).sum((1, 2, 3))
        return total / self.target.sum((1, 2, 3))


def subject_of(
    segmenter: Segmenter,
    image: ArrayLike,
    target: NDArray[np.bool_] | None = None,
    rgb: bool | None = None,
    intensity: Intensity | str | None = None,
) -> Subject:
    """Encode an image and choose what is to be explained.

    Parameters
    ----------
    segmenter : Segmenter
        The model, which must have one class.
    image : array, shape (H, W) or (H, W, 3 or 4)
        As for `Segmenter.segment`.
    target : ndarray of bool, shape (H, W), optional
        Region whose logits are explained: an object, or what somebody painted. Default:
        the model's own mask, or the whole image where that is empty.
    rgb : bool, optional
        Whether the last axis is colour.
    intensity : Percentiles, Window or str, optional
        How values become [0, 1]; as for `Segmenter.segment`.

    Raises
    ------
    InputError
        If the image cannot be used, or the target is empty or of another size.
    """
    network = segmenter.network
    if network.spec.classes != 1:
        raise InputError(
            f"Explanations need a model of one class, but this one has "
            f"{network.spec.classes}; choose other weights."
        )
    rule = parse_intensity(intensity, segmenter.card.preprocessing.intensity)
    pixels, mapping = to_rgb(image, rgb, rule)
    size = network.spec.size
    with torch.no_grad():
        batch = torch.from_numpy(pixels).permute(2, 0, 1)[None]
        batch = resize(batch, size).to(segmenter.device)
        pairs = network.align(network.encode(batch))
        logits = network.logits(network.fuse(pairs)[0]) / segmenter.card.temperature
        mask = (torch.sigmoid(logits) >= segmenter.card.threshold).float()
    found = Subject(
        segmenter.card,
        network,
        batch,
        pairs,
        mask,
        own_target(mask),
        rule=rule,
        mapping=mapping,
    )
    if target is not None:
        given = _resized(np.asarray(target), pixels.shape[:2], mask)
        return dataclasses.replace(found, target=given, region="a given region")
    if not mask.any():
        whole = "the whole image, because the mask is empty"
        return dataclasses.replace(found, region=whole)
    return found


def own_target(mask: Tensor) -> Tensor:
    """Target of each image: the model's own mask, or the whole image if it is empty."""
    return torch.where(mask.any(3, True).any(2, True), mask, 1.0)


def _resized(target: NDArray[np.bool_], shape: tuple[int, ...], like: Tensor) -> Tensor:
    if target.shape != shape or not target.any():
        raise InputError(
            f"Expected a target region of the image's shape {shape} with at least one "
            f"pixel in it, got shape {target.shape} with {np.count_nonzero(target)}; "
            "paint or choose another one."
        )
    soft = resize(
        torch.from_numpy(target.astype(np.float32))[None, None], like.shape[-1]
    )
    # A region of a few pixels may shrink below one half everywhere: keep its peak.
    return (soft >= min(0.5, float(soft.max()))).float().to(like.device)


@contextmanager
def untouched(network: nn.Module) -> Iterator[None]:
    """Restore gradients and training modes of the model, also after an error."""
    modes = {module: module.training for module in network.modules()}
    wanted = {p: (p.requires_grad, p.grad) for p in network.parameters()}
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
        for p, (required, grad) in wanted.items():
            p.requires_grad_(required)
            p.grad = grad
