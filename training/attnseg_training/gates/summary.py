"""From per-image measurements to a summary: numbers, intervals and verdicts.

A verdict is one plain sentence per gate with its interval; it goes into the model card
and is shown wherever the map is shown.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from attnseg_training.gates.checks import named
from attnseg_training.gates.damage import COPIES, KINDS, condition, conditions
from attnseg_training.gates.sanity import PARTS
from napari_attnseg.explanations.agreement import (
    TrustCalibration,
    agreement,
    reliability,
    sign_agreement,
    sign_agreement_alike,
)
from napari_attnseg.explanations.interventions import INTERVENTIONS
from napari_attnseg.spec import STRIDES
from napari_attnseg.statistics import bootstrap_interval, mean_interval, spearman

LEVELS = tuple(f"1/{stride}" for stride in STRIDES)
ENCODERS = ("CNN", "transformer")
#: A pattern worth less Dice than this, at the upper end of its interval, is decoration.
DECORATIVE = 0.005
#: Mean AUROC from which a gate that is surely above chance is said to agree.
AGREES = 0.65

Row = dict[str, Any]
Interval = dict[str, float]


class Regions(NamedTuple):
    """Psi, measured trust and own mask of regions: (images, rows, columns) each."""

    psi: NDArray[np.float64]
    tau: NDArray[np.float64]
    mask: NDArray[np.float64]


def summarise(rows: list[Row]) -> dict[str, Any]:
    """JSON-ready summary of the rows of `faithfulness`.

    ``dice``; ``interventions`` (name → level → change of Dice); ``gates`` (level → what
    was measured of that gate, with ``verdict`` and ``decorative``); ``together`` (the
    same question of all gates at once: mean psi, and trust where all of them change);
    ``damage``.
    """
    closely = [row for row in rows if "dice, blurred copy" in row]
    together = _trusted(rows, closely, "all")
    return {
        "dice": _mean(rows, "dice"),
        "interventions": {
            name: {level: _change(rows, name, level) for level in ("all", *LEVELS)}
            for name in INTERVENTIONS
        },
        "gates": {level: _gate(rows, closely, level) for level in LEVELS},
        "together": {**together, **verdict("All gates together", together)},
        "damage": {
            "n": len(closely),
            **{name: _damaged(closely, name) for name in _damages(closely)},
        },
        "copies": {
            "n": len(closely),
            **{
                name: difference(closely, f"dice, {name} copy", "dice")
                for name in COPIES
            },
        },
        "rivals": {
            "n": len(closely),
            **{name: _rival(closely, name) for name in named(closely)},
        },
    }


def _kinds(closely: list[Row]) -> list[str]:
    return [k for k in KINDS if f"dice, {condition('CNN', k)}" in closely[0]]


def _damages(closely: list[Row]) -> list[str]:
    return [condition(*one) for one in conditions(tuple(_kinds(closely)))]


def _damaged(closely: list[Row], name: str) -> dict[str, Interval]:
    return {
        "dice": _mean(closely, f"dice, {name}"),
        "spatial_value": difference(closely, f"dice, {name}", f"dice mean all, {name}"),
    }


def _rival(closely: list[Row], name: str) -> dict[str, Interval]:
    start = f"rival {name}: "
    return {
        column.removeprefix(start): _mean(closely, column)
        for column in closely[0]
        if column.startswith(start)
    }


def _gate(rows: list[Row], closely: list[Row], level: str) -> dict[str, Any]:
    psi, tau = _stack(rows, f"psi {level}"), _stack(rows, f"tau {level}")
    curve = TrustCalibration.fit(psi, tau)
    facts: dict[str, Any] = {
        **_trusted(rows, closely, level),
        "agreement_shuffled": _agreement_of_draws(
            _stack(closely, f"psi, shuffled gates {level}"),
            _stack(closely, f"tau {level}"),
        ),
        "moved": {
            name: {
                place: _mean(closely, f"moved {place}, {name} {level}")
                for place in ("inside", "outside")
            }
            for name in _damages(closely)
        },
        "shuffled": {
            part: _mean(closely, f"shuffled {part} {level}") for part in PARTS
        },
        "follows": _named(rows, "follows ", level),
        "follows_only": _named(rows, "follows only ", level),
        "localises": _mean(rows, f"localises {level}"),
        "psi": {
            place: _mean(rows, f"psi {place} {level}")
            for place in ("inside", "boundary", "outside")
        },
        "stable": {
            how: _mean(closely, f"stable {how} {level}")
            for how in ("mirrored", "turned", "noisy")
        },
        "reliability": reliability(psi, tau),
        "calibration": {
            "psi": curve.psi.round(4).tolist(),
            "cnn_better": curve.frequency.round(4).tolist(),
        },
    }
    return {**facts, **verdict(level, facts)}


def _trusted(rows: list[Row], closely: list[Row], level: str) -> dict[str, Any]:
    """Worth of the pattern of one gate or of all, and agreement with its trust."""
    clean = _case(rows, "", level)
    return {
        "spatial_value": _spatial_value(rows, level),
        "agreement": agreement_interval([clean]),
        "cnn_better": float((clean.tau > 0).mean()),
        "agreement_damaged": {
            kind: agreement_interval(
                [_case(closely, f", {condition(e, kind)}", level) for e in ENCODERS]
            )
            for kind in _kinds(closely)
        },
    }


def _case(rows: list[Row], kind: str, level: str) -> Regions:
    return Regions(*(_stack(rows, f"{n}{kind} {level}") for n in Regions._fields))


def verdict(level: str, facts: dict[str, Any]) -> dict[str, Any]:
    """``decorative`` and ``verdict``: one sentence with its numbers and intervals."""
    value, area = facts["spatial_value"], facts["agreement"]["auroc"]
    worth = f"spatial value {words(value, '+.3f')}"
    harms = value["high"] < 0 and value["mean"] < -DECORATIVE
    decorative = value["high"] < DECORATIVE and not harms
    if harms:
        found = f"its pattern does harm, {worth}"
    elif decorative:
        found = f"decorative in this model, {worth}"
    elif value["low"] > 0:
        found = f"its pattern matters, {worth}"
    else:
        found = f"not shown to matter, {worth}"
    if not np.isfinite(area["mean"]):
        agrees = "one encoder is better wherever it makes a difference"
    elif area["low"] > 0.5:
        little = " a little" if area["mean"] < AGREES else ""
        agrees = f"agrees{little} with measured trust"
    elif area["high"] < 0.5:
        agrees = "contradicts measured trust"
    else:
        agrees = "agrees with measured trust no better than chance"
    if np.isfinite(area["mean"]):
        alike = facts["agreement"]["alike"]
        agrees += (
            f", AUROC {words(area, '.2f')}, among regions of like mask "
            f"{words(alike, '.2f')}"
        )
    return {"decorative": bool(decorative), "verdict": f"{level}: {found}; {agrees}."}


def words(interval: Interval, form: str) -> str:
    """``mean [low, high]`` with a number format like ``+.3f``."""
    if not np.isfinite(interval["mean"]):
        return "not defined"
    # Rounded first, and 0.0 added, so that nothing reads "-0.000".
    digits = int(form[-2])
    mean, low, high = (
        round(interval[name], digits) + 0.0 for name in ("mean", "low", "high")
    )
    number = form.lstrip("+")
    return f"{mean:{form}} [{low:{number}}, {high:{number}}]"


def _stack(rows: list[Row], name: str) -> NDArray[np.float64]:
    return np.array([row[name] for row in rows], dtype=float)


def _mean(rows: list[Row], name: str) -> Interval:
    return mean_interval(_stack(rows, name))


def difference(rows: list[Row], a: str, b: str) -> Interval:
    """Mean of column `a` minus column `b` over images, with its interval."""
    return mean_interval(_stack(rows, a) - _stack(rows, b))


def _change(rows: list[Row], name: str, level: str) -> Interval:
    return difference(rows, f"dice {name} {level}", "dice")


def _spatial_value(rows: list[Row], level: str) -> Interval:
    """Dice(psi) - Dice(mean psi): what the pattern, not the amount, is worth."""
    return difference(rows, "dice", f"dice mean {level}")


def agreement_interval(cases: list[Regions]) -> dict[str, Interval]:
    """Over all regions of all images; several cases of one image stay together.

    ``rho`` and ``auroc`` as `agreement`, ``alike`` as `sign_agreement_alike`.
    """
    psi, tau, mask = (np.stack(part, 1) for part in zip(*cases, strict=True))
    n = len(psi)
    return {
        "rho": bootstrap_interval(lambda i: spearman(psi[i], tau[i]), n),
        "auroc": bootstrap_interval(lambda i: sign_agreement(psi[i], tau[i]), n),
        "alike": bootstrap_interval(
            lambda i: sign_agreement_alike(psi[i], tau[i], mask[i]), n
        ),
    }


def _agreement_of_draws(
    psi: NDArray[np.float64], tau: NDArray[np.float64]
) -> dict[str, Interval]:
    """Of gates shuffled again and again: mean, and 95 % of the draws, not of images.

    Psi (images, draws, rows, columns), tau (images, rows, columns).
    """
    draws = range(psi.shape[1])
    found = np.array([agreement(psi[:, draw], tau) for draw in draws])

    def part(which: int) -> Interval:
        values = found[:, which][np.isfinite(found[:, which])]
        if not len(values):  # one encoder is better in every region
            return dict.fromkeys(("mean", "low", "high"), float("nan"))
        low, high = np.percentile(values, (2.5, 97.5))
        return {"mean": float(values.mean()), "low": float(low), "high": float(high)}

    return {"rho": part(0), "auroc": part(1)}


def _named(rows: list[Row], start: str, level: str) -> dict[str, Interval]:
    """Every column of one kind at one level: control map → interval."""
    names = [
        name[len(start) : -len(level) - 1]
        for name in rows[0]
        if name.startswith(start) and name.endswith(f" {level}")
    ]
    return {
        name: _mean(rows, f"{start}{name} {level}")
        for name in names
        if not name.startswith("only ")
    }
