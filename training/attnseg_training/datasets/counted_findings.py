"""Count findings that do not stop training, and describe them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import reduce

import numpy as np

from attnseg_training.datasets.findings import MasksSeen
from attnseg_training.datasets.near_duplicates import near_duplicates
from attnseg_training.datasets.rules import Rule
from attnseg_training.datasets.same_cases import same_cases
from attnseg_training.datasets.same_films import same_films, without_films
from napari_attnseg.intensity import IntensityWarning
from napari_attnseg.intensity_warnings import counted_warning


def counts(parts: Mapping[str, MasksSeen], empty_masks: bool = False) -> dict[str, int]:
    """Count findings that do not stop training, by rule, over the splits read so far.

    Empty masks are not counted if the data set is known to have them (`empty_masks`).
    """
    found: Counter[str] = Counter()
    every = list(parts.values())
    if not empty_masks:
        found[Rule.EMPTY] = sum(len(seen.looks.empty) for seen in every)
    found[Rule.FULL] = sum(len(seen.looks.full) for seen in every)
    found[Rule.NARROW_RANGE] = sum(len(seen.narrow) for seen in every)
    present = np.sum([seen.present for seen in every if seen.total], axis=0)
    found[Rule.ABSENT_CLASS] = int(np.count_nonzero(np.atleast_1d(present) == 0))
    hashes = {name: bits for seen in every for name, bits in seen.hashes.items()}
    names = {split: tuple(seen.hashes) for split, seen in parts.items()}
    filled = [seen for seen in every if seen.total]
    for hint in reduce(MasksSeen.joined, filled).hints() if filled else ():
        found[hint.rule] = len(hint.names)
    for pair in near_duplicates(hashes, names):
        found[Rule.TURNED_DUPLICATE if pair.turned else Rule.NEAR_DUPLICATE] += 1
    films = {name: film for seen in every for name, film in seen.films.items()}
    for hint in (
        *same_films(names, films),
        *same_cases(without_films(names, films)),
    ):
        found[hint.rule] = len(hint.groups)
    return {str(rule): n for rule, n in found.items() if n}


def warning(found: Mapping[str, int], images: int) -> str:
    """Describe findings in `images` images that do not stop training; empty: none."""
    said = []
    named = [f"{rule} ({n})" for rule, n in found.items() if rule != Rule.NARROW_RANGE]
    if absent := found.get(Rule.ABSENT_CLASS, 0):
        classes = "1 class is" if absent == 1 else f"{absent} classes are"
        said.append(
            f"{classes} in no mask that was read, so that nothing of it can be learned "
            "and its Dice says nothing."
        )
    if named:
        said.append(
            f"Found in the data: {', '.join(named)}; `attnseg-train check` names each."
        )
    if narrow := found.get(Rule.NARROW_RANGE, 0):
        said.append(counted_warning(IntensityWarning.NARROW_RANGE, narrow, images))
    return " ".join(said)
