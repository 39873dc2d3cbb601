"""Agreement of two reviewers: Cohen's kappa of their decisions, Dice of their masks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.errors import AttnSegError, InputError
from napari_attnseg.metrics import dice
from napari_attnseg.review.journal import Journal
from napari_attnseg.review.kappa import kappa_interval
from napari_attnseg.review.mask_file import read_mask
from napari_attnseg.review.state import (
    CaseState,
    Decided,
    Decision,
    labels_sha256,
    states_of,
)
from napari_attnseg.statistics import (
    UNIT,
    Interval,
    mean_interval,
)

FORMAT = "attnseg-agreement-1"


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of two reviewers on the cases that both decided.

    Attributes
    ----------
    readers : (str, str)
    cases : tuple of str
        Cases that both decided, with equal pixels.
    only_one : int
        Number of cases that only one of them decided.
    other_image : tuple of str
        Names of cases for which the two had different images; these cases are left out.
    table : ndarray of int, shape (3, 3)
        Decisions of the first (rows) and of the second, in the order of `Decision`.
    kappa : dict
        Cohen's kappa over all decisions; see `kappa_interval`.
    kappas : mapping of Decision to dict
        Cohen's kappa of each decision against the other two.
    corrected : dict
        Mean Dice of the masks that both painted, with its interval.
    kept : dict
        The same for the masks that both kept, accepted or painted.
    same_mask : int
        Number of cases in `kept` in which both accepted the same mask, so that its Dice
        is 1.
    dices : mapping of str to float
        Dice of each case whose mask both kept.
    unusable : mapping of str to str
        Case → why its masks were not compared.
    """

    readers: tuple[str, str]
    cases: tuple[str, ...]
    only_one: int
    other_image: tuple[str, ...]
    table: NDArray[np.intp]
    kappa: Interval
    kappas: Mapping[Decision, Interval]
    corrected: Interval
    kept: Interval
    same_mask: int
    dices: Mapping[str, float]
    unusable: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """JSON-ready facts; what is undefined is None."""
        return {
            "format": FORMAT,
            "readers": list(self.readers),
            "cases": {
                "both": len(self.cases),
                "only_one": self.only_one,
                "other_image": list(self.other_image),
            },
            "decisions": {
                "order": [str(decision) for decision in Decision],
                "first_by_second": self.table.tolist(),
                "kappa": _plain(self.kappa),
                "kappa_of": {str(d): _plain(k) for d, k in self.kappas.items()},
            },
            "dice": {
                "both_corrected": _plain(self.corrected),
                "both_kept": _plain(self.kept),
                "of_which_same_mask": self.same_mask,
                "cases": dict(self.dices),
                "not_compared": dict(self.unusable),
            },
        }


def agreement(first: Path, second: Path) -> Agreement:
    """Compare two reviewers' files.

    Raises
    ------
    InputError
        If a file is not a review, both are the same file, or there is no case that both
        decided.
    """
    journals = [Journal(path) for path in (first, second)]
    if first.resolve() == second.resolve():
        raise InputError(
            f"Expected the files of two reviewers, but {first} was given twice; give "
            "the other one too."
        )
    one, other = (states_of(journal.events) for journal in journals)
    decided = [
        {c for c, s in x.items() if s.decision is not None} for x in (one, other)
    ]
    shared = [c for c in one if c in decided[0] & decided[1]]
    differ = tuple(c for c in shared if _differ(one[c], other[c]))
    cases = tuple(c for c in shared if c not in differ)
    if not cases:
        reason = (
            f"; {len(differ)} cases have one name but other pixels" if differ else ""
        )
        raise InputError(
            f"Expected cases that both reviewers decided, but {first} has "
            f"{len(decided[0])}, {second} {len(decided[1])} cases, and none is in "
            f"both{reason}; choose reviews of the same images."
        )
    codes = np.array(
        [[_code(one[c]) for c in cases], [_code(other[c]) for c in cases]], np.intp
    )
    each = {d: (codes == k).astype(np.intp) for k, d in enumerate(Decision)}
    masks = _compared(cases, (one, other), (first.parent, second.parent))
    return Agreement(
        (journals[0].reader, journals[1].reader),
        cases,
        len(decided[0] ^ decided[1]),
        differ,
        _table(codes),
        kappa_interval(codes),
        {decision: kappa_interval(of) for decision, of in each.items()},
        mean_interval([masks.dices[c] for c in masks.painted], UNIT),
        mean_interval(list(masks.dices.values()), UNIT),
        masks.same,
        masks.dices,
        masks.unusable,
    )


@dataclass(slots=True)
class _Compared:
    """Masks of both: Dice of each case, which both painted, how many are the same."""

    dices: dict[str, float]
    painted: list[str]
    same: int
    unusable: dict[str, str]


def _compared(
    cases: tuple[str, ...],
    states: tuple[Mapping[str, CaseState], Mapping[str, CaseState]],
    places: tuple[Path, Path],
) -> _Compared:
    found = _Compared({}, [], 0, {})
    for case in cases:
        kept = [d for d in (of[case].last for of in states) if d is not None and d.mask]
        if len(kept) < 2:
            continue  # one of them rejected it
        try:
            a, b = (_labels(d, p) for d, p in zip(kept, places, strict=True))
        except AttnSegError as error:
            found.unusable[case] = str(error)
            continue
        if a.shape != b.shape:
            found.unusable[case] = f"{case}: the masks have {a.shape} and {b.shape}."
            continue
        found.dices[case] = dice(a, b)
        painted = [d.decision is Decision.CORRECTED for d in kept]
        if all(painted):
            found.painted.append(case)
        elif not any(painted):
            found.same += kept[0].mask_sha256 == kept[1].mask_sha256
    return found


def _table(codes: NDArray[np.intp]) -> NDArray[np.intp]:
    table = np.zeros((len(Decision),) * 2, np.intp)
    np.add.at(table, (codes[0], codes[1]), 1)
    return table


def _code(state: CaseState) -> int:
    assert state.decision is not None
    return list(Decision).index(state.decision)


def _differ(one: CaseState, other: CaseState) -> bool:
    hashes = {one.image_sha256, other.image_sha256} - {None}
    return len(hashes) > 1


def _labels(decided: Decided, folder: Path) -> NDArray[np.integer[Any]]:
    """The mask that was decided on, if its file still holds it."""
    assert decided.mask is not None
    labels = read_mask(folder / decided.mask, decided.mask_value).labels
    if labels_sha256(labels) != decided.mask_sha256:
        raise InputError(
            f"{Path(decided.mask).name} was changed since it was "
            f"{decided.decision}; compare with the mask as it was."
        )
    return labels


def _plain(interval: Interval) -> dict[str, Any]:
    return {
        key: None if isinstance(value, float) and math.isnan(value) else value
        for key, value in interval.items()
    }
