"""Settings and file of a reader study: a recorded random order, hidden masks."""

from __future__ import annotations

import random
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_attnseg.how_many import how_many
from napari_attnseg.review.case import Case
from napari_attnseg.review.cases import REVIEW, STUDY, Series
from napari_attnseg.review.journal import SUFFIX, Journal

#: What can be hidden at first.
MASK, MAPS = "mask", "maps"


@dataclass(frozen=True, slots=True)
class Study:
    """Settings of a reader study.

    Attributes
    ----------
    seed : int or None
        Seed of the order; None: a seed is drawn and recorded.
    hide_masks : bool
        Whether masks, and all information on them, are hidden until the reader asks for
        them.
    """

    seed: int | None = None
    hide_masks: bool = True


def journal_path(folder: Path, reader: str, study: bool) -> Path:
    """File of a reviewer for a review or a reader study of a folder."""
    return folder / (STUDY if study else REVIEW) / f"{reader}{SUFFIX}"


def open_journal(series: Series, reader: str, study: Study | None) -> Journal:
    """Open the file of a reviewer, or create it.

    Raises
    ------
    InputError
        If it cannot be read, or cannot be written.
    """
    path = journal_path(series.folder, reader, study is not None)
    if path.is_file():
        return Journal(path)
    header: dict[str, Any] = {"reader": reader}
    if study is not None:
        seed = secrets.randbelow(2**31) if study.seed is None else study.seed
        names = sorted(case.name for case in series.cases)
        random.Random(seed).shuffle(names)
        header |= {"seed": seed, "hide_masks": study.hide_masks, "order": names}
    return Journal.create(path, header)


def as_begun(
    cases: Sequence[Case], order: Sequence[str]
) -> tuple[tuple[Case, ...], list[str]]:
    """Sort cases by the recorded order of a study, and describe what has changed."""
    there = {case.name: case for case in cases}
    gone = [name for name in order if name not in there]
    new = sorted(set(there) - set(order))
    told = []
    if gone:
        told.append(
            f"No longer there: {how_many(len(gone), 'case')} of this study, such as "
            f"{gone[0]}."
        )
    if new:
        told.append(
            f"At the end, as they came after this study was begun: "
            f"{how_many(len(new), 'case')}."
        )
    return tuple(there[name] for name in [*order, *new] if name in there), told
