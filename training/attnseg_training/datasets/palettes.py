"""Read masks with palettes, and check that all have the same palette."""

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

    The result is empty if two of them look the same, because then the palette has no
    meaning.
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


def palette_numbers(
    page: NDArray[Any], indices: NDArray[Any], wanted: tuple[int, ...]
) -> NDArray[Any] | None:
    """Numbers of a file with a palette; None: it is read by its colours.

    If all colours in use are different greys, the numbers are these greys: the file is
    a grey picture that was saved with a palette. Otherwise the numbers are the indices
    if `wanted` names classes, or if all indices in use have the same colour.
    """
    alpha = page.shape[-1] == 4 and not (page[..., 3] == 255).all()
    used, first = np.unique(indices, return_index=True)
    colours = page.reshape(-1, page.shape[-1])[first]
    different = len(np.unique(colours, axis=0))
    grey = bool((colours[:, :3] == colours[:, :1]).all())
    if grey and not alpha and different == len(used):
        return page[..., 0]
    if wanted or (different == 1 and len(used) > 1):
        return indices
    return None


@dataclass(slots=True)
class Palettes:
    """Palettes of the masks that were read so far.

    Attributes
    ----------
    names : dict
        (index, colour) → names of the images whose masks use this index for this
        colour.
    """

    names: dict[IndexColour, list[str]] = field(default_factory=dict)

    def add(self, name: str, pairs: Iterable[IndexColour]) -> None:
        """Record the palette of an image's mask."""
        for pair in pairs:
            self.names.setdefault(pair, []).append(name)

    def joined(self, other: Palettes) -> Palettes:
        """Union of two records."""
        both = {pair: list(names) for pair, names in self.names.items()}
        for pair, names in other.names.items():
            both.setdefault(pair, []).extend(names)
        return Palettes(both)

    def others(self) -> list[str]:
        """Images whose palettes contradict those of as many others, or of more.

        In each, a class has another colour than elsewhere, or a colour has another
        index.
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
