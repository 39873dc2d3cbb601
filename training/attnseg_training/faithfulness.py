"""Does a gate map mean what it shows? Measured on a data set, per gate.

psi claims whose features are used where. So the claim is tested by changing psi: what
its pattern is worth, whether it agrees with who really is better there, and whether it
gives way when one encoder's input is damaged. Encoders run once per image.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from attnseg_training.datasets import Dataset
from attnseg_training.evaluation import provenance
from attnseg_training.gate_card import LEVELS, summarise
from attnseg_training.images import ImageStore
from napari_attnseg.errors import UnknownNameError
from napari_attnseg.explanations.controls import at_size, bands, trivial_maps
from napari_attnseg.explanations.interventions import Pairs, interventions
from napari_attnseg.explanations.statistics import (
    auroc,
    partial_spearman,
    spearman,
)
from napari_attnseg.explanations.trust import measured_trust
from napari_attnseg.inference import Segmenter
from napari_attnseg.models.network import Features, SegmentationNetwork
from napari_attnseg.spec import STRIDES

BATCH = 8
#: Half width of the boundary band, as a share of the image's side.
BAND = 0.02


@dataclass(frozen=True, slots=True)
class Suite:
    """How much is measured.

    Attributes
    ----------
    every : int
        Every how many batches of eight images are also damaged, turned and made noisy.
    regions : int
        Regions per side in which trust is measured.
    """

    every: int
    regions: int


SUITES = {"quick": Suite(every=5, regions=6), "full": Suite(every=1, regions=8)}


def faithfulness(
    weights: str | Path,
    data: Dataset,
    split: str,
    suite: str = "quick",
    device: str = "auto",
    watch: Callable[[int, int], None] = lambda done, total: None,
    keep: Callable[[list[dict[str, Any]]], None] = lambda rows: None,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Measure the gates of one model.

    Parameters
    ----------
    weights : str or Path
        Weights file or bundled name; a model of one class.
    data, split : Dataset, str
        What to measure on; images are resized to the network's input.
    suite : str
        Name in `SUITES`.
    device : str
        As for `Segmenter.from_checkpoint`.
    watch : callable
        Called with (images done, images in all).
    keep : callable
        Called with all rows so far after each batch, so that an interrupted run leaves
        what it measured.

    Returns
    -------
    dict
        Summary with intervals and verdicts; see `gate_card.summarise`.
    list of dict
        One row per image: numbers, and arrays ``psi 1/4``, ``tau 1/4`` …
    """
    if suite not in SUITES:
        raise UnknownNameError.for_name("suite", suite, list(SUITES))
    segmenter = Segmenter.from_checkpoint(weights, device)
    network, spec = segmenter.network, segmenter.card.spec
    samples = data.split(split)
    store = ImageStore(samples, spec.size, segmenter.device)
    rows: list[dict[str, Any]] = []
    for start in range(0, len(store), BATCH):
        index = list(range(start, min(start + BATCH, len(store))))
        images, masks = store.batch(index)
        damaged = (start // BATCH) % SUITES[suite].every == 0
        measured = _measure(network, images, masks, SUITES[suite], damaged, start)
        for i, row in zip(index, measured, strict=True):
            rows.append({"image": store.names[i], **row})
        keep(rows)
        watch(len(rows), len(store))
    protocol = (
        f"suite {suite}; {data.root.resolve().name}, split {split}; at {spec.size}×"
        f"{spec.size} px, mask at probability 0.5; trust in {SUITES[suite].regions}×"
        f"{SUITES[suite].regions} regions against the true mask; one-sided damage: a "
        "rectangle of another image, in one encoder's input; 95 % bootstrap intervals "
        f"over images; data: {data.protocol}"
    )
    facts = {
        **provenance(segmenter),
        "dataset": data.root.resolve().name,
        "split": split,
        "n": len(rows),
        "protocol": protocol,
        "ends": network.ends,
    }
    return {**facts, **summarise(rows)}, rows


def rows_csv(rows: list[dict[str, Any]]) -> str:
    """The numbers of each image as CSV; what was not measured of it stays empty."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    numbers = [
        name
        for name in names
        if not any(isinstance(row.get(name), np.ndarray) for row in rows)
    ]
    text = io.StringIO()
    writer = csv.DictWriter(text, numbers, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


@torch.no_grad()
def _measure(
    network: SegmentationNetwork,
    images: Tensor,
    masks: Tensor,
    suite: Suite,
    damaged: bool,
    seed: int,
) -> list[dict[str, Any]]:
    features = network.encode(images)
    pairs = network.align(features)
    fused, attention = network.fuse(pairs)
    logits = network.logits(fused)
    columns: dict[str, list[Any]] = {"dice": _dice(logits, masks)}
    for name, level, changed in interventions(network, pairs):
        columns[f"dice {name} {level}"] = _dice(changed, masks)
        flipped = ((changed >= 0) != (logits >= 0)).float().mean((1, 2, 3))
        columns[f"flipped {name} {level}"] = flipped.tolist()
    _trust(columns, "", network, pairs, masks, suite)
    _localise(columns, attention, images, masks, logits)
    if damaged:
        _damage(columns, network, images, features, masks, suite, seed)
        _stability(columns, network, images, attention)
    return [
        {name: values[i] for name, values in columns.items()}
        for i in range(len(images))
    ]


def _dice(logits: Tensor, masks: Tensor) -> list[float]:
    found = (logits >= 0).float()
    total = found.sum((1, 2, 3)) + masks.sum((1, 2, 3))
    overlap = 2 * (found * masks).sum((1, 2, 3))
    return torch.where(total > 0, overlap / total.clamp(min=1), 1.0).tolist()


def _trust(
    columns: dict[str, list[Any]],
    kind: str,
    network: SegmentationNetwork,
    pairs: Pairs,
    masks: Tensor,
    suite: Suite,
) -> None:
    for stride in STRIDES:
        trust = measured_trust(network, pairs, masks, stride, suite.regions)
        columns[f"psi{kind} 1/{stride}"] = list(trust.psi.cpu().numpy())
        columns[f"tau{kind} 1/{stride}"] = list(trust.tau.cpu().numpy())


def _localise(
    columns: dict[str, list[Any]],
    attention: dict[int, Tensor],
    images: Tensor,
    masks: Tensor,
    logits: Tensor,
) -> None:
    """What the map follows, and where it is high."""
    controls = trivial_maps(images, torch.sigmoid(logits))
    places = bands(masks, max(1, round(BAND * masks.shape[-1])))
    for level, psi in zip(LEVELS, attention.values(), strict=True):
        size = (psi.shape[-2], psi.shape[-1])
        small = {k: at_size(v, size).cpu().numpy() for k, v in controls.items()}
        truth = at_size(masks, size).cpu().numpy() >= 0.5
        weight = {k: at_size(v, size) for k, v in places.items()}
        maps = psi.cpu().numpy()
        n = range(len(maps))
        for name, control in small.items():
            others = [v for k, v in small.items() if k != name]
            columns[f"follows {name} {level}"] = [
                spearman(maps[i], control[i]) for i in n
            ]
            columns[f"follows only {name} {level}"] = [
                partial_spearman(maps[i], control[i], [o[i] for o in others]) for i in n
            ]
        columns[f"localises {level}"] = [auroc(maps[i], truth[i]) for i in n]
        for name, w in weight.items():
            total = w.sum((1, 2, 3))
            mean = (psi * w).sum((1, 2, 3)) / total.clamp(min=1e-6)
            columns[f"psi {name} {level}"] = torch.where(
                total > 0, mean, torch.nan
            ).tolist()


def _damage(
    columns: dict[str, list[Any]],
    network: SegmentationNetwork,
    images: Tensor,
    features: Features,
    masks: Tensor,
    suite: Suite,
    seed: int,
) -> None:
    """Damage a rectangle of one encoder's input, and see whether psi gives way."""
    where = rectangles(len(images), images.shape[-1], seed).to(images.device)
    hurt = torch.lerp(images, images.roll(1, 0), where)
    clean = network.fuse(network.align(features))[1]
    for encoder in ("CNN", "transformer"):
        seen = (
            Features(network.cnn(hurt), features.transformer)
            if encoder == "CNN"
            else Features(features.cnn, network.transformer(hurt))
        )
        pairs = network.align(seen)
        fused, psi = network.fuse(pairs)
        columns[f"dice, {encoder} damaged"] = _dice(network.logits(fused), masks)
        flat = {s: p.mean((2, 3), keepdim=True) for s, p in psi.items()}
        changed = network.logits(network.fuse(pairs, flat)[0])
        columns[f"dice mean all, {encoder} damaged"] = _dice(changed, masks)
        for stride in STRIDES:
            size = (psi[stride].shape[-2], psi[stride].shape[-1])
            inside = at_size(where, size)
            moved = psi[stride] - clean[stride]
            for name, w in (("inside", inside), ("outside", 1 - inside)):
                mean = (moved * w).sum((1, 2, 3)) / w.sum((1, 2, 3)).clamp(min=1e-6)
                columns[f"moved {name}, {encoder} damaged 1/{stride}"] = mean.tolist()
        _trust(columns, f", {encoder} damaged", network, pairs, masks, suite)


def rectangles(n: int, size: int, seed: int) -> Tensor:
    """One rectangle per image, (n, 1, size, size) of 0 and 1; 0.35 to 0.65 a side."""
    rng = np.random.default_rng(seed)
    where = torch.zeros(n, 1, size, size)
    for i in range(n):
        height, width = (rng.uniform(0.35, 0.65, 2) * size).astype(int)
        top, left = rng.integers(size - height), rng.integers(size - width)
        where[i, :, top : top + height, left : left + width] = 1
    return where


def _stability(
    columns: dict[str, list[Any]],
    network: SegmentationNetwork,
    images: Tensor,
    attention: dict[int, Tensor],
) -> None:
    """Rank correlation of psi with itself when the image is mirrored or noisy."""
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(images.shape, generator=generator).to(images.device)
    noisy = (images + 0.02 * noise).clamp(0, 1)
    for name, changed in (("mirrored", images.flip(-1)), ("noisy", noisy)):
        found = network(changed).attention
        for stride, psi in found.items():
            back = psi.flip(-1) if name == "mirrored" else psi
            columns[f"stable {name} 1/{stride}"] = [
                spearman(a, b)
                for a, b in zip(
                    attention[stride].cpu().numpy(), back.cpu().numpy(), strict=True
                )
            ]
