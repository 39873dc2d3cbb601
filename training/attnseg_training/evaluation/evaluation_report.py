"""Result of an evaluation, image by image, and its summary."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnseg_training.evaluation.areas import COLUMNS as AREAS
from attnseg_training.evaluation.areas import area_summary, areas
from attnseg_training.evaluation.detection import Detection, detection
from attnseg_training.evaluation.image_metrics import (
    ImageMetrics,
    by_size,
    calibration,
    worst_decile,
)
from attnseg_training.evaluation.per_class import (
    class_means,
    class_summary,
)
from attnseg_training.evaluation.thresholds import threshold_curve
from napari_attnseg.intensity import (
    WHOLE_RANGE,
    Intensity,
)
from napari_attnseg.metrics import (
    METRICS,
    PAPER_SMOOTH,
    Confusion,
    class_scores,
    scores,
)
from napari_attnseg.statistics import UNIT, Interval, mean_interval


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """Evaluation of one set of weights on one split.

    Attributes
    ----------
    measured : mapping
        Facts from `provenance` (weights, their training, device) and from
        `lineage.protocol_fields` (protocols). Also ``threshold``, ``flip`` (whether
        mirror images were averaged), ``domain`` and, if it was used, ``medsam``.
    dataset, split : str
        Data set and split that were measured.
    protocol : str
        How it was measured, as a sentence for a reader.
    names : tuple of str
        Image names, sorted.
    cases : tuple of ImageMetrics
        Metrics per image at its original size; several classes are taken together.
    size : int
        Rows and columns of the network's resolution.
    at_network : tuple of Confusion
        Pixel counts per image at that resolution.
    packed_masks : tuple of ndarray of uint8
        Predicted mask of each image, packed by `numpy.packbits`.
    classes : tuple of str
        Names, background not counted.
    by_class : tuple of tuple of Confusion
        Pixel counts per image and class; empty for one class.
    pixels_mm2 : tuple of float
        Area of a pixel of each image, in mm²; NaN if its file does not say it. Empty if
        no file does.
    intensity : Percentiles or Window
        Intensity rule of the model card, by which the images were read.
    """

    measured: Mapping[str, Any]
    dataset: str
    split: str
    protocol: str
    names: tuple[str, ...]
    cases: tuple[ImageMetrics, ...]
    size: int
    at_network: tuple[Confusion, ...]
    packed_masks: tuple[NDArray[np.uint8], ...]
    classes: tuple[str, ...] = ()
    by_class: tuple[tuple[Confusion, ...], ...] = ()
    pixels_mm2: tuple[float, ...] = ()
    intensity: Intensity = WHOLE_RANGE

    def per_image(self) -> list[dict[str, float]]:
        """Return the metrics of every image; see `napari_attnseg.metrics.scores`."""
        return [scores(case.counts) for case in self.cases]

    def _pixels(self) -> tuple[float, ...]:
        return self.pixels_mm2 or (math.nan,) * len(self.names)

    def mask(self, index: int, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """Return the predicted mask of an image of this shape (H, W)."""
        bits = np.unpackbits(self.packed_masks[index], count=shape[0] * shape[1])
        return bits.reshape(shape).astype(bool)

    def summary(self) -> dict[str, Any]:
        """Summarise ``n``, ``protocol`` and statistics of each metric, JSON-ready.

        Also ``hd95`` and ``nsd``, ``areas`` in mm² where pixel sizes are known, the
        ``worst_decile`` of Dice, Dice ``by_size`` of the lesion, ``calibration``,
        ``detection`` of lesions, the ``threshold_curve``, and the metrics
        ``at_network_size``; see `image_metrics`, `detection` and `thresholds`. With
        several classes, all metrics except detection compare any class with background;
        `class_summary` gives those of each class and their mean.
        """
        cases = list(self.cases)
        dice = np.array([row["dice"] for row in self.per_image()])
        surfaces = {
            name: {
                **mean_interval([getattr(case, name) for case in cases], limits),
                "undefined": sum(math.isnan(getattr(case, name)) for case in cases),
            }
            for name, limits in (("hd95", (0.0, math.inf)), ("nsd", UNIT))
        }
        found = detection([case.detection for case in cases])
        if self.by_class:
            found["rule"] = f"each class by itself: {found['rule']}"
        return {
            "n": len(self.names),
            "protocol": self.protocol,
            "dataset": self.dataset,
            "split": self.split,
            **self.measured,
            **_statistics([case.counts for case in cases]),
            **surfaces,
            **class_summary(self.classes, self.by_class),
            **area_summary([case.counts for case in cases], self._pixels()),
            "worst_decile": worst_decile(dice),
            "by_size": by_size(cases, dice),
            "calibration": calibration(cases),
            "detection": found,
            "threshold_curve": threshold_curve([case.curve for case in cases]),
            "as_published": _as_published([case.counts for case in cases]),
            "at_network_size": {
                "size": [self.size, self.size],
                "truth": "resized like the image, foreground where half or more",
                **_statistics(self.at_network),
                "as_published": _as_published(self.at_network),
            },
        }

    def to_csv(self) -> str:
        """Write one line per image as CSV."""
        text = io.StringIO()
        extra = ("hd95", "nsd", "lesion", "brier", *Detection._fields)
        each = [f"dice {name}" for name in self.classes] if self.by_class else []
        each += ["dice mean over classes"] if each else []
        in_mm2 = AREAS if self.pixels_mm2 else ()
        writer = csv.DictWriter(text, ["name", *METRICS, *extra, *in_mm2, *each])
        writer.writeheader()
        per_class = [
            [*(class_scores(c)["dice"] for c in counts), class_means(counts)["dice"]]
            for counts in self.by_class
        ] or [[]] * len(self.names)
        for name, row, case, pixel, dices in zip(
            *(self.names, self.per_image(), self.cases, self._pixels(), per_class),
            strict=True,
        ):
            more = (case.hd95, case.nsd, case.lesion, case.brier["image"])
            sizes = areas(case.counts, pixel) if in_mm2 else ()
            values = (*more, *case.detection, *sizes, *dices)
            rest = zip((*extra, *in_mm2, *each), values, strict=True)
            writer.writerow({"name": name, **row, **dict(rest)})
        return text.getvalue()


def _statistics(
    counts: Sequence[Confusion], smooth: float = 0.0
) -> dict[str, Interval]:
    rows = [scores(one, smooth) for one in counts]
    return {
        metric: mean_interval([row[metric] for row in rows], UNIT) for metric in METRICS
    }


def _as_published(counts: Sequence[Confusion]) -> dict[str, Any]:
    return {
        "convention": f"{PAPER_SMOOTH:g} added to both sides of every ratio",
        **_statistics(counts, PAPER_SMOOTH),
    }
