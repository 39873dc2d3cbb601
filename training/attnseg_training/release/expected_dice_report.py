"""Choose the rule for the expected Dice, and report its quality on held-out images."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnseg_training.release.expected_dice_cases import Case, Kind
from attnseg_training.release.expected_dice_fit import (
    CANDIDATES,
    Array,
    fit_likeness,
    fit_rule,
    predicted,
    simplest,
)
from napari_attnseg import statistics
from napari_attnseg.errors import InputError
from napari_attnseg.rank_statistics import auroc, spearman
from napari_attnseg.reliability.estimate import BAD
from napari_attnseg.reliability.likeness import Likeness
from napari_attnseg.reliability.rule import Reliability
from napari_attnseg.reliability.signals import Signal
from napari_attnseg.statistics import UNIT, jackknife_interval, mean_interval

#: Bins of the expected Dice for its calibration.
BINS = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 1.0)


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
        Facts about the data for the card: ``n``, ``dataset``, ``title`` and ``split``.

    Returns
    -------
    Reliability
        Rule and measurements for the card.
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
        "auroc_bootstrap": _bootstrap(expected, bad, of_image),
        "coverage": float(within.mean()),
        "mean_width": float((numbers[:, 2] - numbers[:, 1]).mean()),
        "calibration": _calibration(expected, dice),
    }


def _bootstrap(
    expected: Array, bad: NDArray[np.bool_], of_image: NDArray[np.intp]
) -> dict[str, float]:
    """95 % percentile interval of the AUROC over resampled images.

    Beside the interval of `statistics`, whose correction for skewness is a wide one
    where single images weigh much; this one is rather too narrow.
    """
    rng, names = np.random.default_rng(0), np.unique(of_image)
    cases = {name: np.flatnonzero(of_image == name) for name in names}
    drawn = []
    for _ in range(statistics.RESAMPLES):
        where = np.concatenate([cases[one] for one in rng.choice(names, len(names))])
        drawn.append(auroc(-expected[where], bad[where]))
    defined = [value for value in drawn if not math.isnan(value)]
    low, high = np.quantile(defined or [math.nan], [0.025, 0.975])
    return {"low": float(low), "high": float(high)}


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
    """Frequency of false masks on images without a lesion, and their expected Dice."""
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
    """Frequency with which images are called unlike the measured ones."""
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
