"""Order of the cases of a series: those that most need a look come first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING

from napari_attnseg.boxes import box_of
from napari_attnseg.masks import MEDSAM
from napari_attnseg.reliability.estimate import ESTIMATE, EstimateState, estimate_of
from napari_attnseg.uncertainty import case_doubt

if TYPE_CHECKING:
    from napari_attnseg.reports.cases import Case

#: Frames of one stack that are cases of a report, at most.
FRAMES = 12


class Kind(IntEnum):
    """Reasons to look at a case, the most important one first."""

    #: The mask covers the whole image.
    WHOLE_IMAGE = 0
    #: The weights tell an expected Dice, and of this image they cannot.
    UNLIKE = 1
    #: Nothing was found.
    EMPTY = 2
    #: The expected Dice is not of this mask: it was painted, cleaned, refined.
    ANOTHER_MASK = 3
    EXPECTED_DICE = 4
    #: The weights tell no expected Dice, or none of images segmented in this way.
    DOUBT = 5


@dataclass(frozen=True, order=True, slots=True)
class Worth:
    """Sort key of cases: the smallest key is most urgent to look at."""

    kind: Kind
    value: float


def worth_of(case: Case, doubt: float) -> Worth:
    """Sort key of a case; `doubt` is as `doubt_of` returns it."""
    result = case.result
    facts = result.provenance
    if not result.mask.any():
        return Worth(Kind.EMPTY, 0)
    if result.mask.all():
        return Worth(Kind.WHOLE_IMAGE, 0)
    found = estimate_of(facts)
    another_way = found is not None and found.state.another_way
    if facts.get(ESTIMATE) is None or another_way:
        return Worth(Kind.DOUBT, -doubt)
    if found is None or case.edited or MEDSAM in facts:
        return Worth(Kind.ANOTHER_MASK, -doubt)
    if found.state is EstimateState.UNLIKE or found.mean is None:
        return Worth(Kind.UNLIKE, -(found.unlikeness or 0))
    return Worth(Kind.EXPECTED_DICE, found.mean)


def doubt_of(case: Case) -> float:
    """Predictive entropy of a case in bits; NaN for an empty mask."""
    if case.doubt is not None:
        return case.doubt
    result = case.result
    return case_doubt(result.probability, result.mask, box_of(result.provenance))


def worst_frames(cases: Sequence[Case]) -> list[Case]:
    """The `FRAMES` frames of a stack that most need a look, in stack order."""
    left = len(cases) - FRAMES
    if left <= 0:
        return list(cases)
    ranks = sorted(range(len(cases)), key=lambda i: _rank(cases[i]))
    return [replace(cases[i], left_out=left) for i in sorted(ranks[:FRAMES])]


def _rank(case: Case) -> Worth:
    return worth_of(case, doubt_of(case))


#: What the order of a series is, for people.
ORDER_WORDS = (
    "Sorted by what is most worth a look: first masks that cover the whole image, "
    "images unlike those that the expected Dice was measured on, images in which "
    "nothing was found, and masks that are no longer the model's own; then from the "
    "lowest expected Dice to the highest. Where weights tell no expected Dice, from "
    "the highest doubt to the lowest."
)
