"""The gate card: the gate suite's results of one model, on one page."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np

from attnseg_training.gates.checks import DRAWS
from attnseg_training.gates.columns import damage_name, damage_of
from attnseg_training.gates.keys import ENCODERS, SEVERITIES, Damage
from attnseg_training.gates.readers import reader_lines
from attnseg_training.gates.sanity import PARTS
from attnseg_training.gates.verdicts import words
from napari_attnseg.png import png_bytes
from napari_attnseg.reader_record import READERS


def gate_card_png(summary: dict[str, Any]) -> bytes:
    """Draw the card as one page: verdict, interventions, reliability of each gate."""
    from matplotlib.figure import Figure

    gates = summary["gates"]
    figure = Figure(figsize=(13, 12.5), layout="constrained")
    figure.suptitle(
        f"Gate card of '{summary['model']}' on {summary['dataset']}, split "
        f"{summary['split']}, n = {summary['n']}; "
        f"Dice {words(summary['dice'], '.3f')}",
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
        "\n".join(textwrap.fill(line, 190) for line in _page_lines(summary))
        + "\npsi is the weight of the CNN's features: neither their share of what is "
        "fused nor what is important. "
        "Research use; not a diagnostic device.",
        fontsize=8,
    )
    return png_bytes(figure)


def _card_lines(facts: dict[str, Any]) -> list[str]:
    # What is constant in every image (no black frame, say) is followed by nothing.
    named = sorted(
        facts["follows"].items(),
        key=lambda kv: -float(np.nan_to_num(abs(kv[1]["mean"]), nan=-1)),
    )
    strongest, rho = named[0]
    alone = facts["follows_only"][strongest]
    moved = facts["moved"]
    kept = [part for part in PARTS if part != "decoder"]  # psi does not depend on it
    return [
        *_wrapped(facts["verdict"]),
        f"Follows most: {strongest}, ρ {words(rho, '+.2f')};",
        f"   alone, the others taken out: {words(alone, '+.2f')}",
        *(
            [
                "Effective share of the CNN in what is fused, by feature norms: "
                f"{words(facts['effective_share'], '.2f')};"
            ]
            if "effective_share" in facts  # earlier suites did not measure it
            else []
        ),
        "psi inside / boundary / outside: "
        + " / ".join(f"{facts['psi'][p]['mean']:.2f}" for p in facts["psi"]),
        *(
            f"AUROC, one input damaged ({kind}): {words(found['auroc'], '.2f')}, like "
            f"mask {words(found['alike'], '.2f')};\n   psi moves there, CNN's and "
            "transformer's damaged: "
            + ", ".join(
                f"{moved[damage_name(Damage(e, kind))]['inside']['mean']:+.2f}"
                for e in ENCODERS
            )
            for kind, found in facts["agreement_damaged"].items()
        ),
        f"AUROC of the gate shuffled {DRAWS} times (95 % of them): "
        + words(facts["agreement_shuffled"]["auroc"], ".2f"),
        f"ρ with itself, {', '.join(facts['stable'])}: "
        + ", ".join(f"{f['mean']:.2f}" for f in facts["stable"].values()),
        f"ρ with itself, shuffled {', '.join(kept)}: "
        + ", ".join(f"{facts['shuffled'][part]['mean']:.2f}" for part in kept),
    ]


def _page_lines(summary: dict[str, Any]) -> list[str]:
    """Lines on what belongs to no single gate."""
    damage = [
        f"{name}: Dice {words(facts['dice'], '.3f')}, pattern worth "
        f"{words(facts['spatial_value'], '+.3f')}"
        for name, facts in summary["damage"].items()
        if (found := damage_of(name)) and found.severity == SEVERITIES[-1]
    ]
    copied = [
        f"{name} {words(change, '+.3f')}"
        for name, change in summary["copies"].items()
        if name != "n"
    ]
    other = [
        f"{name} {words(facts['localises'], '.2f')}"
        for name, facts in summary["rivals"].items()
        if name != "n"
    ]
    n = summary["damage"]["n"]
    lines = [
        *(f"One rectangle of the input damaged (n = {n}), {one}." for one in damage),
        f"Change of Dice on whole copies (n = {n}): {', '.join(copied)}.",
    ]
    if other:
        lines.append(
            f"Localisation of other maps, AUROC (n = {n}): {', '.join(other)}."
        )
    together = summary["together"]
    hurt = "; ".join(
        f"{kind} {words(found['auroc'], '.2f')}, like mask "
        f"{words(found['alike'], '.2f')}"
        for kind, found in together["agreement_damaged"].items()
    )
    lines.append(f"{together['verdict']} One input damaged (n = {n}): AUROC {hurt}.")
    # Earlier suites did not measure the readers.
    readers = reader_lines(summary[READERS]) if READERS in summary else []
    return [*lines, summary["combination"]["verdict"], *readers]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 72)
