"""Fit the rule that estimates the Dice of a case; choose it by cross-validation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression, minimize

from attnseg_training.release.expected_dice_cases import Case
from napari_attnseg.reliability.likeness import Likeness
from napari_attnseg.reliability.rule import DiceRule, Knot
from napari_attnseg.reliability.signals import Signal

Array = NDArray[np.float64]
Signals = tuple[Signal, ...]
#: Share of cases that is to lie within the interval.
COVERAGE = 0.9
#: Parts of the images for cross-validation.
FOLDS = 11
#: Knots of the curves at most, and cases behind each at least.
KNOTS, PER_KNOT = 12, 20
#: Strength of the ridge on the weights of standardised signals, in cases.
RIDGE = 5.0
#: Main axes of the features of images, and share of the measured images and copies that
#: may be called unlike the others.
AXES, FALSE_ALARMS = 16, 0.025

_WIDTH = (Signal.SOFT_DICE, Signal.STABILITY, Signal.WIDE_STABILITY, Signal.DOUBT)
_SHAPE = (Signal.AREA, Signal.PARTS, Signal.BORDER)
_READERS = (
    *(Signal.CNN_AGREEMENT, Signal.TRANSFORMER_AGREEMENT),
    *(Signal.EQUAL_AGREEMENT, Signal.READERS_AGREEMENT),
)
#: Sets of signals to choose from: each alone (which makes the rule an isotonic
#: regression), and few together.
CANDIDATES: tuple[Signals, ...] = (
    *((signal,) for signal in Signal),
    (Signal.WIDE_STABILITY, Signal.EQUAL_AGREEMENT),
    (Signal.SOFT_DICE, Signal.WIDE_STABILITY, Signal.AREA),
    (Signal.SOFT_DICE, Signal.EQUAL_AGREEMENT, Signal.CNN_AGREEMENT),
    (*_WIDTH, *_SHAPE),
    (*_WIDTH, Signal.CNN_AGREEMENT, Signal.EQUAL_AGREEMENT),
    (*_WIDTH, *_READERS, *_SHAPE),
)
T = TypeVar("T")


def simplest(cases: Sequence[Case], tried: Mapping[Signals, Array]) -> Signals:
    """Choose the fewest signals that are about as good as the best ones.

    Signals are about as good if their mean squared error on held-out images is within
    one standard error, over images, of the lowest one. Of these, those with the fewest
    passes of the decoder are chosen, then with the fewest signals, then with the lowest
    error.

    Parameters
    ----------
    cases : sequence of Case
    tried : mapping of tuple of Signal to ndarray, shape (n, 3)
        From `predicted`.
    """
    dice = np.array([case.dice for case in cases])
    _, image = np.unique([case.image for case in cases], return_inverse=True)

    def by_image(numbers: Array) -> Array:
        squared = (numbers[:, 0] - dice) ** 2
        return np.array([squared[image == i].sum() for i in range(image.max() + 1)])

    errors = {one: by_image(numbers) for one, numbers in tried.items()}
    best = min(errors.values(), key=lambda error: float(error.sum()))
    most = float(best.sum() + best.std(ddof=1) * len(best) ** 0.5)

    def cost(one: Signals) -> tuple[int, int, float]:
        readers = frozenset().union(*(signal.readers for signal in one))
        return len(readers), len(one), float(errors[one].sum())

    return min((one for one, e in errors.items() if e.sum() <= most), key=cost)


def fit_rule(cases: Sequence[Case], signals: Sequence[Signal]) -> DiceRule:
    """Fit weights by logistic regression on Dice, and the curves of the score.

    The weights are those of a fractional logistic regression with a ridge; the expected
    Dice and both ends of the interval are isotonic regressions of the mean and of two
    quantiles of Dice over groups of cases with neighbouring scores.
    """
    x = np.array([[case.signals[signal] for signal in signals] for case in cases])
    dice = np.array([case.dice for case in cases])
    middle, spread = x.mean(0), np.maximum(x.std(0), 1e-6)
    z = (x - middle) / spread
    slope = _weights(z, dice)
    centre, scale, weights = (
        tuple(float(f"{v:.6g}") for v in part) for part in (middle, spread, slope)
    )
    knots = _knots(z @ slope, dice)
    return DiceRule(tuple(signals), centre, scale, weights, knots, COVERAGE)


def _weights(z: Array, dice: Array) -> Array:
    design = np.concatenate([np.ones((len(z), 1)), z], axis=1)

    def loss(beta: Array) -> tuple[float, Array]:
        eta = design @ beta
        ridge = np.concatenate([[0.0], RIDGE * beta[1:]])
        value = float((np.logaddexp(0, eta) - dice * eta).sum() + ridge @ beta / 2)
        return value, design.T @ (1 / (1 + np.exp(-eta)) - dice) + ridge

    start = np.zeros(design.shape[1])
    found: Array = minimize(loss, start, jac=True, method="L-BFGS-B").x[1:]
    return found


def _knots(score: Array, dice: Array) -> tuple[Knot, ...]:
    order = np.argsort(score, kind="stable")
    groups = np.array_split(order, min(KNOTS, max(1, len(order) // PER_KNOT)))
    tail = (1 - COVERAGE) / 2
    # One more case than there are: the next one may lie beyond all of them.
    ends = [(tail * (len(g) + 1) - 1) / max(len(g) - 1, 1) for g in groups]
    ends = [min(max(end, 0.0), 0.5) for end in ends]
    curves = [
        isotonic_regression(values, weights=[len(g) for g in groups]).x
        for values in (
            [dice[g].mean() for g in groups],
            [np.quantile(dice[g], e) for g, e in zip(groups, ends, strict=True)],
            [np.quantile(dice[g], 1 - e) for g, e in zip(groups, ends, strict=True)],
        )
    ]
    expected, low, high = curves
    return tuple(
        Knot(*(round(float(v), 5) for v in (score[g].mean(), e, min(a, e), max(b, e))))
        for g, e, a, b in zip(groups, expected, low, high, strict=True)
    )


def folds(cases: Sequence[Case]) -> NDArray[np.intp]:
    """Assign each case to a fold, (n,); all cases of one image are in one fold."""
    return np.array([case.image % FOLDS for case in cases], dtype=np.intp)


def held_out(
    train: Sequence[Case],
    cases: Sequence[Case],
    fit: Callable[[Sequence[Case]], T],
    use: Callable[[T, Case], Sequence[float]],
) -> Array:
    """Predict each case by a fit on the other images; returns (n, numbers)."""
    of_train, of_cases = folds(train), folds(cases)
    found: dict[int, Sequence[float]] = {}
    for part in np.unique(of_cases):
        others = np.flatnonzero(of_train != part).tolist()
        fitted = fit([train[i] for i in others])
        for i in np.flatnonzero(of_cases == part).tolist():
            found[i] = use(fitted, cases[i])
    return np.array([found[i] for i in range(len(cases))], dtype=float)


def predicted(
    train: Sequence[Case], cases: Sequence[Case], signals: Sequence[Signal]
) -> Array:
    """Expected Dice, low and high of each case, (n, 3), by fits on other images."""
    return held_out(
        train,
        cases,
        lambda part: fit_rule(part, signals),
        lambda rule, case: rule(case.signals),
    )


def fit_likeness(cases: Sequence[Case]) -> tuple[Likeness, NDArray[np.bool_]]:
    """Fit the distance of features, and its limit by cross-validation.

    Parameters
    ----------
    cases : sequence of Case
        Images and damaged copies: all that the expected Dice is measured on.

    Returns
    -------
    likeness : Likeness
    alarms : ndarray, shape (n,)
        Whether a fit and a limit from the other images alone would call each case
        unlike them.
    """

    def fit(part: Sequence[Case]) -> Likeness:
        return Likeness.fit(np.stack([case.features for case in part]), AXES)

    def use(one: Likeness, case: Case) -> list[float]:
        return [one.distance(case.features)]

    distance, part = held_out(cases, cases, fit, use)[:, 0], folds(cases)
    alarms = np.zeros(len(cases), bool)
    for one in np.unique(part):
        alarms[part == one] = distance[part == one] > _limit(distance[part != one])
    return fit(cases).limited(_limit(distance)), alarms


def _limit(distances: Array) -> float:
    return float(np.quantile(distances, 1 - FALSE_ALARMS))
