"""Fitted rule that maps the signals of a case to its expected Dice. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_attnseg.reliability.estimate import EstimateState, ExpectedDice
from napari_attnseg.reliability.likeness import Floats, Likeness
from napari_attnseg.reliability.signals import Reader, Signal


@dataclass(frozen=True, slots=True)
class Knot:
    """One point of the curves that map a score to an expected Dice.

    Attributes
    ----------
    score : float
    expected, low, high : float, in [0, 1]
        Mean Dice, and ends of the prediction interval. All three never fall as the
        score rises.
    """

    score: float
    expected: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class DiceRule:
    """Expected Dice from a weighted sum of signals, fitted to measured Dice.

    Attributes
    ----------
    signals : tuple of Signal
    centre, scale, weights : tuple of float
        One number per signal: the score is ``Σ weight · (signal - centre) / scale``.
    knots : tuple of Knot
        Knots in order of score; linear between them, constant beyond the ends.
    coverage : float
        Target fraction of cases whose Dice lies between `Knot.low` and `Knot.high`.
    """

    signals: tuple[Signal, ...]
    centre: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    knots: tuple[Knot, ...]
    coverage: float = 0.9

    @property
    def readers(self) -> frozenset[Reader]:
        """Readers that the rule needs; each takes one more decoding."""
        return frozenset().union(*(signal.readers for signal in self.signals))

    def score(self, signals: Mapping[Signal, float]) -> float:
        """Weighted sum of the signals; higher is better."""
        parts = zip(self.signals, self.centre, self.scale, self.weights, strict=True)
        return float(sum(w * (signals[s] - c) / d for s, c, d, w in parts))

    def __call__(self, signals: Mapping[Signal, float]) -> tuple[float, float, float]:
        """Expected Dice and both ends of its prediction interval."""
        return self.at(self.score(signals))

    def at(self, score: float) -> tuple[float, float, float]:
        """Expected Dice and interval of a score."""
        scores = [knot.score for knot in self.knots]
        expected, low, high = (
            float(np.interp(score, scores, [getattr(k, name) for k in self.knots]))
            for name in ("expected", "low", "high")
        )
        return expected, low, high

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready form."""
        return {
            "signals": [str(signal) for signal in self.signals],
            "centre": list(self.centre),
            "scale": list(self.scale),
            "weights": list(self.weights),
            "knots": [[k.score, k.expected, k.low, k.high] for k in self.knots],
            "coverage": self.coverage,
        }

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> DiceRule:
        """Inverse of `to_json`; raises `ValueError` for an unknown signal."""
        return cls(
            tuple(Signal(name) for name in facts["signals"]),
            tuple(facts["centre"]),
            tuple(facts["scale"]),
            tuple(facts["weights"]),
            tuple(Knot(*values) for values in facts["knots"]),
            facts["coverage"],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """All that a model card holds about the expected Dice of a case.

    Attributes
    ----------
    rule : DiceRule
    likeness : Likeness or None
        Test of whether an image is like the measured ones; None: no image is tested.
    measured : mapping
        JSON-ready facts of the measurement; see `ExpectedDice.measured`.
    """

    rule: DiceRule
    likeness: Likeness | None
    measured: Mapping[str, Any]

    def estimate(
        self, signals: Mapping[Signal, float], features: Floats
    ) -> ExpectedDice:
        """Estimate the Dice of one case.

        Parameters
        ----------
        signals : mapping of Signal to float
            From `case_signals`; empty for an empty mask.
        features : ndarray, shape (d,)
            From `observe.pooled_features`.
        """
        coverage = self.rule.coverage
        facts: dict[str, Any] = {"coverage": coverage, "measured": self.measured}
        if self.likeness is not None:
            unlikeness = self.likeness.unlikeness(features)
            facts["unlikeness"] = unlikeness
            # Written so that NaN is unlike, too.
            if not unlikeness <= 1:
                return ExpectedDice(EstimateState.UNLIKE, **facts)
        if not signals:
            return ExpectedDice(EstimateState.EMPTY, **facts)
        expected, low, high = self.rule(signals)
        return ExpectedDice(EstimateState.ESTIMATED, expected, low, high, **facts)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready form for the card."""
        likeness = None if self.likeness is None else self.likeness.to_json()
        return {
            "rule": self.rule.to_json(),
            "likeness": likeness,
            "measured": dict(self.measured),
        }

    @classmethod
    def from_card(cls, facts: Mapping[str, Any]) -> Reliability | None:
        """Inverse of `to_json`; None for a card without it, or of a later version."""
        if not facts:
            return None
        try:
            rule = DiceRule.from_json(facts["rule"])
            likeness = facts["likeness"]
            return cls(
                rule,
                None if likeness is None else Likeness.from_json(likeness),
                facts["measured"],
            )
        except (KeyError, TypeError, ValueError):
            return None


def not_estimated(
    facts: Mapping[str, Any], state: EstimateState
) -> ExpectedDice | None:
    """Record why a case has no number, from the card; None if the card has no rule."""
    known = Reliability.from_card(facts)
    if known is None:
        return None
    return ExpectedDice(state, coverage=known.rule.coverage, measured=known.measured)
