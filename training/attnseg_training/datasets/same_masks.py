"""Find masks that several images share, pixel for pixel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets.hints import Hint, grouped
from attnseg_training.datasets.near_duplicates import Bits, look_alike
from attnseg_training.datasets.rules import Rule
from attnseg_training.datasets.same_images import digest_of

#: Of so few images more than half may have one mask by chance.
FEW = 2
#: Share of the images above which one mask is no slip of the hand.
MOST = 0.5


@dataclass(slots=True)
class SameMasks:
    """Masks that were read so far, by the hash of their content.

    Attributes
    ----------
    names : dict
        Hash of a mask that is neither empty nor full → the images that have it.
    """

    names: dict[bytes, list[str]] = field(default_factory=dict)

    def add(self, name: str, planes: NDArray[np.uint8]) -> bool:
        """Record masks (classes, H, W) of an image that are neither empty nor full.

        Returns whether no earlier image has the same masks.
        """
        names = self.names.setdefault(digest_of(planes > 0), [])
        names.append(name)
        return len(names) == 1

    def joined(self, other: SameMasks) -> SameMasks:
        """Union of two records."""
        both = {key: list(names) for key, names in self.names.items()}
        for key, names in other.names.items():
            both.setdefault(key, []).extend(names)
        return SameMasks(both)

    def hints(self, hashes: Mapping[str, Bits], total: int) -> list[Hint]:
        """Give a hint on images that share a mask although they do not look the same.

        Parameters
        ----------
        hashes : mapping
            Name → hashes that `near_duplicates` compares, for the images that have any.
        total : int
            Number of images.
        """
        shared = (names for names in self.names.values() if len(names) > 1)
        groups = [
            tuple(one) for names in shared if len(one := _apart(names, hashes)) > 1
        ]
        if not groups:
            return []
        most = max(map(len, groups))
        every = most > FEW and most > MOST * total
        rule = Rule.MOSTLY_SAME_MASK if every else Rule.SAME_MASK
        return grouped(rule, groups)


def _apart(names: Sequence[str], hashes: Mapping[str, Bits]) -> list[str]:
    """Names of images that look like none before them."""
    kept: list[str] = []
    for name in dict.fromkeys(names):
        if not any(look_alike(hashes.get(name), hashes.get(one)) for one in kept):
            kept.append(name)
    return kept
