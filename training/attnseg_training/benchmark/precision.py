"""Compare other arithmetic with PyTorch in float32, on real images.

OpenVINO, autocast in float16 (``--precision auto`` on a GPU) and autocast in bfloat16
are compared. On a CPU, attnseg uses neither form of autocast.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from attnseg_training.benchmark.machine import facts_of_device
from attnseg_training.benchmark.timing import KINDS, kind_of
from attnseg_training.datasets import Dataset
from napari_attnseg.arrays import to_numpy
from napari_attnseg.devices import OPENVINO, openvino_installed, resolve_device
from napari_attnseg.engines.compiled import largest_difference
from napari_attnseg.engines.torch import TorchEngine
from napari_attnseg.errors import InputError
from napari_attnseg.inference import Segmenter
from napari_attnseg.reliability.signals import dice
from napari_attnseg.weights import DEFAULT_WEIGHTS, weights_path

#: Mean Dice with the masks of float32, at least, with which arithmetic is used.
GOAL = 0.999
PLAIN, BY_OPENVINO, AUTOCAST = "float32", "OpenVINO, float32", "autocast, {}"


@dataclass(slots=True)
class _Compared:
    """Differences of one kind of arithmetic from float32, image by image."""

    logits: float = 0.0
    psi: float = 0.0
    probability: float = 0.0
    pixels: int = 0
    dice: list[float] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        mean = float(np.mean(self.dice))
        return {
            "logits": self.logits,
            "psi": self.psi,
            "probability": self.probability,
            "mask_dice": {"mean": mean, "lowest": min(self.dice)},
            "masks_equal": sum(one == 1 for one in self.dice),
            "pixels_differing": self.pixels,
            "reached": mean >= GOAL,
        }


def benchmark_precision(
    data: Dataset,
    weights: str = DEFAULT_WEIGHTS,
    device: str = "auto",
    images: int = 0,
    watch: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Compare numbers and masks on validation images; JSON-ready.

    Parameters
    ----------
    data : Dataset
        Data whose validation images are used, without their masks.
    weights : str
        Bundled name or file.
    device : str
        As for `resolve_device`.
    images : int
        Number of images, from the first on; 0: all.
    watch : callable
        Called with (images done, images in all).

    Raises
    ------
    AttnSegError
        If weights, device or an image cannot be used.
    """
    device = resolve_device(device)
    samples = data.split("val")
    samples = samples[: images or len(samples)]
    if not samples:
        raise InputError(
            f"Expected validation images in {data.name}, found none; add some, or "
            "choose other data."
        )
    plain = Segmenter.from_checkpoint(weights, device)
    ways = _ways(plain, weights)
    found = {way: _Compared() for way in ways}
    rule = plain.card.preprocessing.intensity
    for done, sample in enumerate(samples):
        watch(done, len(samples))
        pixels = sample.read_rgb(rule)
        wanted = _numbers(plain, pixels)
        for way, segmenter in ways.items():
            _compare(found[way], wanted, _numbers(segmenter, pixels))
    watch(len(samples), len(samples))
    return {
        "benchmark": "precision",
        "weights": weights_path(weights).name,
        "weights_sha256": plain.sha256,
        **facts_of_device(device),
        "dataset": data.name,
        "split": "val",
        "n": len(samples),
        "size": plain.card.preprocessing.size,
        "engines": {PLAIN: plain.engine.label}
        | {way: one.engine.label for way, one in ways.items()},
        "goal": {"mean_mask_dice": GOAL},
        "against_float32": {way: one.summary() for way, one in found.items()},
        "not_measured": [KINDS[kind] for kind in KINDS if kind != kind_of(device)],
    }


def _ways(plain: Segmenter, weights: str) -> dict[str, Segmenter]:
    found = {}
    if plain.device == "cpu" and openvino_installed():
        other = Segmenter.from_checkpoint(weights, OPENVINO)
        if other.chosen_device == OPENVINO:
            found[BY_OPENVINO] = other
    for reduced in ("float16", "bfloat16"):
        engine = TorchEngine(plain.network, reduced)
        found[AUTOCAST.format(reduced)] = replace(plain, engine=engine)
    return found


def _numbers(segmenter: Segmenter, pixels: Any) -> dict[str, Any]:
    encoded = segmenter.encode(pixels)
    engine = segmenter.engine
    with engine.computing():
        logits = engine.logits(engine.fuse(encoded.pairs)[0])
    return {"logits": to_numpy(logits), "result": segmenter.decode(encoded)}


def _compare(
    so_far: _Compared, wanted: Mapping[str, Any], found: Mapping[str, Any]
) -> None:
    one, other = wanted["result"], found["result"]
    gates = zip(one.attention, other.attention, strict=True)
    psi = [largest_difference(a.values, b.values) for a, b in gates]
    gap = largest_difference(wanted["logits"], found["logits"])
    so_far.logits = max(so_far.logits, gap)
    so_far.psi = max([so_far.psi, *psi])
    gap = largest_difference(one.probability, other.probability)
    so_far.probability = max(so_far.probability, gap)
    so_far.pixels += int(np.count_nonzero(one.mask != other.mask))
    values = [value for value in np.union1d(one.mask, other.mask) if value]
    each = [dice(one.mask == value, other.mask == value) for value in values]
    so_far.dice.append(float(np.mean(each)) if each else 1.0)


def markdown_of_precision(summary: Mapping[str, Any]) -> str:
    """Format the result as a Markdown table."""
    known = ", ".join(f"{name} {one}" for name, one in summary["versions"].items())
    lines = [
        f"## precision: {Path(summary['weights']).stem}",
        "",
        f"{summary['n']} validation images of {summary['dataset']}; "
        f"{summary['machine']}, {summary['threads']} threads, {summary['date']}; "
        f"{known}.",
        "",
        "| against PyTorch in float32 | logits | psi | mask Dice, mean and lowest | "
        "equal masks | goal |",
        "|---|---|---|---|---|---|",
    ]
    for way, found in summary["against_float32"].items():
        of, met = found["mask_dice"], "reached" if found["reached"] else "missed"
        lines.append(
            f"| {way} | {found['logits']:.1e} | {found['psi']:.1e} | "
            f"{of['mean']:.5f}, {of['lowest']:.5f} | {found['masks_equal']} | "
            f"{GOAL}: {met} |"
        )
    lines += [f"| {kind} | not measured | | | | |" for kind in summary["not_measured"]]
    return "\n".join(lines) + "\n"
