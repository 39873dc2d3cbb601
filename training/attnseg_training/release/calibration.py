"""Temperature scaling (Guo et al. 2017): calibrated probabilities."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection
from enum import StrEnum
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
from napari_attnseg.checkpoints import (
    expect_weights_name,
    load_checkpoint,
    save_checkpoint,
)
from napari_attnseg.devices import resolve_device
from napari_attnseg.errors import InputError
from napari_attnseg.inference import Segmenter
from napari_attnseg.weights import weights_path

BATCH = 8
#: Bounds of the temperature.
LOW, HIGH = 0.2, 10.0
#: A temperature that is nearer to a bound than this part of it lies on it.
NEAR = 1e-3


def calibrate(
    weights: Path,
    out: Path,
    data: Dataset,
    split: str,
    device: str = "auto",
    half: bool = False,
    allow: Collection[str] = (),
    warn: Callable[[str], None] = lambda sentence: None,
) -> float:
    """Write weights again with the temperature that fits a split best.

    The temperature divides all logits. It is the one with the smallest mean
    cross-entropy per pixel, at the network's size. At that size it changes no mask at
    the threshold 0.5; at the size of the image, single pixels of an outline may change.
    Numbers that were measured before are removed from the card. Use validation images.
    `half` stores float16. Masks must keep the rules of `datasets.findings.ALLOWABLE`,
    except those in `allow`; rules that are broken are passed to `warn` and recorded as
    ``allowed``.

    Returns
    -------
    float
        Temperature between 0.2 and 10; above 1, the model was overconfident. If it
        reached one of these bounds (see `on_bound`), the card's ``temperature_from``
        records the bound, ``"low"`` or ``"high"``.

    Raises
    ------
    AttnSegError
        If weights, split or an image cannot be used, a rule is broken that is not
        allowed, or the validation images were trained on, where every model is
        overconfident.
    """
    expect_weights_name(out)
    segmenter = Segmenter.from_checkpoint(weights, resolve_device(device))
    network = segmenter.network
    data.expect_classes(network.spec.classes, segmenter.card.classes)
    if split == "val" and trained_on(segmenter.card, data):
        raise InputError(
            f"{weights} was also trained on the images of the split val, where it is "
            "more confident than elsewhere; use the temperature of an honest run with "
            "the same settings: --like WEIGHTS, without --data."
        )
    rule = segmenter.card.preprocessing.intensity
    store = ImageStore(data.split(split), network.spec.size, segmenter.device, rule)
    allowed = store.seen.expect(allow)
    for broken in allowed:
        warn(str(broken))
    logits, masks = [], []
    with torch.inference_mode():
        for start in range(0, len(store), BATCH):
            index = list(range(start, min(start + BATCH, len(store))))
            images, truth = store.batch(index)
            logits.append(network(images).logits.cpu())
            masks.append(truth.cpu())
    z, y = torch.cat(logits), torch.cat(masks)
    if store.ignored:
        known = ~y.isnan()
        z, y = z[known], y[known]

    def loss(temperature: float) -> float:
        return float(F.binary_cross_entropy_with_logits(z / temperature, y))

    found = minimize_scalar(loss, bounds=(LOW, HIGH), method="bounded")
    temperature = round(float(found.x), 3)
    fitted_on: dict[str, Any] = {"dataset": data.name, "split": split, "n": len(store)}
    if bound := on_bound(temperature):
        fitted_on["bound"] = str(bound)
    fitted_on |= store.ignored_pixels(data.ignore) | data.mask_rules
    if allowed:
        fitted_on["allowed"] = [str(broken.rule) for broken in allowed]
    text = f"{data.name}, split {split}, n = {len(store)}"
    _write(weights, out, temperature, fitted_on, text, half)
    return temperature


class Bound(StrEnum):
    """Bound at which the fit of a temperature stopped."""

    LOW = "low"
    HIGH = "high"


def on_bound(temperature: float) -> Bound | None:
    """Bound that a temperature has reached; None if it lies between the bounds.

    With few images, or if all pixels are right or all are wrong, the cross-entropy may
    have no minimum between the bounds.
    """
    # The search comes close to a bound and never reaches it.
    if temperature < LOW * (1 + NEAR):
        return Bound.LOW
    return Bound.HIGH if temperature > HIGH * (1 - NEAR) else None


def bound_sentence(temperature: float, images: int) -> str:
    """Sentence that a temperature has reached its bound; empty if it has not."""
    bound = on_bound(temperature)
    if bound is None:
        return ""
    number, which = (LOW, "lower") if bound is Bound.LOW else (HIGH, "upper")
    return (
        f"This is the {which} bound, {number:g}: the {images} images fix no "
        "temperature, so probabilities are not calibrated; fit on more images, or on "
        "such as show both right and wrong pixels."
    )


def borrow(weights: Path, out: Path, like: Path, half: bool = False) -> float:
    """Write weights with the temperature of other weights, and return it.

    This is for a run by the protocol ``all``, which leaves no images to fit a
    temperature on. `like` is a file or the name of bundled weights, of an honest run
    with the same settings, or of the run that this one continued.

    Raises
    ------
    CheckpointError
        If a file cannot be read.
    InputError
        If `like` has no temperature that was fitted on validation images, or belongs to
        another model.
    """
    expect_weights_name(out)
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
        readers={},
        expected_dice={},
    )
    save_checkpoint(out, stored.state_dict(), card, half)
