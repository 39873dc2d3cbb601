"""Texts of a review."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from napari_attnseg.how_many import how_many
from napari_attnseg.reliability.estimate import EstimateState
from napari_attnseg.review.case import Case
from napari_attnseg.review.cases import Order
from napari_attnseg.review.session import Review
from napari_attnseg.review.state import CaseState, Decision
from napari_attnseg.uncertainty import DOUBT_MEANING


def order_words(review: Review) -> str:
    """Sentence on how the cases are sorted, and why."""
    cases = review.cases
    if review.study is not None:
        return f"Order by chance, from the seed {review.study.seed}."
    if review.order is Order.EXPECTED_DICE:
        without = sum(c.expected is None or c.expected.mean is None for c in cases)
        words = "Sorted by expected Dice, the lowest first"
        return f"{words}{_come_before(without, 'case', 'without one')}."
    if review.order is Order.DOUBT:
        without = sum(c.doubt is None for c in cases)
        words = f"Sorted by doubt, the highest first; {_why_none(cases)}"
        return f"{words}{_come_before(without, 'empty mask')}."
    return "Sorted by name: nothing was measured that says which is worth a look."


def _come_before(number: int, what: str, which: str = "") -> str:
    """Say how many come before the sorted ones; empty if none do."""
    if not number:
        return ""
    come = "comes" if number == 1 else "come"
    said = " ".join(filter(None, (how_many(number, what), which)))
    return f"; {said} {come} before them"


def _why_none(cases: Sequence[Case]) -> str:
    """Why no case has an expected Dice."""
    found = [case.expected for case in cases if case.expected is not None]
    if not found:
        return "these weights have no expected Dice"
    reasons = {one.why_none for one in found if one.why_none}
    if not reasons:
        return "no expected Dice, as nothing was found"
    if len(reasons) > 1:
        return "no expected Dice, for the reason that each case gives"
    return f"no expected Dice: {reasons.pop()}"


def measure_heading(order: Order) -> tuple[str, str]:
    """Heading and meaning of the number beside each case; empty if there is none."""
    if order is Order.EXPECTED_DICE:
        return "expected\nDice", "Expected Dice of the mask, which is an estimate"
    if order is Order.DOUBT:
        return "doubt\n(bits)", DOUBT_MEANING
    return "", ""


def measure_words(case: Case, order: Order) -> str:
    """The number beside a case."""
    if order is Order.EXPECTED_DICE:
        mean = None if case.expected is None else case.expected.mean
        return "–" if mean is None else f"{mean:.2f}"
    if order is Order.DOUBT:
        return "–" if case.doubt is None else f"{case.doubt:.2f}"
    return ""


def case_words(case: Case, state: CaseState) -> str:
    """Describe the mask of a case before it is reviewed."""
    if state.painted is not None:
        if state.painted.mask_sha256 in state.taken_over:
            return "This is the mask of a result that you took over."
        return "This is the mask of your correction."
    if case.mask is None:
        return "There is no mask yet; draw one with C."
    if case.expected is not None:
        words = case.expected.words
        if case.expected.state is EstimateState.EMPTY:
            words = "nothing was found, so there is no expected Dice"
        return f"{words[0].upper()}{words[1:]}."
    if case.doubt is not None:
        return f"Doubt {case.doubt:.2f} bits; no expected Dice."
    if case.results is not None:
        return "Nothing was found, or the mask was edited; no expected Dice."
    return "A mask from elsewhere: nothing is known of how good it is."


def progress_words(review: Review) -> str:
    """Progress, such as ``12 of 40 decided: 9 accepted, 2 corrected, 1 rejected``."""
    counts = Counter(review.state(case).decision for case in review.cases)
    said = [f"{counts[d]} {d}" for d in Decision if counts[d]]
    words = f"{review.done} of {len(review.cases)} decided"
    return f"{words}: {', '.join(said)}" if said else words
