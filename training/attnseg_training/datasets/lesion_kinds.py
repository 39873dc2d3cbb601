"""Recognise numbers or colours of lesions that may be those of classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from attnseg_training.datasets.drawn_colours import APART
from attnseg_training.datasets.mask_traits import CLASSES, MaskTraits

#: A number, or red, green and blue.
Kind = tuple[float, ...]
#: In fewer masks the same numbers may be those of as many objects by chance.
ENOUGH = 5
#: So many masks have a colour that is not that of one alone.
TWICE = 2
#: Cosine between colours above which one is the other, darker.
SHADE = 0.98


@dataclass(slots=True)
class LesionKinds:
    """Record of the lesion numbers and colours in the masks that were read.

    Attributes
    ----------
    names : dict
        Maps the numbers or colours of a mask to the images whose masks hold exactly
        these.
    """

    names: dict[tuple[Kind, ...], list[str]] = field(default_factory=dict)

    def add(self, name: str, traits: Sequence[MaskTraits]) -> None:
        """Record how the pages of a mask were read."""
        kinds = {kind for one in traits for kind in one.kinds}
        if kinds:
            self.names.setdefault(tuple(sorted(kinds)), []).append(name)

    def joined(self, other: LesionKinds) -> LesionKinds:
        """Union of two records."""
        both = {kinds: list(names) for kinds, names in self.names.items()}
        for kinds, names in other.names.items():
            both.setdefault(kinds, []).extend(names)
        return LesionKinds(both)

    def like_classes(self) -> list[str]:
        """Images whose masks hold lesions that may be of several classes.

        There may be up to `CLASSES` numbers or colours. They may be classes in four
        cases. All masks hold the same ones, which is so for numbered objects only if
        there are equally many in each mask. A mask lacks a number below its largest
        one, which numbered objects would have. Each mask holds one colour, but not all
        masks the same. Or two or more colours occur in several masks.
        """
        few = self._few()
        if few is None:
            return []
        _, each = few
        seen = frozenset[int]().union(*each)
        if len(seen) < 2:
            return []
        if len(each) == 1:
            (names,) = each.values()
            return names if len(names) >= ENOUGH else []
        if max(map(len, next(iter(self.names)))) == 1:
            gaps = [names for found, names in each.items() if len(found) < max(found)]
            return (
                [name for names in gaps for name in names]
                if max(seen) <= CLASSES
                else []
            )
        alone = all(len(found) == 1 for found in each)
        every = [name for names in each.values() for name in names]
        if alone:
            again = all(len(names) >= TWICE for names in each.values())
            return every if again else []
        held = _held(each)
        recur = [one for one, masks in held.items() if masks >= TWICE]
        return every if len(recur) > 1 and len(every) >= ENOUGH else []

    def counts(self) -> list[tuple[Kind, int]]:
        """Count the masks with each number or colour; the most common one comes first.

        If there are more numbers than `CLASSES`, only the ``CLASSES + 1`` smallest are
        counted. Empty if there are more colours, or both numbers and colours.
        """
        few = self._few()
        if few is None:
            every = sorted(_held(self.names).items())
            numbers = all(len(kind) == 1 for kind, _ in every)
            return every[: CLASSES + 1] if numbers else []
        kinds, each = few
        return [(kinds[one], masks) for one, masks in _held(each).most_common()]

    def _few(self) -> tuple[dict[int, Kind], dict[frozenset[int], list[str]]] | None:
        """Numbers or colours by index, and what masks hold; a number is its own index.

        None if there are more than `CLASSES`, or both numbers and colours.
        """
        known: dict[int, Kind] = {}
        found: dict[frozenset[int], list[str]] = {}
        widths = {len(kind) for kinds in self.names for kind in kinds}
        if len(widths) != 1:
            return None
        for kinds, names in self.names.items():
            own = set()
            for kind in kinds:
                if len(kind) == 1:
                    index = int(kind[0])
                else:
                    like = (i for i, one in known.items() if _alike(one, kind))
                    index = next(like, len(known))
                known.setdefault(index, kind)
                own.add(index)
            found.setdefault(frozenset(own), []).extend(names)
            if len(frozenset[int]().union(*found)) > CLASSES:
                return None
        return known, found


def _alike(one: Kind, other: Kind) -> bool:
    a, b = np.array(one), np.array(other)
    shade = a @ b >= SHADE * np.linalg.norm(a) * np.linalg.norm(b)
    return bool(np.abs(a - b).max() <= APART or shade)


def _held(each: Mapping[Any, Sequence[str]]) -> Counter[Any]:
    """Number of masks that hold each number or colour."""
    held = Counter[Any]()
    for found, names in each.items():
        held.update(dict.fromkeys(found, len(names)))
    return held


def counted_kinds(counts: Sequence[tuple[Kind, int]]) -> str:
    """Text on numbers or colours and their numbers of masks; empty without any."""
    told = ", ".join(
        f"{_named(kind)} in {masks} mask{'s' * (masks > 1)}"
        for kind, masks in counts[:CLASSES]
    )
    return told + ", and larger ones" * (len(counts) > CLASSES)


def _named(kind: Kind) -> str:
    named = ", ".join(f"{value:.0f}" for value in kind)
    return named if len(kind) == 1 else f"({named})"
