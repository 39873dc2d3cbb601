"""Make a click head for a weights file: features, training and a record of both."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from attnseg_training.datasets import Dataset
from attnseg_training.fit.click_features import gather
from attnseg_training.fit.click_training import ClickFit, fit_clicks
from napari_attnseg.cards import versions
from napari_attnseg.devices import resolve_device
from napari_attnseg.inference import Segmenter
from napari_attnseg.models.click_head import ClickHead, ClickHeadSpec


def make_head(
    weights: str,
    data: Dataset,
    split: str,
    steps: int,
    batch: int,
    views: int,
    seed: int,
    device: str = "auto",
    allow: Collection[str] = (),
    watch: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[ClickHead, dict[str, Any]]:
    """Train a click head for the given weights, and return it with its record.

    Parameters
    ----------
    weights : str
        Bundled name or file.
    data : Dataset
    split : str
        Split of the data to train on.
    steps, batch, seed
        See `ClickFit`.
    views : int
        See `gather`.
    device : str
        Device that computes features; the head is trained on the CPU.
    allow : collection of str
        Rules for masks that may be broken.
    watch : callable
        Called with (images and steps done, images and steps in all).

    Raises
    ------
    AttnSegError
        If weights, split or an image cannot be used.
    """
    segmenter = Segmenter.from_checkpoint(weights, resolve_device(device))
    data.expect_classes(segmenter.card.spec.classes, segmenter.card.classes)
    samples = data.split(split)
    total = len(samples) + steps
    seen = gather(
        segmenter, samples, seed, views, allow, lambda done, _: watch(done, total)
    )
    settings = ClickFit(steps=steps, batch=batch, seed=seed)
    spec = ClickHeadSpec(seen.features.shape[1])
    head = fit_clicks(
        seen,
        spec,
        segmenter.card.threshold,
        settings,
        lambda done, _, loss: watch(len(samples) + done, total),
    )
    facts = {
        "weights_sha256": segmenter.sha256,
        "dataset": data.name,
        "split": split,
        "n": len(samples),
        "views": views,
        "fit": asdict(settings),
        "versions": versions(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return head, facts
