"""Measure how well the Dice of a case can be estimated; put the rule into a card."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray

from attnseg_training.datasets import DATASETS, Dataset
from attnseg_training.datasets.image_store import ImageStore
from attnseg_training.release.expected_dice_cases import (
    Case,
    Kind,
    measure_cases,
    observe,
)
from attnseg_training.release.expected_dice_fit import (
    CANDIDATES,
    Array,
    fit_likeness,
    fit_rule,
    predicted,
    simplest,
)
from attnseg_training.release.foreign_images import foreign_images
from attnseg_training.runs.lineage import trained_on
from napari_attnseg.cards import versions
from napari_attnseg.checkpoints import expect_weights_name, save_checkpoint
from napari_attnseg.errors import InputError
from napari_attnseg.inference import Segmenter, resize
from napari_attnseg.preprocessing import to_rgb
from napari_attnseg.rank_statistics import auroc, spearman
from napari_attnseg.reliability.estimate import BAD
from napari_attnseg.reliability.likeness import Likeness
from napari_attnseg.reliability.rule import Reliability
from napari_attnseg.reliability.signals import Signal
from napari_attnseg.statistics import UNIT, jackknife_interval, mean_interval
from napari_attnseg.weights import weights_path

#: Images below which nothing is fitted.
FEWEST = 20
#: Bins of the expected Dice for its calibration.
BINS = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 1.0)


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

    It is to be fitted on validation images. All else in the card stays, and the tensors
    stay byte for byte, so that what was measured of them does too.

    Raises
    ------
    AttnSegError
        If weights, split or an image cannot be used, a rule is broken that is not
        allowed, or the validation images were trained on.
    """
    expect_weights_name(out)
    segmenter = Segmenter.from_checkpoint(weights, device)
    data.expect_classes(segmenter.network.spec.classes, segmenter.card.classes)
    if split == "test":
        raise InputError(
            "Expected validation images to fit the expected Dice on, got the split "
            "test, which is to judge a model only; choose --split val."
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
    tensors = safetensors.torch.load(weights_path(weights).read_bytes())
    sha256 = save_checkpoint(out, tensors, card)
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
    """Name → case of each of `foreign_images`."""
    side, found = segmenter.network.spec.size, {}
    for name, pixels in foreign_images():
        rgb, _ = to_rgb(pixels, None, segmenter.card.preprocessing.intensity)
        image = resize(torch.from_numpy(rgb).permute(2, 0, 1)[None], side)
        nothing = torch.zeros(1, 1, side, side, device=segmenter.device)
        image = image.to(segmenter.device)
        found[name] = observe(segmenter, 0, Kind.ORIGINAL, name, image, nothing)
    return found


def fit_cases(
    cases: Sequence[Case], foreign: dict[str, Case], origin: dict[str, Any]
) -> tuple[Reliability, dict[str, Any]]:
    """Choose and fit the rule, and measure it by cross-validation over images.

    Parameters
    ----------
    cases : sequence of Case
        From `measure_cases`.
    foreign : dict of str to Case
        From `observe_foreign`.
    origin : dict
        ``n``, ``dataset``, ``title`` and ``split``, for the card.

    Returns
    -------
    Reliability
        For the card.
    report : dict
        JSON-ready.

    Raises
    ------
    InputError
        If the masks are all good or all bad, so that nothing can be fitted.
    """
    images = origin["n"]
    judged = [case for case in cases if case.lesion and case.signals]
    dice = np.array([case.dice for case in judged])
    if not 0 < (dice < BAD).sum() < len(dice):
        raise InputError(
            f"Expected masks with a Dice below and above {BAD:g} among the images and "
            f"their copies, got {len(dice)} on one side; a rule cannot be fitted."
        )
    has = set.intersection(*(set(case.signals) for case in judged))
    tried = [one for one in CANDIDATES if set(one) <= has]
    out = {one: predicted(judged, judged, one) for one in tried}
    chosen = simplest(judged, out)
    measured_on = [case for case in cases if case.kind is not Kind.WITHOUT_LESION]
    likeness, alarms = fit_likeness(measured_on)
    false = alarms[[case.kind is Kind.ORIGINAL for case in measured_on]]
    report: dict[str, Any] = {
        "protocol": "cross-validation over images, all copies of one together; Dice "
        "at the network's size",
        "candidates": [
            {"signals": [str(s) for s in one], **_quality(judged, out[one])}
            for one in tried
        ],
        "chosen": [str(signal) for signal in chosen],
        "all": _measured(judged, out[chosen], images),
        "originals": _measured(*_of(judged, out[chosen], Kind.ORIGINAL), images),
        "nothing_found": sum(c.lesion and not c.signals for c in cases),
        "without_lesion": _without_lesion(cases, judged, chosen),
        "unlike": _unlike(cases, foreign, likeness, false),
    }
    measured = {
        **origin,
        "cases": len(judged),
        "auroc": report["all"]["auroc"],
        "mean_absolute_error": report["all"]["mean_absolute_error"],
        "coverage_measured": report["all"]["coverage"],
        "calibration": report["all"]["calibration"],
        "false_alarms": report["unlike"]["false_alarms"],
        "without_lesion": report["without_lesion"],
    }
    rule = fit_rule(judged, chosen)
    report["damage"] = _by_copy(judged, out[chosen])
    return Reliability(rule, likeness, measured), report


def _of(cases: Sequence[Case], numbers: Array, kind: Kind) -> tuple[list[Case], Array]:
    where = [i for i, case in enumerate(cases) if case.kind is kind]
    return [cases[i] for i in where], numbers[where]


def _quality(cases: Sequence[Case], numbers: Array) -> dict[str, float]:
    """Few numbers of a candidate."""
    dice = np.array([case.dice for case in cases])
    off = numbers[:, 0] - dice
    return {
        "auroc": auroc(-numbers[:, 0], dice < BAD),
        "mean_absolute_error": float(np.abs(off).mean()),
        "root_mean_square_error": float((off**2).mean() ** 0.5),
        "rank_correlation": spearman(numbers[:, 0], dice),
    }


def _measured(cases: Sequence[Case], numbers: Array, images: int) -> dict[str, Any]:
    """All that is measured of the held-out estimates of some cases."""
    dice = np.array([case.dice for case in cases])
    bad, expected = dice < BAD, numbers[:, 0]
    of_image = np.array([case.image for case in cases])

    def of(statistic: Callable[[NDArray[np.intp]], float]) -> Callable[..., float]:
        """The statistic of the cases of some images."""
        return lambda chosen: statistic(np.flatnonzero(np.isin(of_image, chosen)))

    within = (numbers[:, 1] <= dice) & (dice <= numbers[:, 2])
    return {
        "cases": len(cases),
        "bad": int(bad.sum()),
        **_quality(cases, numbers),
        "auroc": jackknife_interval(
            of(lambda where: auroc(-expected[where], bad[where])), images, UNIT
        ),
        "coverage": float(within.mean()),
        "mean_width": float((numbers[:, 2] - numbers[:, 1]).mean()),
        "calibration": _calibration(expected, dice),
    }


def _calibration(expected: Array, dice: Array) -> dict[str, Any]:
    """Mean expected and true Dice in bins, and their mean distance."""
    which = np.clip(np.searchsorted(BINS, expected, "right") - 1, 0, len(BINS) - 2)
    bins = [
        {
            "from": BINS[b],
            "to": BINS[b + 1],
            "n": int((which == b).sum()),
            "expected": float(expected[which == b].mean()),
            "dice": float(dice[which == b].mean()),
        }
        for b in range(len(BINS) - 1)
        if (which == b).any()
    ]
    off = sum(one["n"] * abs(one["expected"] - one["dice"]) for one in bins)
    return {"error": float(off / len(dice)), "bins": bins}


def _without_lesion(
    cases: Sequence[Case], judged: Sequence[Case], signals: Sequence[Signal]
) -> dict[str, Any]:
    """How often something is drawn where no lesion is, and what is expected then."""
    frames = [case for case in cases if case.kind is Kind.WITHOUT_LESION]
    drawn = [case for case in frames if case.signals]
    found: dict[str, Any] = {"n": len(frames)}
    if not frames:
        return found
    found["drawn"] = len(drawn) / len(frames)
    if not drawn:
        return {**found, "expected": None}
    expected = predicted(judged, drawn, signals)[:, 0]
    own = [case for case in judged if case.kind is Kind.ORIGINAL]
    others = predicted(judged, own, signals)[:, 0]
    return {
        **found,
        "expected": float(expected.mean()),
        "expected_quantiles": np.quantile(expected, [0.1, 0.5, 0.9]).tolist(),
        "below_bad": float((expected < BAD).mean()),
        "auroc_against_originals": auroc(
            np.concatenate([-expected, -others]),
            np.concatenate([np.ones(len(expected)), np.zeros(len(others))]),
        ),
    }


def _unlike(
    cases: Sequence[Case],
    foreign: dict[str, Case],
    likeness: Likeness,
    false: NDArray[np.bool_],
) -> dict[str, Any]:
    """How often images are called unlike the measured ones."""
    by_copy: dict[str, list[float]] = {}
    for case in cases:
        if case.kind is not Kind.ORIGINAL:
            name = case.copy or str(case.kind)
            by_copy.setdefault(name, []).append(likeness.unlikeness(case.features))
    far = {name: likeness.unlikeness(case.features) for name, case in foreign.items()}
    return {
        "false_alarms": mean_interval(false, UNIT),
        "of_copies": {
            name: float((np.array(values) > 1).mean())
            for name, values in by_copy.items()
        },
        "of_foreign": float((np.array(list(far.values())) > 1).mean()),
        "foreign": {
            name: {
                "unlikeness": round(value, 3),
                "unlike": value > 1,
                "drawn": bool(foreign[name].signals),
            }
            for name, value in far.items()
        },
    }


def _by_copy(cases: Sequence[Case], numbers: Array) -> dict[str, Any]:
    """Mean Dice and expected Dice of each kind of damage."""
    names = [case.copy or str(case.kind) for case in cases]
    found = {}
    for name in dict.fromkeys(names):
        where = [i for i, one in enumerate(names) if one == name]
        dice = np.array([cases[i].dice for i in where])
        found[name] = {
            "n": len(where),
            "dice": float(dice.mean()),
            "expected": float(numbers[where, 0].mean()),
            "bad": float((dice < BAD).mean()),
        }
    return found


def report_lines(report: dict[str, Any]) -> list[str]:
    """Say in a few sentences how good the estimate was."""
    lines = [f"Fitted on {report['n']} images of {report['dataset']} and their copies."]
    lines.append(f"Signals: {', '.join(report['chosen'])}.")
    for name, words in (("all", "Images and copies"), ("originals", "Images alone")):
        one = report[name]
        auroc = one["auroc"]
        lines.append(
            f"{words} (n = {one['cases']}, {one['bad']} with Dice below {BAD:g}): "
            f"AUROC {auroc['mean']:.2f} [{auroc['low']:.2f}, {auroc['high']:.2f}], "
            f"mean absolute error {one['mean_absolute_error']:.3f}, calibration error "
            f"{one['calibration']['error']:.3f}, {100 * one['coverage']:.0f} % within "
            "the interval."
        )
    frames, unlike = report["without_lesion"], report["unlike"]
    if frames["n"]:
        said = f"Corners without a lesion: {frames['n']}; "
        said += f"something is drawn in {100 * frames['drawn']:.0f} %"
        if frames["expected"] is not None:
            said += f", with an expected Dice of {frames['expected']:.2f} on average"
        lines.append(f"{said}.")
    lines.append(
        f"Unlike the measured images: {100 * unlike['false_alarms']['mean']:.1f} % of "
        f"these images, {100 * unlike['of_foreign']:.0f} % of "
        f"{len(unlike['foreign'])} images of other kinds."
    )
    return lines
