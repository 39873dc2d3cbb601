"""Validation loss, Dice and IoU of the EMA weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from attnseg_training.datasets.image_store import ImageStore
from attnseg_training.fit.token_cache import TokenCache
from attnseg_training.runs.snapshots import shown, snapshot_png
from napari_attnseg.metrics import class_scores, confusion, over_classes, scores
from napari_attnseg.models.encoders import PlainViTEncoder
from napari_attnseg.models.network import (
    Features,
    NetworkOutput,
    SegmentationNetwork,
)


class Measured(NamedTuple):
    """Means over the validation images, at the size of the network's input.

    Dice and IoU are means over images, ignored pixels left out; both are 1 for an image
    without a lesion in mask and prediction. With several classes they are means over
    classes, and images in which a class is absent from both lesion and prediction do
    not count for that class.
    """

    loss: float
    dice: float
    iou: float


class Validation:
    """Evaluation on the validation images.

    Parameters
    ----------
    network : SegmentationNetwork
        Network with the EMA weights, in evaluation mode.
    store : ImageStore
        Images and masks.
    cache : Path or None
        Folder for the tokens of a frozen ViT.
    loss : callable
        Loss function of (logits, masks).
    """

    def __init__(
        self,
        network: SegmentationNetwork,
        store: ImageStore,
        cache: Path | None,
        loss: Callable[[Tensor, Tensor], Tensor],
    ) -> None:
        self.network, self.store, self.loss = network, store, loss
        self.cache = None
        if cache is not None and isinstance(network.transformer, PlainViTEncoder):
            self.cache = TokenCache(cache, network.transformer, store, 1)

    @torch.inference_mode()
    def measure(self, batch: int) -> Measured:
        """Measure loss, Dice and IoU, `batch` images at a time."""
        losses: list[float] = []
        found: list[list[tuple[float, float]]] = []  # Dice and IoU per image and class
        for start in range(0, len(self.store), batch):
            index = list(range(start, min(start + batch, len(self.store))))
            images, masks = self.store.batch(index)
            output = self._forward(images, index)
            losses += [float(self.loss(output.logits, masks))] * len(index)
            for truth, logits in zip(masks, output.logits, strict=True):
                ignored = truth[0].isnan().cpu() if self.store.ignored else None
                planes = zip(truth.cpu(), (logits >= 0).cpu(), strict=True)
                measure = scores if len(truth) == 1 else class_scores
                rows = [
                    measure(confusion(true, plane, ignored)) for true, plane in planes
                ]
                found.append([(row["dice"], row["iou"]) for row in rows])
        dice, iou = np.moveaxis(np.array(found), -1, 0)
        return Measured(float(np.mean(losses)), over_classes(dice), over_classes(iou))

    @torch.inference_mode()
    def masks(self, index: list[int]) -> Tensor:
        """Predict masks (N, classes, S, S) of some of the images."""
        images, _ = self.store.batch(index)
        return self._forward(images, index).logits >= 0

    def _forward(self, images: Tensor, index: list[int]) -> NetworkOutput:
        vit = self.network.transformer
        if self.cache is None or not isinstance(vit, PlainViTEncoder):
            out: NetworkOutput = self.network(images)
            return out
        pyramid = vit.pyramid(self.cache.tokens(images, index, 0))
        return self.network.decode(Features(self.network.cnn(images), pyramid))


def snapshot(valid: Validation, title: str, classes: Sequence[str]) -> bytes:
    """Return a PNG of the masks that the EMA weights predict."""
    index = shown(len(valid.store))
    images, truths = valid.store.batch(index)
    return snapshot_png(
        [valid.store.names[i] for i in index],
        images.permute(0, 2, 3, 1).cpu().numpy(),
        truths.nan_to_num().byte().cpu().numpy(),
        valid.masks(index).byte().cpu().numpy(),
        title,
        classes,
    )
