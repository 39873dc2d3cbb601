"""Find results in folders below results, such as a copy in which masks were corrected.

Only the results of the folder itself are read. A copy of them counts as corrected if
its mask is no longer the one that attnseg made in this run: a copy that was kept as it
was, as before a correction, and results of another run are no reason for a word.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.errors import InputError
from napari_attnseg.hashing import array_sha256
from napari_attnseg.io.beside_masks import names_in
from napari_attnseg.io.files import RESULTS_FORMAT, read_facts
from napari_attnseg.io.images import read_numbers
from napari_attnseg.io.inverted_masks import is_of_row
from napari_attnseg.io.mask_values import labels_of
from napari_attnseg.io.run_facts import IMAGE, of_frame
from napari_attnseg.io.stack_results import FORMAT as FRAMES_FORMAT
from napari_attnseg.io.stack_results import StackNames

Labels = NDArray[np.integer[Any]]
#: A folder, and when it was changed.
Place = tuple[Path, int]


def stamped(folder: Path) -> Place:
    """The folder, and when it was changed."""
    try:
        return folder, folder.stat().st_mtime_ns
    except OSError:
        return folder, 0


def folders_below(folder: Path) -> tuple[Path, ...]:
    """Folders in a folder that hold neither masks of a film nor those of a data set."""
    return _folders(*stamped(folder))


@lru_cache(maxsize=16)
def _folders(folder: Path, changed: int) -> tuple[Path, ...]:
    names = set(names_in(folder))
    left_out = {"masks", "images"} if {"masks", "images"} <= names else set()
    return tuple(
        folder / name
        for name in sorted(names - left_out)
        if f"{name}.json" not in names and (folder / name).is_dir()
    )


def sorted_words(folder: Path) -> str:
    """Sentence on folders below one whose results are not in it; or empty.

    As of results that were sorted into ``good/`` and ``bad/``.
    """
    stories = {one for one in names_in(folder) if one.endswith(".json")}
    found: dict[str, int] = {}
    for below in folders_below(folder):
        more = {one for one in names_in(below) if one.endswith(".json")} - stories
        count = sum(_is_story(below / one) for one in more)
        if count:
            found[below.name] = count
    if not found:
        return ""
    held = ", ".join(f"{name} ({count})" for name, count in found.items())
    other = "other " if stories else ""
    folders = "a folder" if len(found) == 1 else "folders"
    give = ", too, if they are meant" if stories else ""
    return (
        f"{folder.resolve().name} has {folders} with {other}results of attnseg "
        f"segment, {held}, which were not read: give each of them{give}."
    )


def _is_story(path: Path) -> bool:
    formats = (RESULTS_FORMAT, FRAMES_FORMAT)
    return any(read_facts(path, one) is not None for one in formats)


def copies_words(mask: Path, labels: Labels) -> str:
    """Sentence on copies of a mask that were corrected in folders below; or empty.

    They belong to copies of its results, by the date of their run, and are neither what
    attnseg made nor equal to the mask.

    Parameters
    ----------
    mask : Path
        The mask that the results name.
    labels : ndarray of int, shape (H, W) or (N, H, W)
        Content of it, or of one of its slices.
    """
    film = f"{mask.parent.name}.json" in names_in(mask.parent.parent)
    home = mask.parent.parent if film else mask.parent
    stem = mask.parent.name if film else mask.stem.removesuffix("_mask")
    own = StackNames(home, stem)
    corrected = _corrected_frame if film else _corrected
    found = [
        folder.name
        for folder in folders_below(home)
        if own.story.name in names_in(folder)
        and corrected(own, StackNames(folder, stem), mask.name, labels)
    ]
    if not found:
        return ""
    folders, given = " and ".join(found), home.resolve().name
    hold, were = ("hold copies", "were") if found[1:] else ("holds a copy", "was")
    return (
        f"{folders} in {given} {hold} of the results {stem} whose {mask.name} was "
        f"corrected, and {were} not read, as {given} was given: give {found[0]}, or "
        f"save its masks in {given}, if they are the right ones."
    )


def _corrected(own: StackNames, copy: StackNames, mask: str, labels: Labels) -> bool:
    first = read_facts(own.story, RESULTS_FORMAT)
    facts = read_facts(copy.story, RESULTS_FORMAT)
    if first is None or facts is None or facts["files"].get("mask") != mask:
        return False
    run, frames = first["provenance"], facts["layer"]["frames"]
    if not _same_run(run, facts["provenance"], IMAGE):
        return False
    read = _labels(copy.folder / mask, facts, frames is not None)
    if read is None:
        return True
    slices = read if read.ndim == 3 else read[None]
    if len(slices) != (frames or 1):
        return True
    made = [of_frame(run, i, frames).get("mask_sha256") for i in range(len(slices))]
    if made[0] is None:
        return False
    # A review asks for each slice of a stack.
    equal = any(np.array_equal(one, labels) for one in (read, *slices))
    return [_hash(one) for one in slices] != made and not equal


def _corrected_frame(
    own: StackNames, copy: StackNames, mask: str, labels: Labels
) -> bool:
    first = read_facts(own.story, FRAMES_FORMAT)
    facts = read_facts(copy.story, FRAMES_FORMAT)
    number = mask.split("_")[1]
    if first is None or facts is None or not number.isdecimal():
        return False
    if not _same_run(first["provenance"], facts["provenance"]):
        return False
    if not (copy.masks / mask).is_file():
        return False
    read = _labels(copy.masks / mask, facts, stack=False)
    if read is None:
        return True
    of_own = is_of_row(read, own.table, int(number))
    return not of_own and not np.array_equal(read, labels)


def _same_run(one: Mapping[str, Any], other: Mapping[str, Any], *more: str) -> bool:
    """Whether two provenances are of one run: its date is kept where masks change."""
    return all(one.get(key) == other.get(key) for key in ("date", *more))


def _labels(mask: Path, facts: Mapping[str, Any], stack: bool) -> Labels | None:
    """Labels in a mask; None if they cannot be read."""
    try:
        unit = int(facts["mask_value"])
        return labels_of(read_numbers(mask), unit, mask.name, stack).labels
    except (InputError, KeyError):
        return None


def _hash(labels: Labels) -> str:
    return array_sha256(labels.astype(np.uint8))
