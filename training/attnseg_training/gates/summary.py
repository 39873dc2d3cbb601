"""Summary of the gate suite: means over images, with intervals and verdicts."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from attnseg_training.gates.columns import OTHER_MEASURES, damage_name
from attnseg_training.gates.controls import CONTROLS
from attnseg_training.gates.damage import COPIES, KINDS
from attnseg_training.gates.keys import (
    ALL,
    CHANGES,
    DICE,
    ENCODERS,
    LEVELS,
    PLACES,
    REGIONS,
    Damage,
    Key,
    Measure,
    Row,
    damages,
)
from attnseg_training.gates.readers import summarise_readers
from attnseg_training.gates.sanity import PARTS
from attnseg_training.gates.verdicts import verdict
from napari_attnseg.explanations.agreement import (
    TrustCalibration,
    agreement,
    reliability,
    sign_agreement,
    sign_agreement_alike,
)
from napari_attnseg.explanations.interventions import INTERVENTIONS
from napari_attnseg.rank_statistics import spearman
from napari_attnseg.reader_record import READERS
from napari_attnseg.statistics import (
    UNIT,
    Interval,
    IntervalMethod,
    jackknife_interval,
    mean_interval,
)


class Regions(NamedTuple):
    """Psi, measured trust and the model's mask of regions: (images, rows, columns)."""

    psi: NDArray[np.float64]
    tau: NDArray[np.float64]
    mask: NDArray[np.float64]


def summarise(rows: list[Row]) -> dict[str, Any]:
    """JSON-ready summary of the rows of `faithfulness`.

    ``dice``; ``interventions`` (name → level → change of Dice); ``gates`` (level → what
    was measured of that gate, and its `verdict`); ``together`` (the same for all gates
    at once: mean psi, and trust if all of them change); ``readers`` (the masks by one
    encoder alone, see `readers.summarise_readers`); ``damage``, ``copies`` and
    ``rivals`` (other explanations) with the number ``n`` of images on which they were
    measured.
    """
    detailed = [row for row in rows if _copy(next(iter(COPIES))) in row]
    together = _trusted(rows, detailed, ALL)
    return {
        "dice": _mean(rows, DICE),
        "interventions": {
            name: {level: _change(rows, name, level) for level in (ALL, *LEVELS)}
            for name in INTERVENTIONS
        },
        "gates": {level: _gate(rows, detailed, level) for level in LEVELS},
        "together": {**together, **verdict("All gates together", together)},
        READERS: summarise_readers(rows),
        "damage": {
            "n": len(detailed),
            **{damage_name(one): _damaged(detailed, one) for one in _damages(detailed)},
        },
        "copies": {
            "n": len(detailed),
            **{name: difference(detailed, _copy(name), DICE) for name in COPIES},
        },
        "rivals": {
            "n": len(detailed),
            **{name: _other(detailed, name) for name in _others(detailed)},
        },
    }


def _copy(name: str) -> Key:
    return Key(Measure.DICE_COPY, "", name)


def _kinds(detailed: list[Row]) -> list[str]:
    """Kinds of damage that were measured."""
    return [
        kind
        for kind in KINDS
        if Key(Measure.DICE, "", Damage(ENCODERS[0], kind)) in detailed[0]
    ]


def _damages(detailed: list[Row]) -> list[Damage]:
    return list(damages(tuple(_kinds(detailed))))


def _damaged(detailed: list[Row], damage: Damage) -> dict[str, Interval]:
    dice, flat = (
        Key(measure, "", damage) for measure in (Measure.DICE, Measure.DICE_MEAN_ALL)
    )
    return {
        "dice": _mean(detailed, dice),
        "spatial_value": difference(detailed, dice, flat),
    }


def _others(detailed: list[Row]) -> list[str]:
    """Other explanations that were measured."""
    found = (key for row in detailed for key in row if key.measure in OTHER_MEASURES)
    return list(dict.fromkeys(str(key.condition) for key in found))


def _other(detailed: list[Row], name: str) -> dict[str, Interval]:
    return {
        in_file: _mean(detailed, Key(measure, "", name))
        for measure, in_file in OTHER_MEASURES.items()
    }


