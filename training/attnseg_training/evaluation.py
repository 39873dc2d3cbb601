"""Evaluating weights on a data set: per image, then mean, SD and interval."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from attnseg_training.class_scores import class_counts, class_means, class_summary
from attnseg_training.datasets import Dataset
from attnseg_training.measures import (
    BAND,
    TOLERANCE,
    Case,
    by_size,
    calibration,
    measure,
    worst_decile,
)
from napari_attnseg.cards import versions
from napari_attnseg.explanations.statistics import MEAN_RESAMPLES, mean_interval
from napari_attnseg.inference import Segmenter
from napari_attnseg.metrics import METRICS, PAPER_SMOOTH, Confusion, scores


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """What was measured of one set of weights on one split.

    Attributes
    ----------
    measured : mapping
        From `provenance`: which weights, how they were trained, on what device.
    dataset, split, protocol : str
        What it was measured on, and how, in words.
    names : tuple of str
        Image names, sorted.
    cases : tuple of Case
        Measurements per image at its original size; of several classes together.
    classes : tuple of str
        Names, background not counted.
    by_class : tuple of tuple of Confusion
        Pixel counts per image and class; empty for one class.
    """

    measured: Mapping[str, Any]
    dataset: str
    split: str
    protocol: str
    names: tuple[str, ...]
    cases: tuple[Case, ...]
    classes: tuple[str, ...] = ()
    by_class: tuple[tuple[Confusion, ...], ...] = ()

    def per_image(self, smooth: float = 0.0) -> list[dict[str, float]]:
        """Metrics of every image; see `napari_attnseg.metrics.scores`."""
        return [scores(case.counts, smooth) for case in self.cases]

    def summary(self) -> dict[str, Any]:
        """JSON-ready: ``n``, ``protocol`` and statistics of each metric.

        Also ``hd95`` and ``nsd``, the ``worst_decile`` of Dice, Dice ``by_size`` of the
        lesion, and ``calibration``; see `measures`. Of several classes all this is of
        any class against background; see `class_summary` for each and their mean.
        """
        cases = list(self.cases)
        dice = np.array([row["dice"] for row in self.per_image()])
        surfaces = {
            name: {
                **mean_interval([getattr(case, name) for case in cases]),
                "undefined": sum(math.isnan(getattr(case, name)) for case in cases),
            }
            for name in ("hd95", "nsd")
        }
        return {
            "n": len(self.names),
            "protocol": self.protocol,
            "dataset": self.dataset,
            "split": self.split,
            **self.measured,
            **_statistics(self.per_image()),
            **surfaces,
            **class_summary(self.classes, self.by_class),
            "worst_decile": worst_decile(dice),
            "by_size": by_size(cases, dice),
            "calibration": calibration(cases),
            "as_published": {
                "convention": f"{PAPER_SMOOTH:g} added to both sides of every ratio",
                **_statistics(self.per_image(PAPER_SMOOTH)),
            },
        }

    def to_csv(self) -> str:
        """One line per image."""
        text = io.StringIO()
        extra = ("hd95", "nsd", "lesion", "brier")
        each = [f"dice {name}" for name in self.classes] if self.by_class else []
        each += ["dice mean over classes"] if each else []
        writer = csv.DictWriter(text, ["name", *METRICS, *extra, *each])
        writer.writeheader()
        per_class = [
            [*(scores(c)["dice"] for c in counts), class_means(counts)["dice"]]
            for counts in self.by_class
        ] or [[]] * len(self.names)
        for name, row, case, dices in zip(
            self.names, self.per_image(), self.cases, per_class, strict=True
        ):
            more = (case.hd95, case.nsd, case.lesion, case.brier["image"])
            rest = zip((*extra, *each), (*more, *dices), strict=True)
            writer.writerow({"name": name, **row, **dict(rest)})
        return text.getvalue()


def evaluate(
    weights: str | Path,
    data: Dataset,
    split: str,
    device: str = "auto",
    watch: Callable[[int, int], None] = lambda done, total: None,
) -> EvaluationReport:
    """Segment every image of a split as a user would, and compare with its mask.

    Parameters
    ----------
    weights : str or Path
        Bundled name or file.
    data : Dataset
        From `load_dataset`.
    split : str
        Which part of it.
    device : str
        See `resolve_device`.
    watch : callable
        Called with (images done, images in all).

    Raises
    ------
    AttnSegError
        If weights, split or an image cannot be used.
    """
    samples = data.split(split)
    segmenter = Segmenter.from_checkpoint(weights, device)
    data.expect_classes(segmenter.network.spec.classes)
    several = len(data.classes) > 1
    cases, by_class, sizes = [], [], set()
    for done, sample in enumerate(samples, start=1):
        image, planes = sample.read_planes()
        truth = planes.max(0)
        sizes.add(f"{truth.shape[0]}×{truth.shape[1]}")
        found = segmenter(image, rgb=True)
        cases.append(measure(truth, found.mask, found.probability.max(0)))
        if several:
            by_class.append(class_counts(planes, found, sample.apart))
        watch(done, len(samples))
    size = sizes.pop() if len(sizes) == 1 else f"{len(sizes)} sizes"
    protocol = (
        f"per image at its original size ({size}), threshold "
        f"{segmenter.card.threshold:g}, undefined ratios left out; mean, SD and 95 % "
        f"percentile bootstrap interval over images ({MEAN_RESAMPLES} resamples, "
        f"seed 0); outlines: hd95 in pixels, nsd within {100 * TOLERANCE:g} % of the "
        f"longer side, left out where a mask is empty; boundary: {100 * BAND:g} % of "
        f"the longer side to both sides of the outline; data: {data.protocol}"
    )
    if several:
        protocol += (
            f"; classes {', '.join(data.classes)}: dice and the other plain metrics, "
            "outlines and calibration are of any class against background; by_class "
            "and mean_over_classes of each by itself"
        )
    return EvaluationReport(
        provenance(segmenter),
        data.name,
        split,
        protocol,
        tuple(sample.name for sample in samples),
        tuple(cases),
        data.classes,
        tuple(by_class),
    )


def provenance(segmenter: Segmenter) -> dict[str, Any]:
    """What a result needs beside its numbers: weights, their training, device, date."""
    return {
        "model": segmenter.card.spec.name,
        "weights_sha256": segmenter.sha256,
        "device": segmenter.device,
        "versions": versions(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "training": segmenter.card.training,
    }


def _statistics(rows: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    return {metric: mean_interval([row[metric] for row in rows]) for metric in METRICS}
