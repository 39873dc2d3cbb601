"""Verdicts on a gate: flags for programs, and one sentence for a reader.

The sentence is stored in the model card, and is shown wherever the gate's map is shown.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import numpy as np

from napari_attnseg.results import PatternValue
from napari_attnseg.statistics import ENOUGH, Interval, enough, too_few_words

#: A pattern worth less Dice than this, at the upper end of its interval, is decoration.
DECORATIVE = 0.005
#: Mean AUROC from which a gate that is surely above chance is said to agree.
AGREES = 0.65


class TrustAgreement(StrEnum):
    """Whether a gate agrees with measured trust."""

    UNDEFINED = "undefined"
    AGREES = "agrees"
    AGREES_LITTLE = "agrees_little"
    CONTRADICTS = "contradicts"
    CHANCE = "chance"
    #: Measured on fewer than `statistics.ENOUGH` images.
    TOO_FEW = "too_few"


#: How a verdict says so to a reader.
_VALUE_WORDS = {
    PatternValue.HARMFUL: "its pattern does harm",
    PatternValue.DECORATIVE: "decorative in this model",
    PatternValue.MATTERS: "its pattern matters",
    PatternValue.NOT_SHOWN: "not shown to matter",
}
_AGREEMENT_WORDS = {
    TrustAgreement.UNDEFINED: "one encoder is better wherever it makes a difference",
    TrustAgreement.AGREES: "agrees with measured trust",
    TrustAgreement.AGREES_LITTLE: "agrees a little with measured trust",
    TrustAgreement.CONTRADICTS: "contradicts measured trust",
    TrustAgreement.CHANCE: "agrees with measured trust no better than chance",
}


def verdict(level: str, facts: dict[str, Any]) -> dict[str, Any]:
    """State what was measured of a gate, for programs and for a reader.

    ``pattern`` is a `PatternValue`, ``decorative`` says whether it is ``DECORATIVE``,
    and ``agrees`` is a `TrustAgreement`. With fewer than `statistics.ENOUGH` images,
    ``pattern`` and ``agrees`` are ``too_few``. ``verdict`` is one sentence with numbers
    and intervals, which calls the gate `level`.
    """
    value, area = facts["spatial_value"], facts["agreement"]["auroc"]
    pattern, agrees = _pattern(value), _agrees(area)
    # Intervals of earlier versions do not say of how many images they are.
    n = min(one.get("n", ENOUGH) for one in (value, area))
    sentence = (
        f"{level}: {_VALUE_WORDS[pattern]}, spatial value {words(value, '+.3f')}; "
        f"{_AGREEMENT_WORDS[agrees]}"
    )
    if not enough(n):
        pattern, agrees = PatternValue.TOO_FEW, TrustAgreement.TOO_FEW
        sentence = (
            f"{level}: {too_few_words(n)}; spatial value "
            f"{words(value, '+.3f')}; agreement with measured trust"
        )
    if agrees is not TrustAgreement.UNDEFINED:
        alike = facts["agreement"]["alike"]
        sentence += (
            f", AUROC {words(area, '.2f')}, among regions of like mask "
            f"{words(alike, '.2f')}"
        )
    return {
        "pattern": str(pattern),
        "decorative": pattern is PatternValue.DECORATIVE,
        "agrees": str(agrees),
        "verdict": f"{sentence}.",
    }


def _pattern(value: Interval) -> PatternValue:
    if value["high"] < 0 and value["mean"] < -DECORATIVE:
        return PatternValue.HARMFUL
    if value["high"] < DECORATIVE:
        return PatternValue.DECORATIVE
    return PatternValue.MATTERS if value["low"] > 0 else PatternValue.NOT_SHOWN


def _agrees(area: Interval) -> TrustAgreement:
    if not np.isfinite(area["mean"]):
        return TrustAgreement.UNDEFINED
    if area["low"] > 0.5:
        little = area["mean"] < AGREES
        return TrustAgreement.AGREES_LITTLE if little else TrustAgreement.AGREES
    return TrustAgreement.CONTRADICTS if area["high"] < 0.5 else TrustAgreement.CHANCE


def words(interval: Interval, form: str) -> str:
    """Format an interval as ``mean [low, high]``, by a number format like ``+.3f``."""
    if not np.isfinite(interval["mean"]):
        return "not defined"
    # Rounded first, and 0.0 added, so that nothing reads "-0.000".
    digits = int(form[-2])
    mean, low, high = (
        round(interval[name], digits) + 0.0 for name in ("mean", "low", "high")
    )
    number = form.lstrip("+")
    if not np.isfinite(low):
        return f"{mean:{form}} [no interval]"
    return f"{mean:{form}} [{low:{number}}, {high:{number}}]"
