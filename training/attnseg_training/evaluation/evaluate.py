"""Evaluation of weights on a data set: per image, then mean, SD and interval."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attnseg_training.datasets import Dataset
from attnseg_training.datasets.all_masks import look_at_masks
from attnseg_training.datasets.image_store import (
    ignored_pixels,
    resized_ignored,
)
from attnseg_training.datasets.kept_masks import KeptMasks
from attnseg_training.datasets.rules import Rule
from attnseg_training.evaluation.areas import pixel_mm2
from attnseg_training.evaluation.evaluation_report import EvaluationReport
from attnseg_training.evaluation.image_metrics import (
    BAND,
    TOLERANCE,
    measure_image,
)
from attnseg_training.evaluation.per_class import (
    class_counts,
    class_detection,
)
from attnseg_training.runs.lineage import domain, protocol_fields, trained_under
from napari_attnseg.arrays import resize
from napari_attnseg.cards import versions
from napari_attnseg.devices import resolve_device
from napari_attnseg.encoded_image import EncodedImage
from napari_attnseg.inference import Segmenter
from napari_attnseg.intensity import (
    IntensityWarning,
)
from napari_attnseg.intensity_warnings import counted_warning
from napari_attnseg.masks import MEDSAM
from napari_attnseg.medsam import THRESHOLD, Medsam
from napari_attnseg.metrics import (
    confusion,
)
from napari_attnseg.results import Segmentation


def evaluate(
    weights: str | Path,
    data: Dataset,
    split: str,
    device: str = "auto",
    watch: Callable[[int, int], None] = lambda done, total: None,
    flip: bool = False,
    medsam: Medsam | None = None,
    allow: Sequence[str] = (),
) -> EvaluationReport:
    """Segment every image of a split as a user would, and compare with its mask.

    Parameters
    ----------
    weights : str or Path
        Bundled name or file.
    data : Dataset
        From `load_dataset`.
    split : str
        Split to evaluate.
    device : str
        See `resolve_device`.
    watch : callable
        Called with (images done, images in all).
    flip : bool
        Flip test-time augmentation; see `Segmenter.segment`.
    medsam : Medsam, optional
        Refines every mask; the refined masks are evaluated.
    allow : sequence of str
        Rules that the data may break; see `datasets.findings.ALLOWABLE`.

    Raises
    ------
    AttnSegError
        If weights, split or an image cannot be used.
    """
    samples = data.split(split)
    segmenter = Segmenter.from_checkpoint(weights, resolve_device(device))
    data.expect_classes(segmenter.card.spec.classes, segmenter.card.classes)
    # Frames without a lesion may be evaluated: this is told, and stops nothing.
    kept = KeptMasks()
    masks = look_at_masks(samples, kept.keep)
    broken = masks.broken()
    told = [
        {"rule": str(error.rule), "text": str(error)}
        for error in broken
        if error.rule not in allow
    ]
    allowed = [str(error.rule) for error in broken if error.rule in allow]
    several = len(data.classes) > 1
    side = segmenter.card.preprocessing.size
    rule = segmenter.card.preprocessing.intensity
    square = (side, side)
    cases, by_class, at_network, packed, sizes = [], [], [], [], set()
    unprompted = pixels = left_out = 0
    for done, sample in enumerate(samples, start=1):
        read = sample.read_with_traits(rule, kept.take(sample.name))
        image, planes, ignored = read.rgb, read.planes, read.ignored
        masks.add_orientation(sample.name, read)
        masks.add_image(sample.name, image)
        masks.odd.add(sample.name, np.asarray(planes.any(0)), image)
        masks.add_mapping(sample.name, read.mapping)
        truth = planes.max(0)
        pixels += truth.size
        left_out += 0 if ignored is None else int(np.count_nonzero(ignored))
        sizes.add(f"{truth.shape[0]}×{truth.shape[1]}")
        encoded = segmenter.encode(image, rgb=True, flip=flip)
        seen = None if medsam is None else medsam.encode(image, rgb=True)
        found = _found(segmenter, encoded, medsam, seen)
        unprompted += medsam is not None and not found.provenance[MEDSAM]["boxes"]
        probability = found.probability.max(0)
        cases.append(measure_image(truth, found.mask, probability, ignored))
        if several:
            by_class.append(class_counts(planes, found, sample.apart, ignored))
            each = class_detection(planes, found, sample.apart, ignored)
            cases[-1] = replace(cases[-1], detection=each)
        packed.append(np.packbits(found.mask > 0))
        if truth.shape != square:
            encoded = replace(encoded, shape=square)
            found = _found(segmenter, encoded, medsam, seen)
        void = None if ignored is None else resized_ignored(ignored, side).numpy()
        at_network.append(confusion(_resized(truth, side), found.mask, void))
        watch(done, len(samples))
    told += [hint.to_json() for hint in (*data.hints, *masks.hints())]
    pixel_sizes = tuple(pixel_mm2(sample.spacing) for sample in samples)
    if narrow := len(masks.narrow):
        text = counted_warning(IntensityWarning.NARROW_RANGE, narrow, len(samples))
        told.append({"rule": str(Rule.NARROW_RANGE), "text": text})
    size = sizes.pop() if len(sizes) == 1 else f"{len(sizes)} sizes"
    views = (
        "flip test-time augmentation (mean probability of the image and its three "
        "mirror images)"
        if flip
        else "no test-time augmentation"
    )
    threshold, refined = segmenter.card.threshold, ""
    if medsam is not None:
        refined = (
            f"; masks and probabilities were refined by {medsam.how} (that mask: "
            f"threshold {threshold:g}; where it was empty it stayed so: {unprompted} "
            f"of {len(samples)} images)"
        )
        threshold = THRESHOLD
    protocol = (
        f"per image at its original size ({size}), threshold {threshold:g}, {views}"
        f"{refined}; undefined ratios left out; mean, SD "
        "and 95 % interval over images (each names its method); outlines: hd95 in "
        "pixels, nsd within "
        f"{100 * TOLERANCE:g} % of the longer side, left out where a mask is empty; "
        f"boundary: {100 * BAND:g} % of the longer side to both sides of the outline; "
        f"data: {data.protocol}{trained_under(segmenter.card, data)}"
    )
    if data.ignore is not None:
        protocol += (
            f"; {left_out} of {pixels} pixels with the mask value {data.ignore} were "
            "ignored"
        )
    if data.threshold is not None:
        protocol += f"; mask values above {data.threshold:g} are lesion"
    if data.background:
        named = ", ".join(map(str, data.background))
        protocol += f"; mask values {named} are background"
    if further := data.further_masks:
        fate = "united" if further["rule"] == "unite" else "left out"
        protocol += (
            f"; {further['masks']} further masks of {further['images']} images of the "
            f"data were {fate}"
        )
    if several:
        protocol += (
            f"; classes {', '.join(data.classes)}: dice and the other plain metrics, "
            "outlines, threshold curve and calibration are of any class against "
            "background; by_class, mean_over_classes and detection of each by itself; "
            "an image in which a class is neither there nor found leaves the means of "
            "that class"
        )
    return EvaluationReport(
        {
            **provenance(segmenter),
            **protocol_fields(segmenter.card, data),
            "threshold": threshold,
            "flip": flip,
            "domain": domain(segmenter.card, data, split),
            "left_out": data.left_out,
            **ignored_pixels(data.ignore, left_out, pixels),
            **data.mask_rules,
            **({"findings": told} if told else {}),
            **({"allowed": allowed} if allowed else {}),
            **({} if medsam is None else {MEDSAM: medsam.facts}),
        },
        data.name,
        split,
        protocol,
        tuple(sample.name for sample in samples),
        tuple(cases),
        side,
        tuple(at_network),
        tuple(packed),
        data.classes,
        tuple(by_class),
        () if all(map(math.isnan, pixel_sizes)) else pixel_sizes,
        rule,
    )


def _found(
    segmenter: Segmenter,
    encoded: EncodedImage,
    medsam: Medsam | None,
    seen: Tensor | None,
) -> Segmentation:
    own = segmenter.decode(encoded)
    return own if medsam is None or seen is None else medsam.refine(own, seen)


def provenance(segmenter: Segmenter) -> dict[str, Any]:
    """Provenance of a result: weights, their training, device, versions and date."""
    return {
        "model": segmenter.card.spec.name,
        "weights_sha256": segmenter.sha256,
        "temperature": segmenter.card.temperature,  # not one of the tensors
        "device": segmenter.device,
        "versions": versions(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "training": segmenter.card.training,
    }


def _resized(truth: NDArray[np.uint8], size: int) -> NDArray[np.bool_]:
    """Resize a mask to the network's input as training does."""
    soft = resize(torch.from_numpy(truth)[None, None].float(), size)
    return (soft[0, 0] >= 0.5).numpy()
