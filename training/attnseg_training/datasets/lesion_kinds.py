"""Whether numbers or colours of lesions are spread over masks as those of classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

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
    """Numbers and colours of lesions in the masks that were read so far.

    Attributes
    ----------
    names : dict
        What one mask holds → the images whose masks hold just that.
    """

    names: dict[tuple[Kind, ...], list[str]] = field(default_factory=dict)

    def add(self, name: str, traits: Sequence[MaskTraits]) -> None:
        """Notice how the pages of a mask were read."""
        kinds = {kind for one in traits for kind in one.kinds}
        if kinds:
            self.names.setdefault(tuple(sorted(kinds)), []).append(name)

    def joined(self, other: LesionKinds) -> LesionKinds:
        """Both together."""
        both = {kinds: list(names) for kinds, names in self.names.items()}
        for kinds, names in other.names.items():
            both.setdefault(kinds, []).extend(names)
        return LesionKinds(both)

    def like_classes(self) -> list[str]:
        """Images whose masks hold lesions that may be of several classes.

        Of up to `CLASSES` numbers or colours: if all masks hold the same ones, which
        numbered objects do only if there are as many in each; if a mask lacks a number
        below its largest one, which numbered objects begin with; or if each mask holds
        one colour, but not all of them the same.
        """
        each = self._few()
        if each is None:
            return []
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
        if alone and all(len(names) >= TWICE for names in each.values()):
            return [name for names in each.values() for name in names]
        return []

    def _few(self) -> dict[frozenset[int], list[str]] | None:
        """What masks hold, as numbers or as indices of colours.

        None if there are more than `CLASSES`, or both numbers and colours.
        """
        colours: list[Kind] = []
        found: dict[frozenset[int], list[str]] = {}
        widths = {len(kind) for kinds in self.names for kind in kinds}
        if len(widths) != 1:
            return None
        for kinds, names in self.names.items():
            own = set()
            for kind in kinds:
                if len(kind) == 1:
                    own.add(int(kind[0]))
                    continue
                like = [i for i, one in enumerate(colours) if _alike(one, kind)]
                own.add(like[0] if like else len(colours))
                colours += [] if like else [kind]
            found.setdefault(frozenset(own), []).extend(names)
            if len(frozenset[int]().union(*found)) > CLASSES:
                return None
        return found


def _alike(one: Kind, other: Kind) -> bool:
    a, b = np.array(one), np.array(other)
    shade = a @ b >= SHADE * np.linalg.norm(a) * np.linalg.norm(b)
    return bool(np.abs(a - b).max() <= APART or shade)
