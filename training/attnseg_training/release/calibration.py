"""Temperature scaling (Guo et al. 2017): calibrated probabilities."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from scipy.optimize import minimize_scalar

from attnseg_training.datasets import Dataset
from attnseg_training.datasets.image_store import ImageStore
from attnseg_training.fit.initial_weights import same_network
from attnseg_training.runs.lineage import trained_on
from napari_attnseg.cards import read_card
from napari_attnseg.checkpoints import load_checkpoint, save_checkpoint
from napari_attnseg.errors import InputError
from napari_attnseg.inference import Segmenter
from napari_attnseg.weights import weights_path

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
        The temperature, between 0.2 and 10; above 1: the model was overconfident.

    Raises
    ------
    AttnSegError
        If weights, split or an image cannot be used, or the validation images were
        trained on, where every model is overconfident.
    """
    segmenter = Segmenter.from_checkpoint(weights, device)
    network = segmenter.network
    data.expect_classes(network.spec.classes, segmenter.card.classes)
    if split == "val" and trained_on(segmenter.card, data):
        raise InputError(
            f"{weights} was trained on the images of the split val too, where it is "
            "surer of itself than elsewhere; take the temperature of an honest run of "
            "the same settings: --like WEIGHTS, without --data."
        )
    rule = segmenter.card.preprocessing.intensity
    store = ImageStore(data.split(split), network.spec.size, segmenter.device, rule)
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
    fitted_on = {"dataset": data.name, "split": split, "n": len(store)}
    text = f"{data.name}, split {split}, n = {len(store)}"
    _write(weights, out, temperature, fitted_on, text, half)
    return temperature


def borrow(weights: Path, out: Path, like: Path, half: bool = False) -> float:
    """Write weights again with the temperature of other weights; returns it.

    For a run by the protocol ``all``, which leaves no images to fit it on: `like` is
    an honest run of the same settings, or what this one went on from: a file, or the
    name of bundled weights.

    Raises
    ------
    CheckpointError
        If a file cannot be read.
    InputError
        If `like` has no temperature that was fitted on validation images, or is of
        another model.
    """
    _, card, sha256 = load_checkpoint(weights_path(like))
    if not same_network(card.spec, read_card(weights).spec):
        raise InputError(
            f"Expected weights of the same model as {weights}, but {like} holds "
            f"{card.spec.name!r} or another version of it; choose an honest run of the "
            "same settings."
        )
    fitted_on = card.training.get("temperature_from", {})
    if fitted_on.get("split") != "val":
        raise InputError(
            f"{like} has no temperature that was fitted on validation images; "
            "`calibrate` it first."
        )
    text = f"{card.training['temperature']}, of the weights {sha256}"
    fitted_on = {**fitted_on, "weights_sha256": sha256}
    _write(weights, out, card.temperature, fitted_on, text, half)
    return card.temperature


def _write(
    weights: Path,
    out: Path,
    temperature: float,
    fitted_on: dict[str, Any],
    text: str,
    half: bool,
) -> None:
    """Store the temperature, and in two forms what it was fitted on."""
    stored, card, _ = load_checkpoint(weights)
    training = {**card.training, "temperature": text, "temperature_from": fitted_on}
    card = dataclasses.replace(
        card,
        temperature=temperature,
        training=training,
        metrics={},
        gates={},
        combination={},
    )
    save_checkpoint(out, stored.state_dict(), card, half)
