"""Describe the agreement of two reviewers."""

from __future__ import annotations

import math

import numpy as np

from napari_attnseg.how_many import how_many
from napari_attnseg.review.agreement import Agreement
from napari_attnseg.review.state import Decision
from napari_attnseg.statistics import Interval, too_few_words


def sentences(found: Agreement) -> list[str]:
    """One sentence on each number, with the number of cases."""
    n, same = len(found.cases), int(np.trace(found.table))
    said = [
        f"{found.readers[0]} and {found.readers[1]} both decided "
        f"{how_many(n, 'case')}; one of them alone decided {found.only_one}.",
        f"They decided alike on {same} of {n}; Cohen's kappa {_number(found.kappa)}.",
    ]
    for decision, kappa in found.kappas.items():
        k = list(Decision).index(decision)
        counts = found.table[k].sum(), found.table[:, k].sum(), found.table[k, k]
        if counts[0] + counts[1]:
            said.append(
                f"  {decision}: {counts[0]} and {counts[1]} times, {counts[2]} of them "
                f"alike; kappa {_number(kappa)}."
            )
    said.append(_dice_words("both corrected", found.corrected))
    more = f" {found.same_mask} of these accepted the same mask, with a Dice of 1."
    said.append(_dice_words("both accepted or corrected", found.kept) + more)
    if found.other_image:
        said.append(
            "Left out, as their pixels differ under one name: "
            f"{how_many(len(found.other_image), 'case')}, such as "
            f"{found.other_image[0]}."
        )
    said += [f"Not compared: {reason}" for reason in found.unusable.values()]
    few = too_few_words(n)
    return [*said, f"{few}."] if few else said


def _dice_words(which: str, interval: Interval) -> str:
    n = interval["n"]
    if not n:
        return f"No masks that {which}."
    return f"Dice of the {how_many(n, 'mask')} that {which}: {_number(interval)}."


def _number(interval: Interval) -> str:
    value, low, high = (interval[key] for key in ("mean", "low", "high"))
    if math.isnan(value):
        return "undefined, as both said the same of every case"
    if math.isnan(low) or math.isnan(high):
        return f"{value:.2f} (no interval)"
    return f"{value:.2f} (95 % interval {low:.2f} to {high:.2f})"