def _gate(rows: list[Row], detailed: list[Row], level: str) -> dict[str, Any]:
    psi, tau = (_stack(rows, Key(m, level)) for m in (Measure.PSI, Measure.TAU))
    curve = TrustCalibration.fit(psi, tau)
    facts: dict[str, Any] = {
        **_trusted(rows, detailed, level),
        "agreement_shuffled": _agreement_of_draws(
            _stack(detailed, Key(Measure.PSI_SHUFFLED_GATES, level)),
            _stack(detailed, Key(Measure.TAU, level)),
        ),
        "moved": {
            damage_name(damage): {
                "inside": _mean(detailed, Key(Measure.MOVED_INSIDE, level, damage)),
                "outside": _mean(detailed, Key(Measure.MOVED_OUTSIDE, level, damage)),
            }
            for damage in _damages(detailed)
        },
        "shuffled": {
            part: _mean(detailed, Key(Measure.SHUFFLED, level, part)) for part in PARTS
        },
        "follows": {
            name: _mean(rows, Key(Measure.FOLLOWS, level, name)) for name in CONTROLS
        },
        "follows_only": {
            name: _mean(rows, Key(Measure.FOLLOWS_ONLY, level, name))
            for name in CONTROLS
        },
        "localises": _mean(rows, Key(Measure.LOCALISES, level)),
        "effective_share": {
            "of": "CNN",
            **mean_interval(_stack(rows, Key(Measure.EFFECTIVE_SHARE, level)), UNIT),
        },
        "psi": {place: _mean(rows, Key(Measure.PSI, level, place)) for place in PLACES},
        "stable": {
            change: _mean(detailed, Key(Measure.STABLE, level, change))
            for change in CHANGES
        },
        "reliability": reliability(psi, tau),
        "calibration": {
            "psi": curve.psi.round(4).tolist(),
            "cnn_better": curve.frequency.round(4).tolist(),
        },
    }
    return {**facts, **verdict(level, facts)}


def _trusted(rows: list[Row], detailed: list[Row], level: str) -> dict[str, Any]:
    """Value of the pattern of one gate or of all, and agreement with its trust."""
    clean = _regions(rows, level)
    return {
        "spatial_value": _spatial_value(rows, level),
        "agreement": agreement_interval([clean]),
        "cnn_better": float((clean.tau > 0).mean()),
        "agreement_damaged": {
            kind: agreement_interval(
                [_regions(detailed, level, Damage(e, kind)) for e in ENCODERS]
            )
            for kind in _kinds(detailed)
        },
    }


def _regions(rows: list[Row], level: str, condition: str | Damage = "") -> Regions:
    return Regions(*(_stack(rows, Key(m, level, condition)) for m in REGIONS))


def _stack(rows: Sequence[Mapping[Any, Any]], key: Hashable) -> NDArray[np.float64]:
    return np.array([row[key] for row in rows], dtype=float)


def _mean(rows: list[Row], key: Key) -> Interval:
    return mean_interval(_stack(rows, key))


def difference(rows: Sequence[Mapping[Any, Any]], a: Hashable, b: Hashable) -> Interval:
    """Mean over images of measurement `a` minus `b`, with its interval."""
    return mean_interval(_stack(rows, a) - _stack(rows, b))


def _change(rows: list[Row], name: str, level: str) -> Interval:
    return difference(rows, Key(Measure.DICE, level, name), DICE)


def _spatial_value(rows: list[Row], level: str) -> Interval:
    """Dice(psi) - Dice(mean psi): what the pattern, not the amount, is worth."""
    return difference(rows, DICE, Key(Measure.DICE, level, "mean"))


def agreement_interval(cases: list[Regions]) -> dict[str, Interval]:
    """Agreement over all regions of all images; an image's cases stay together.

    ``rho`` and ``auroc`` as `agreement`, ``alike`` as `sign_agreement_alike`.
    """
    psi, tau, mask = (np.stack(part, 1) for part in zip(*cases, strict=True))
    n = len(psi)
    return {
        "rho": jackknife_interval(lambda i: spearman(psi[i], tau[i]), n, (-1.0, 1.0)),
        "auroc": jackknife_interval(lambda i: sign_agreement(psi[i], tau[i]), n, UNIT),
        "alike": jackknife_interval(
            lambda i: sign_agreement_alike(psi[i], tau[i], mask[i]), n, UNIT
        ),
    }


def _agreement_of_draws(
    psi: NDArray[np.float64], tau: NDArray[np.float64]
) -> dict[str, Interval]:
    """Mean agreement of shuffled gates, and the interval of 95 % of their draws.

    The interval is over draws, not over images. `psi` has the shape (images, draws,
    rows, columns), `tau` (images, rows, columns).
    """
    draws = range(psi.shape[1])
    found = np.array([agreement(psi[:, draw], tau) for draw in draws])

    def part(which: int) -> Interval:
        values = found[:, which][np.isfinite(found[:, which])]
        if not len(values):  # one encoder is better in every region
            low, high, mean = (float("nan"),) * 3
        else:
            low, high = np.percentile(values, (2.5, 97.5))
            mean = values.mean()
        return {
            "mean": float(mean),
            "low": float(low),
            "high": float(high),
            "draws": len(values),
            "method": str(IntervalMethod.PERCENTILES_OF_DRAWS),
        }

    return {"rho": part(0), "auroc": part(1)}
