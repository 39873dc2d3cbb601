"""Tell masks that are not of their own image, but what attnseg made of another one.

Files that were renamed, moved by one frame or saved under each other's names show
nothing of it. The hash of each mask that attnseg made tells, until it is edited. An
empty mask is like any other, and tells nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.errors import InputError
from napari_attnseg.hashing import array_sha256
from napari_attnseg.io.beside_masks import names_in
from napari_attnseg.io.files import RESULTS_FORMAT, read_facts
from napari_attnseg.io.frame_table import rows_of
from napari_attnseg.io.images import read_numbers
from napari_attnseg.io.mask_values import labels_of
from napari_attnseg.io.results_below import stamped
from napari_attnseg.io.run_facts import IMAGE, of_frame
from napari_attnseg.io.stack_results import FORMAT as FRAMES_FORMAT
from napari_attnseg.io.stack_results import StackNames

Labels = NDArray[np.integer[Any]]


class _Made(NamedTuple):
    """A mask that attnseg made: of which frame of which file, and of which pixels."""

    story: Path
    frame: int | None
    image: str | None

    @property
    def words(self) -> str:
        if self.frame is None:
            return self.story.stem
        return f"frame {self.frame} of {self.story.stem}"


def own_result_words(
    story: Path, facts: Mapping[str, Any], labels: Labels, frame: int = 0
) -> str:
    """Refuse a mask of results that is exactly that of another result of their folder.

    A slice of a stack may be a copy of its neighbour on purpose.

    Parameters
    ----------
    story : Path
        JSON file of the results.
    facts : mapping
        Content of it.
    labels : ndarray of int, shape (H, W)
        The mask as it was read.
    frame : int
        Which slice it is, if they are of a stack.

    Returns
    -------
    str
        A sentence if it is that of another slice, which still has it too; else empty.

    Raises
    ------
    InputError
    """
    frames, name = facts["layer"]["frames"], facts["files"]["mask"]
    run = of_frame(facts["provenance"], frame, frames)
    sha256 = _hash(labels)
    if sha256 == run.get("mask_sha256"):
        return ""
    own = _Made(story, None if frames is None else frame, run.get(IMAGE))

    def holds(other: _Made) -> bool:
        if other.story != story or other.frame is None:
            return False
        read = read_numbers(story.parent / name)
        same = labels_of(read, facts["mask_value"], name, stack=True).labels
        return _hash(same[other.frame]) == sha256

    found = _made_in(*stamped(story.parent)).get(sha256, ())
    return _words(labels, own, found, name, holds)


def own_frame_words(labels: Labels, frame: int, table: Path) -> str:
    """Do the same for the mask of a frame of a film, by the table of its frames.

    Tables without the hashes of masks tell nothing.
    """
    rows = rows_of(table)
    row, sha256 = rows.get(frame, {}), _hash(labels)
    if row.get("mask_sha256", "") in ("", sha256):
        return ""
    names = StackNames(table.parent, table.name.removesuffix("_frames.csv"))
    own = _Made(names.story, frame, row.get(IMAGE))
    found = [
        _Made(names.story, i, one.get(IMAGE))
        for i, one in rows.items()
        if one.get("mask_sha256") == sha256
    ]

    def holds(other: _Made) -> bool:
        facts = read_facts(names.story, FRAMES_FORMAT)
        if facts is None or other.frame is None:
            return False
        file = names.mask(other.frame)
        same = labels_of(read_numbers(file), facts["mask_value"], file.name).labels
        return _hash(same) == sha256

    return _words(labels, own, found, names.mask(frame).name, holds)


def _words(
    labels: Labels,
    own: _Made,
    found: Sequence[_Made],
    name: str,
    holds: Callable[[_Made], bool],
) -> str:
    if not found or any(one.image == own.image for one in found):
        return ""
    if labels.min() == labels.max():
        return ""
    other = next((one for one in found if holds(one)), None)
    if other is not None:
        return (
            f"The mask of {own.words} in {name} is exactly the one that attnseg made "
            f"of {other.words}: look whether it was copied on purpose."
        )
    raise InputError(
        f"Expected the mask of {own.words} in {name}, but it is exactly the one that "
        f"attnseg made of {found[0].words}, as if masks were exchanged or saved under "
        "another name; put each back in its place, or segment again."
    )


@lru_cache(maxsize=4)
def _made_in(folder: Path, changed: int) -> Mapping[str, list[_Made]]:
    """Hash of a mask → what attnseg made it of, in a folder that was changed then."""
    found: dict[str, list[_Made]] = defaultdict(list)
    for story in (folder / one for one in names_in(folder) if one.endswith(".json")):
        facts = read_facts(story, RESULTS_FORMAT)
        if facts is None:
            continue
        frames = facts["layer"]["frames"]
        for i in range(frames or 1):
            run = of_frame(facts["provenance"], i, frames)
            one = _Made(story, None if frames is None else i, run.get(IMAGE))
            found[str(run.get("mask_sha256"))].append(one)
    return dict(found)


def _hash(labels: Labels) -> str:
    return array_sha256(np.ascontiguousarray(labels, np.uint8))
