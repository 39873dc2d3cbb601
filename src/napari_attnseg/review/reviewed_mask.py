"""Read the mask that is reviewed; one of results that was saved inverted is refused."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.errors import InputError
from napari_attnseg.io.beside_masks import expect_mask
from napari_attnseg.io.edited_masks import frame_doubts, result_doubts
from napari_attnseg.io.exchanged_masks import own_frame_words, own_result_words
from napari_attnseg.io.files import read_facts
from napari_attnseg.io.images import read_numbers
from napari_attnseg.io.mask_values import ReadMask
from napari_attnseg.io.results import FORMAT
from napari_attnseg.io.run_facts import of_frame
from napari_attnseg.io.unread_masks import unread_words
from napari_attnseg.review.case import Case
from napari_attnseg.review.inverted_border import border_words
from napari_attnseg.review.mask_file import read_mask


def reviewed_mask(case: Case) -> ReadMask | None:
    """Read the mask of a case from its file; None if it has none.

    Raises
    ------
    InputError
        If the file cannot be read as a mask, or was saved inverted or turned by what
        attnseg found.
    """
    if case.mask is None:
        return None
    if case.mask_value is not None:
        expect_mask(case.mask)
    read = read_mask(case.mask, case.mask_value, case.frame)
    doubt = border_words(case, read.labels)
    if case.mask_value == 255:
        doubt = _doubts(case, case.mask, read.labels)
    unread = ""
    if case.mask_value is not None:  # attnseg wrote it
        own = _own_words(case, read.labels)
        doubt = " ".join(filter(None, (own, doubt)))
        image = case.image if case.table is None else None
        unread = unread_words(case.mask, read.labels, image)
    said = " ".join(filter(None, (read.assumed, doubt, unread)))
    return read._replace(assumed=said, doubt=doubt)


def _own_words(case: Case, labels: NDArray[np.integer[Any]]) -> str:
    if case.table is not None:
        assert case.frame is not None
        return own_frame_words(labels, case.frame, case.table)
    story = case.results or case.stack
    facts = None if story is None else read_facts(story, FORMAT)
    if story is None or facts is None:
        return ""
    return own_result_words(story, facts, labels, case.frame or 0)


def _doubts(case: Case, mask: Path, labels: NDArray[np.integer[Any]]) -> str:
    if case.table is not None:
        assert case.frame is not None
        return frame_doubts(labels, case.frame, case.table, mask.name)
    story = case.results or case.stack
    facts = None if story is None else read_facts(story, FORMAT)
    if story is None or facts is None:
        return ""
    frame, frames = case.frame or 0, facts["layer"]["frames"]
    try:
        file = story.parent / facts["files"]["probability"]
        found = _probability(file, file.stat().st_mtime_ns)
    except (OSError, InputError, KeyError):  # the mask is reviewed without it
        return ""
    found = found if frames is None else found[frame]
    if found.shape[-2:] != labels.shape:
        return ""
    facts_of_it = of_frame(facts["provenance"], frame, frames)
    return result_doubts(labels, found, facts_of_it, mask.name)


@lru_cache(maxsize=1)
def _probability(file: Path, changed: int) -> NDArray[Any]:
    """Probability in a file that was changed then, kept because each slice asks."""
    return read_numbers(file)
