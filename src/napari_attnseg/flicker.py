"""Flicker: how much masks change between neighbouring frames that look alike.

It needs no reference mask. Masks that flicker are wrong in some frames; masks that do
not may be wrong in all of them. No torch, no Qt.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.metrics import dice

#: Rows and columns of the small picture by which images are compared.
SIDE = 32
#: An image that changes by less, as a share of its range of values, hardly changes.
STILL = 0.01
#: Pairs that must count before their mean is said to be the flicker of a stack.
ENOUGH = 5


def small_picture(image: NDArray[Any]) -> NDArray[np.float32]:
    """Shrink an image to grey, at most `SIDE` rows and columns, by block means.

    Parameters
    ----------
    image : ndarray, shape (H, W), (H, W, 3) or (H, W, 4)
        Image; of a colour image the mean of red, green and blue is taken.
    """
    # Enough pixels of each block; all of a large frame take longer than its mask.
    step = [max(1, n // (4 * SIDE)) for n in image.shape[:2]]
    seen = np.asarray(image[:: step[0], :: step[1]], np.float32)
    grey = seen if seen.ndim == 2 else seen[..., :3].mean(-1)
    for axis in (0, 1):
        starts = np.unique(np.linspace(0, grey.shape[axis], SIDE, False).astype(int))
        sizes = np.diff([*starts, grey.shape[axis]])
        shape = (-1, 1) if axis == 0 else (1, -1)
        grey = np.add.reduceat(grey, starts, axis) / sizes.reshape(shape)
    return grey.astype(np.float32)


def image_change(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Mean absolute difference of two small pictures, as a fraction of their range.

    It is 0 if all pixels of both have the same value.
    """
    both = np.stack([one, other])
    span = float(np.ptp(both))
    return float(np.abs(one - other).mean() / span) if span else 0.0


@dataclass(frozen=True, slots=True)
class Pair:
    """Two neighbouring frames.

    Attributes
    ----------
    change : float
        `image_change` of their images.
    dice : float or None
        Dice of their masks; None if both are empty, which says nothing about flicker.
    """

    change: float
    dice: float | None

    @classmethod
    def of(
        cls,
        pictures: tuple[NDArray[np.float32], NDArray[np.float32]],
        masks: tuple[NDArray[Any], NDArray[Any]],
    ) -> Pair:
        """Compare two frames by their small pictures and their masks (H, W)."""
        one, other = masks
        empty = not (one.any() or other.any())
        return cls(image_change(*pictures), None if empty else dice(one, other))

    @property
    def counts(self) -> bool:
        """Whether the image hardly changes and at least one mask has a pixel."""
        return self.dice is not None and self.change < STILL


@dataclass(frozen=True, slots=True)
class Flicker:
    """Flicker of a film or a stack.

    Attributes
    ----------
    dice : float or None
        Mean Dice of the pairs that count; None if no pair counts.
    pairs : int
        Number of pairs that count.
    neighbours : int
        Number of all pairs of neighbouring frames that were segmented.
    """

    dice: float | None
    pairs: int
    neighbours: int

    @classmethod
    def of(cls, pairs: Iterable[Pair]) -> Flicker:
        """Average over the pairs that count."""
        every = list(pairs)
        counted = [one.dice for one in every if one.counts and one.dice is not None]
        mean = float(np.mean(counted)) if counted else None
        return cls(mean, len(counted), len(every))

    @property
    def few(self) -> bool:
        """Whether some pairs count, but too few for their mean to say anything."""
        return 0 < self.pairs < ENOUGH

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready values, with both limits: `STILL` and `ENOUGH`."""
        return {
            "dice_of_neighbours": None if self.dice is None else round(self.dice, 4),
            "pairs": self.pairs,
            "neighbours": self.neighbours,
            "image_change_below": STILL,
            "pairs_needed": ENOUGH,
        }

    @property
    def words(self) -> str:
        """Sentence that describes the flicker."""
        if not self.neighbours:
            return "Flicker: not measured, as no neighbouring frames are segmented."
        pairs = "pair" if self.neighbours == 1 else "pairs"
        counted = f"{self.pairs} of {self.neighbours} {pairs} of neighbours"
        if self.few:
            return (
                f"Flicker: {counted} with a still image and a mask: too few to say "
                f"(Dice {self.dice:.3f}; at least {ENOUGH} are needed)."
            )
        if self.dice is None:
            return (
                f"Flicker: not measured, as no pair of neighbours (of "
                f"{self.neighbours}) has both a still image and a mask."
            )
        return (
            f"Flicker: Dice {self.dice:.3f} between neighbouring masks where the image "
            f"hardly changes ({counted}); "
            "1 means no flicker."
        )
