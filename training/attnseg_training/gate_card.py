"""From per-image measurements to a gate card: numbers, verdicts, one page.

A verdict is one plain sentence per gate with its interval; it goes into the model card
and is shown wherever the map is shown.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnseg_training.gate_checks import named
from attnseg_training.gate_damage import COPIES, KINDS, WORST, condition, conditions
from napari_attnseg.explanations.interventions import INTERVENTIONS
from napari_attnseg.explanations.sanity import PARTS
from napari_attnseg.explanations.statistics import bootstrap_interval, mean_interval
from napari_attnseg.explanations.trust import (
    TrustCalibration,
    agreement,
    reliability,
)
from napari_attnseg.spec import STRIDES

LEVELS = tuple(f"1/{stride}" for stride in STRIDES)
ENCODERS = ("CNN", "transformer")
#: A pattern worth less Dice than this, at the upper end of its interval, is decoration.
DECORATIVE = 0.005
#: Mean AUROC from which a gate that is surely above chance is said to agree.
AGREES = 0.65

Row = dict[str, Any]
Interval = dict[str, float]


def summarise(rows: list[Row]) -> dict[str, Any]:
    """JSON-ready summary of the rows of `faithfulness`.

    ``dice``; ``interventions`` (name → level → change of Dice); ``gates`` (level → what
    was measured of that gate, with ``verdict`` and ``decorative``); ``damage``.
    """
    closely = [row for row in rows if "dice, blurred copy" in row]
    return {
        "dice": _mean(rows, "dice"),
        "interventions": {
            name: {level: _change(rows, name, level) for level in ("all", *LEVELS)}
            for name in INTERVENTIONS
        },
        "spatial_value": _spatial_value(rows, "all"),
        "gates": {level: _gate(rows, closely, level) for level in LEVELS},
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


def _damages(closely: list[Row]) -> list[str]:
    return [
        condition(*one)
        for one in conditions(tuple(KINDS))
        if f"dice, {condition(*one)}" in closely[0]
    ]


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
        "spatial_value": _spatial_value(rows, level),
        "agreement": agreement_interval([(psi, tau)]),
        "cnn_better": float((tau > 0).mean()),
        "agreement_damaged": agreement_interval(
            [
                (
                    _stack(closely, f"psi, {name} {level}"),
                    _stack(closely, f"tau, {name} {level}"),
                )
                for name in (condition(e, *WORST) for e in ENCODERS)
            ]
        ),
        "agreement_shuffled": agreement_interval(
            [
                (
                    _stack(closely, f"psi, shuffled gates {level}"),
                    _stack(closely, f"tau {level}"),
                )
            ]
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


def verdict(level: str, facts: dict[str, Any]) -> dict[str, Any]:
    """``decorative`` and ``verdict``: one sentence with its numbers and intervals."""
    value, area = facts["spatial_value"], facts["agreement"]["auroc"]
    worth = f"spatial value {_words(value, '+.3f')}"
    decorative = value["high"] < DECORATIVE
    if decorative:
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
        agrees += f", AUROC {_words(area, '.2f')}"
    return {"decorative": bool(decorative), "verdict": f"{level}: {found}; {agrees}."}


def _words(interval: Interval, form: str) -> str:
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


def agreement_interval(
    cases: list[tuple[NDArray[np.float64], NDArray[np.float64]]],
) -> dict[str, Interval]:
    """Over all regions of all images; several cases of one image stay together."""
    psi = np.stack([case[0] for case in cases], 1)
    tau = np.stack([case[1] for case in cases], 1)

    def part(which: int) -> Interval:
        return bootstrap_interval(lambda i: agreement(psi[i], tau[i])[which], len(psi))

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


def gate_card_png(summary: dict[str, Any]) -> bytes:
    """The card as one page: per gate its verdict, interventions and reliability."""
    from matplotlib.figure import Figure

    gates = summary["gates"]
    figure = Figure(figsize=(11.7, 8.3), layout="constrained")
    figure.suptitle(
        f"Gate card of '{summary['model']}' on {summary['dataset']}, split "
        f"{summary['split']}, n = {summary['n']}; "
        f"Dice {_words(summary['dice'], '.3f')}",
        fontsize=12,
    )
    grid = figure.add_gridspec(len(gates), 3, width_ratios=[1.1, 0.8, 1.5])
    for row, (level, facts) in enumerate(reversed(gates.items())):
        bars = figure.add_subplot(grid[row, 0])
        names = list(summary["interventions"])
        found = [summary["interventions"][name][level] for name in names]
        means = np.array([f["mean"] for f in found])
        spread = np.abs(np.array([[f["low"], f["high"]] for f in found]).T - means)
        bars.barh(names, means, xerr=spread, color="#7fa6d9", height=0.7)
        bars.axvline(0, color="black", lw=0.8)
        bars.invert_yaxis()
        bars.tick_params(labelsize=7)
        bars.set_title(f"{level}: change of Dice when psi is replaced", fontsize=8)
        curve = figure.add_subplot(grid[row, 1])
        bins = facts["reliability"]
        curve.plot([0, 1], [0, 1], color="grey", lw=0.8, ls=":")
        curve.plot(
            [b["psi"] for b in bins],
            [b["cnn_better"] for b in bins],
            "o-",
            color="#a34d00",
            ms=3,
        )
        curve.set(xlim=(0, 1), ylim=(0, 1))
        curve.tick_params(labelsize=7)
        curve.set_title("psi → how often the CNN was better", fontsize=8)
        text = figure.add_subplot(grid[row, 2])
        text.set_axis_off()
        text.text(
            0,
            0.95,
            "\n".join(_card_lines(facts)),
            fontsize=8,
            va="top",
            wrap=True,
            transform=text.transAxes,
        )
    figure.supxlabel(
        "\n".join(_page_lines(summary))
        + "\npsi says whose features were used, not what is important. "
        "Research use; not a diagnostic device.",
        fontsize=8,
    )
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()


def _card_lines(facts: dict[str, Any]) -> list[str]:
    named = sorted(facts["follows"].items(), key=lambda kv: -abs(kv[1]["mean"]))
    strongest, rho = named[0]
    alone = facts["follows_only"][strongest]
    moved = facts["moved"]
    kept = [part for part in PARTS if part != "decoder"]  # psi does not depend on it
    return [
        *_wrapped(facts["verdict"]),
        f"Follows most: {strongest}, ρ {_words(rho, '+.2f')};",
        f"   alone, the others taken out: {_words(alone, '+.2f')}",
        "psi inside / boundary / outside: "
        + " / ".join(f"{facts['psi'][p]['mean']:.2f}" for p in facts["psi"]),
        "AUROC with one input damaged: "
        + _words(facts["agreement_damaged"]["auroc"], ".2f")
        + "; gate shuffled: "
        + _words(facts["agreement_shuffled"]["auroc"], ".2f"),
        "psi moves in the damaged part (CNN's, transformer's): "
        + ", ".join(
            f"{moved[condition(e, *WORST)]['inside']['mean']:+.2f}" for e in ENCODERS
        ),
        f"ρ with itself, {', '.join(facts['stable'])}: "
        + ", ".join(f"{f['mean']:.2f}" for f in facts["stable"].values()),
        f"ρ with itself, shuffled {', '.join(kept)}: "
        + ", ".join(f"{facts['shuffled'][part]['mean']:.2f}" for part in kept),
    ]


def _page_lines(summary: dict[str, Any]) -> list[str]:
    """What belongs to no single gate."""
    damage = [
        f"{name}: Dice {_words(facts['dice'], '.3f')}, pattern worth "
        f"{_words(facts['spatial_value'], '+.3f')}"
        for name, facts in summary["damage"].items()
        if name.endswith(f"({WORST[0]} {WORST[1]:.2f})")
    ]
    copied = [
        f"{name} {_words(change, '+.3f')}"
        for name, change in summary["copies"].items()
        if name != "n"
    ]
    other = [
        f"{name} {_words(facts['localises'], '.2f')}"
        for name, facts in summary["rivals"].items()
        if name != "n"
    ]
    n = summary["damage"]["n"]
    lines = [
        f"One rectangle damaged (n = {n}): {'; '.join(damage)}.",
        f"Change of Dice on whole copies (n = {n}): {', '.join(copied)}.",
    ]
    if other:
        lines.append(
            f"Localisation of other maps, AUROC (n = {n}): {', '.join(other)}."
        )
    return [*lines, summary["combination"]["verdict"]]


def _wrapped(text: str) -> list[str]:
    import textwrap

    return textwrap.wrap(text, 72)
