"""Temperature scaling (Guo et al. 2017): probabilities that mean what they say."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch
import torch.nn.functional as F
from scipy.optimize import minimize_scalar

from attnseg_training.datasets import Dataset
from attnseg_training.images import ImageStore
from napari_attnseg.checkpoints import load_checkpoint, save_checkpoint
from napari_attnseg.inference import Segmenter

BATCH = 8
#: Bounds of the temperature.
LOW, HIGH = 0.2, 10.0


def calibrate(
    weights: Path,
    out: Path,
    data: Dataset,
    split: str,
    device: str = "auto",
    half: bool = False,
) -> float:
    """Write weights again with the temperature that fits a split best.

    The one number by which all logits are divided that gives the smallest mean
    cross-entropy per pixel, at the network's size. There it changes no mask at the
    threshold 0.5; at the image's size single pixels of an outline may change. Numbers
    measured before are dropped from the card. It is to be fitted on validation images.
    `half` stores float16.

    Returns
    -------
    float
        The temperature, between 0.2 and 10; above 1: the model was too sure of itself.

    Raises
    ------
    AttnSegError
        If weights, split or an image cannot be used.
    """
    segmenter = Segmenter.from_checkpoint(weights, device)
    network = segmenter.network
    data.expect_classes(network.spec.classes, segmenter.card.classes)
    store = ImageStore(data.split(split), network.spec.size, segmenter.device)
    logits, masks = [], []
    with torch.inference_mode():
        for start in range(0, len(store), BATCH):
            index = list(range(start, min(start + BATCH, len(store))))
            images, truth = store.batch(index)
            logits.append(network(images).logits.cpu())
            masks.append(truth.cpu())
    z, y = torch.cat(logits), torch.cat(masks)

    def loss(temperature: float) -> float:
        return float(F.binary_cross_entropy_with_logits(z / temperature, y))

    found = minimize_scalar(loss, bounds=(LOW, HIGH), method="bounded")
    temperature = round(float(found.x), 3)
    stored, card, _ = load_checkpoint(weights)
    training = {
        **card.training,
        "temperature": f"{data.name}, split {split}, n = {len(store)}",
    }
    card = dataclasses.replace(
        card,
        temperature=temperature,
        training=training,
        metrics={},
        gates={},
        combination={},
    )
    save_checkpoint(out, stored.state_dict(), card, half)
    return temperature
