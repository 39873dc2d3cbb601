"""Find what has images in two splits, such as a patient or a film."""

from __future__ import annotations

from collections.abc import Collection, Mapping

Splits = Mapping[str, Collection[str]]
Groups = tuple[tuple[str, ...], ...]


def across_splits(splits: Splits, of: Mapping[str, str]) -> Groups:
    """Group one image of each split, for each patient with images in two or more.

    A name that is listed for two splits, which is a finding of its own, counts once.

    Parameters
    ----------
    splits : mapping
        Split → names of its images.
    of : mapping
        Name of an image → its patient, film or the like; missing or empty where it is
        not known.
    """
    first: dict[str, dict[str, str]] = {}
    once = {name: split for split, names in splits.items() for name in names}
    for name, split in once.items():
        if whose := of.get(name, ""):
            first.setdefault(whose, {}).setdefault(split, name)
    return tuple(tuple(one.values()) for one in first.values() if len(one) > 1)
