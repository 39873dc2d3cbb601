"""Measure how well the Dice of a case can be estimated, and record the rule."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from attnseg_training.datasets import DATASETS, Dataset
from attnseg_training.datasets.image_store import ImageStore
from attnseg_training.release.expected_dice_cases import (
    Case,
    Kind,
    measure_cases,
    observe,
)
from attnseg_training.release.expected_dice_report import fit_cases
from attnseg_training.release.export import with_card
from attnseg_training.release.foreign_images import foreign_images
from attnseg_training.runs.lineage import trained_on
from napari_attnseg.arrays import resize
from napari_attnseg.cards import versions
from napari_attnseg.checkpoints import expect_weights_name
from napari_attnseg.devices import resolve_device
from napari_attnseg.errors import InputError
from napari_attnseg.inference import Segmenter
from napari_attnseg.preprocessing import to_rgb
from napari_attnseg.weights import weights_path

#: Images below which nothing is fitted.
FEWEST = 20


def add_expected_dice(
    weights: Path,
    out: Path,
    data: Dataset,
    split: str,
    device: str = "auto",
    allow: Collection[str] = (),
    warn: Callable[[str], None] = lambda sentence: None,
    watch: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Write weights again with a rule for the expected Dice; returns the measurement.

    Use validation images. The rest of the card and a click head stay, and the tensors
    stay the same byte for byte, so that earlier measurements remain valid.

    Raises
    ------
    AttnSegError
        If weights, split or an image cannot be used, a rule is broken that is not
        allowed, or the validation images were trained on.
    """
    expect_weights_name(out)
    segmenter = Segmenter.from_checkpoint(weights, resolve_device(device))
    data.expect_classes(segmenter.network.spec.classes, segmenter.card.classes)
    if split == "test":
        raise InputError(
            "Expected validation images to fit the expected Dice on, got the split "
            "test, which must only be used to judge a model; choose --split val."
        )
    if split == "val" and trained_on(segmenter.card, data):
        raise InputError(
            f"{weights} was trained on the images of the split val too, where its "
            "masks are better than elsewhere; fit on images that it has not seen."
        )
    samples = data.split(split)
    if len(samples) < FEWEST:
        raise InputError(
            f"Expected at least {FEWEST} images to fit the expected Dice on, got "
            f"{len(samples)} in the split {split!r}; list more."
        )
    rule = segmenter.card.preprocessing.intensity
    size = segmenter.network.spec.size
    store = ImageStore(samples, size, segmenter.device, rule)
    for broken in store.seen.expect(allow):
        warn(str(broken))
    cases = measure_cases(segmenter, store, watch)
    foreign = observe_foreign(segmenter)
    title = DATASETS[data.name].title if data.name in DATASETS else data.name
    origin = {
        "n": len(store),
        "dataset": data.name,
        "title": title.partition(",")[0],
        "split": split,
    }
    found, report = fit_cases(cases, foreign, origin)
    card = dataclasses.replace(segmenter.card, expected_dice=found.to_json())
    sha256 = with_card(weights_path(weights), card, out)
    run = {
        "model": card.spec.name,
        "weights_sha256": sha256,
        "temperature": card.temperature,
        "threshold": card.threshold,
        "device": segmenter.device,
        "versions": versions(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        **store.ignored_pixels(data.ignore),
    }
    return {**origin, **run, **report}


def observe_foreign(segmenter: Segmenter) -> dict[str, Case]:
    """Run the model on each of `foreign_images`; returns name → case."""
    side, found = segmenter.network.spec.size, {}
    for name, pixels in foreign_images():
        rgb, _ = to_rgb(pixels, None, segmenter.card.preprocessing.intensity)
        image = resize(torch.from_numpy(rgb).permute(2, 0, 1)[None], side)
        nothing = torch.zeros(1, 1, side, side, device=segmenter.device)
        image = image.to(segmenter.device)
        found[name] = observe(segmenter, 0, Kind.ORIGINAL, name, image, nothing)
    return found
