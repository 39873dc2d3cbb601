"""Choice of the combination of gates, if any, that may be shown at a glance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attnseg_training.gates.controls import at_size, localisation
from attnseg_training.gates.keys import ALL, LEVELS, Key, Measure, Row
from attnseg_training.gates.verdicts import words
from napari_attnseg.explanations.agreement import agreement
from napari_attnseg.explanations.combination import COMBINATIONS, levels
from napari_attnseg.statistics import (
    UNIT,
    Interval,
    enough,
    jackknife_interval,
    mean_interval,
    too_few_words,
)


@dataclass(frozen=True, slots=True, eq=False)
class GateMaps:
    """Maps of N images that the candidates combine, on the CPU.

    Attributes
    ----------
    attention : dict of int to Tensor, shape (N, 1, h, w)
        Stride → psi.
    contributions : dict of int to (Tensor, Tensor), shape (N, h, w)
        Stride → contributions of both encoders.
    masks : Tensor, shape (N, 1, S, S)
        True masks, NaN where they are ignored.
    """

    attention: dict[int, Tensor]
    contributions: dict[int, tuple[Tensor, Tensor]]
    masks: Tensor


def stakes(rows: list[Row]) -> dict[str, float]:
    """Mean absolute measured trust of each gate: how much its choice matters."""
    return {
        level: float(
            np.mean([np.abs(row[Key(Measure.TAU, level)]).mean() for row in rows])
        )
        for level in LEVELS
    }


def judge(maps: list[GateMaps], rows: list[Row], measured_on: str) -> dict[str, Any]:
    """Measure every candidate's agreement with measured trust, and its localisation.

    Agreement is with the trust of all gates together. The candidate with the highest
    AUROC is the best; it may be shown (``earned``) if its interval is above chance and
    there were ``enough`` images for a verdict (`statistics.ENOUGH`). Use validation
    images; `measured_on` names them for a reader.

    Returns
    -------
    dict
        ``name``, ``earned``, ``enough``, ``verdict``, ``stakes`` and ``candidates``.
    """
    tau = np.array([row[Key(Measure.TAU, ALL)] for row in rows], dtype=float)
    weight = stakes(rows)
    found = {}
    for name, combine in COMBINATIONS.items():
        psi, localises = [], []
        for some in maps:
            parts = levels(some.attention, weight, some.contributions)
            combined = combine(parts)
            psi += list(at_size(combined, (tau.shape[1], tau.shape[2]))[:, 0].numpy())
            truth = at_size(some.masks, (combined.shape[-2], combined.shape[-1]))
            localises += [
                localisation(one.numpy(), mask.numpy())
                for one, mask in zip(combined, truth, strict=True)
            ]
        found[name] = {
            "agreement": _agreement(np.stack(psi), tau),
            "localises": mean_interval(localises, UNIT),
        }
    # Undefined where one encoder is better everywhere; then none is the best.
    best = max(found, key=lambda n: np.nan_to_num(found[n]["agreement"]["mean"]))
    area, place = found[best]["agreement"], found[best]["localises"]
    judged = enough(len(rows))
    earned = bool(judged and area["low"] > 0.5)
    numbers = f"agreement with measured trust, AUROC {words(area, '.2f')}"
    if not judged:
        verdict = (
            f"Combinations of the gates: {too_few_words(len(rows))}; "
            f"the best of {len(found)}, {best}: {numbers}"
        )
    elif earned:
        verdict = (
            f"The {best} of the gates, the best of {len(found)} combinations: "
            f"{numbers}; localisation, AUROC {words(place, '.2f')}"
        )
    else:
        verdict = (
            f"No combination of the gates agreed with measured trust better than "
            f"chance; the best of {len(found)}, {best}: {numbers}"
        )
    return {
        "name": best,
        "earned": earned,
        "enough": judged,
        "verdict": f"{verdict} ({measured_on}, n = {len(rows)}).",
        "stakes": weight,
        "candidates": found,
    }


def _agreement(
    psi: NDArray[np.floating[Any]], tau: NDArray[np.floating[Any]]
) -> Interval:
    return jackknife_interval(lambda i: agreement(psi[i], tau[i])[1], len(psi), UNIT)


def on_cpu(
    attention: dict[int, Tensor],
    contributions: dict[int, tuple[Tensor, Tensor]],
    masks: Tensor,
) -> GateMaps:
    """Move the maps of one batch to the CPU."""
    return GateMaps(
        {s: psi.cpu() for s, psi in attention.items()},
        {s: (a.cpu(), b.cpu()) for s, (a, b) in contributions.items()},
        torch.as_tensor(masks.cpu()),
    )
