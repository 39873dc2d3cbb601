"""Whether masks that are read by the indices of palettes have one palette."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets.drawn_colours import SAME
from attnseg_training.datasets.mask_traits import Colour, IndexColour


def palette_of(
    page: NDArray[Any], indices: NDArray[Any], values: tuple[int, ...]
) -> tuple[IndexColour, ...]:
    """Index and colour of background and classes in a page (H, W, samples).

    Empty where two of them look the same: nobody sees this palette.
    """
    used, first = np.unique(indices, return_index=True)
    colours = page.reshape(-1, page.shape[-1])[first, :3]
    if len(np.unique(colours, axis=0)) < len(used):
        return ()
    known = (0, *values)
    pairs = zip(used.tolist(), colours.tolist(), strict=True)
    return tuple(
        (i, (float(r), float(g), float(b))) for i, (r, g, b) in pairs if i in known
    )


@dataclass(slots=True)
class Palettes:
    """Palettes of the masks that were read so far.

    Attributes
    ----------
    names : dict
        Index and its colour → the images whose masks show it so.
    """

    names: dict[IndexColour, list[str]] = field(default_factory=dict)

    def add(self, name: str, pairs: Iterable[IndexColour]) -> None:
        """Notice the palette of an image's mask."""
        for pair in pairs:
            self.names.setdefault(pair, []).append(name)

    def joined(self, other: Palettes) -> Palettes:
        """Both together."""
        both = {pair: list(names) for pair, names in self.names.items()}
        for pair, names in other.names.items():
            both.setdefault(pair, []).extend(names)
        return Palettes(both)

    def others(self) -> list[str]:
        """Images whose palettes contradict those of as many others, or of more.

        A class has another colour, or the colour another index, in each.
        """
        common = sorted(self.names, key=lambda pair: -len(self.names[pair]))
        found: dict[str, None] = {}
        for i, pair in enumerate(common):
            if any(_contradict(pair, one) for one in common[:i]):
                found.update(dict.fromkeys(self.names[pair]))
        return list(found)


def _contradict(one: IndexColour, other: IndexColour) -> bool:
    alike = _alike(one[1], other[1])
    return alike != (one[0] == other[0]) and (alike or one[0] != 0)


def _alike(one: Colour, other: Colour) -> bool:
    return bool(np.abs(np.subtract(one, other)).max() <= SAME)
