"""Split samples into training, validation and test."""

from __future__ import annotations

import random
import re

from napari_attnseg.errors import InputError
from napari_attnseg.protocols import SplitRule, SplitSource

VALIDATION_FRACTION = 0.1

Names = tuple[str, ...]


def split_names(
    named: dict[str, Names],
    everything: Names,
    seed: int,
    lists: str = "splits",
    group: str = "",
) -> tuple[dict[str, Names], SplitRule]:
    """Split → names, and where each split comes from.

    Three rules make any folder trainable without touching its test images:

    * ``test`` is the split of this name. Without one, the official ``val`` is the test
      set, because published numbers are computed on it (such as the 120 images of
      Kvasir-SEG).
    * ``val`` is the split of this name if there is a test set, too. Otherwise a tenth
      of the training names is drawn for it, with a seed, and ``train`` is what remains.
    * Without any split there is only ``all``; training draws ``val`` from it.

    Parameters
    ----------
    named : dict
        The splits that are given.
    everything : tuple of str
        All names, for a folder without splits.
    seed : int
        Random seed for drawing the validation names.
    lists : str
        Folder of the lists of names; empty: the splits are folders.
    group : str
        Regular expression; see `DatasetSpec`.
    """
    if not named:
        train, val = carve(everything, seed, group)
        parts = {"all": everything, "train": train, "val": val}
        return parts, SplitRule(
            SplitSource.CARVED_FROM_ALL, lists=lists or "splits", seed=seed
        )
    if "train" not in named or ("test" in named and "val" in named):
        return dict(named), SplitRule(SplitSource.GIVEN, lists=lists)
    train, val = carve(named["train"], seed, group)
    held = "test" if "test" in named else "val"
    parts = {**named, "train": train, "val": val}
    if held in named:
        parts["test"] = named[held]
    return parts, SplitRule(
        SplitSource.CARVED_FROM_TRAIN,
        lists=lists,
        test=held if held in named else "",
        seed=seed,
    )


def carve(names: Names, seed: int, group: str = "") -> tuple[Names, Names]:
    """Draw validation names; returns (training, validation), at least one group each.

    Raises
    ------
    InputError
        If there are fewer than two groups.
    """
    groups: dict[str, list[str]] = {}
    for name in sorted(names):
        groups.setdefault(group_of(name, group), []).append(name)
    if len(groups) < 2:
        raise InputError(
            "Expected at least 2 images to draw validation images from, found "
            f"{len(groups)}{' in different groups' if group else ''}; add images or "
            "a splits/ folder."
        )
    shuffled = sorted(groups)
    random.Random(seed).shuffle(shuffled)
    n = max(1, round(len(groups) * VALIDATION_FRACTION))

    def members(keys: list[str]) -> Names:
        return tuple(name for key in keys for name in groups[key])

    return members(shuffled[n:]), members(shuffled[:n])


def group_of(name: str, group: str) -> str:
    """Group of a sample: its patient, or else its own name."""
    found = re.match(group, name) if group else None
    return found[0] if found else name
