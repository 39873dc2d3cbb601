"""Tell masks of results that are no longer the model's own. No Qt, no torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.hashing import array_sha256
from napari_attnseg.io.files import read_facts
from napari_attnseg.io.inverted_masks import area_and_centre
from napari_attnseg.io.results import FORMAT
from napari_attnseg.io.run_facts import of_frame
from napari_attnseg.reliability.estimate import (
    EstimateState,
    ExpectedDice,
    estimate_or_why_none,
)
from napari_attnseg.review.case import Case


def expected_of(
    facts: Mapping[str, Any], frame: int = 0, stacked: bool = False
) -> ExpectedDice | None:
    """The expected Dice of the mask of results, or the reason of no number.

    Parameters
    ----------
    facts : mapping
        Content of the JSON file of the results.
    frame : int
        Frame of a stack.
    stacked : bool
        Whether it is a stack, of which the file does not say which masks were changed.
    """
    found = estimate_or_why_none(facts["provenance"], frame)
    if found is None or not facts.get("mask_edited"):
        return found
    state = EstimateState.STACK_CHANGED if stacked else EstimateState.CHANGED
    return found.none_because(state)


def is_changed(case: Case, labels: NDArray[np.integer[Any]]) -> bool:
    """Whether the mask of a case is known not to be what attnseg wrote.

    Of an image or a slice by the hash of its mask, of a frame of a film by its area.

    Parameters
    ----------
    case : Case
    labels : ndarray of integer, shape (H, W)
        The mask as it was read.
    """
    if case.table is not None:
        area, _ = area_and_centre(case.table, case.frame or 0)
        return not math.isnan(area) and area != np.count_nonzero(labels)
    story = case.results or case.stack
    facts = None if story is None else read_facts(story, FORMAT)
    if facts is None:
        return False
    frames = facts["layer"]["frames"]
    made = of_frame(facts["provenance"], case.frame or 0, frames).get("mask_sha256")
    return bool(made) and array_sha256(labels.astype(np.uint8)) != made
