"""Signals of a case: numbers that correlate with the Dice of its mask. No torch.

Each is measured at the network's size, on the probability of the model. Agreements also
use the probability of readers, which have all gates forced to one number.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.uncertainty import case_doubt

Floats = NDArray[np.floating[Any]]
_CORNERS = np.ones((3, 3), bool)


class Reader(StrEnum):
    """Readers: all gates forced to one encoder alone, or to both with equal weights."""

    CNN = "CNN"
    TRANSFORMER = "transformer"
    EQUAL = "equal"

    @property
    def weight(self) -> float:
        """Weight of the CNN's features."""
        return {Reader.CNN: 1.0, Reader.TRANSFORMER: 0.0, Reader.EQUAL: 0.5}[self]


class Signal(StrEnum):
    """Signals that are measured of a case.

    Attributes
    ----------
    SOFT_DICE
        Dice that follows from the probability itself, if all pixels were independent.
    MEAN_PROBABILITY
        Mean probability over the mask.
    STABILITY, WIDE_STABILITY
        Dice of the masks at probability 0.25 and 0.75, and at 0.1 and 0.9.
    DOUBT
        `uncertainty.case_doubt`, in bits.
    CNN_AGREEMENT, TRANSFORMER_AGREEMENT, EQUAL_AGREEMENT
        Dice of the mask and that of a `Reader`.
    READERS_AGREEMENT
        Dice of the masks of both encoders alone.
    AREA
        Logarithm of the mask's share of the frame.
    PARTS
        Logarithm of 1 + the number of connected objects.
    BORDER
        Share of the frame's border that the mask covers.
    """

    SOFT_DICE = "soft_dice"
    MEAN_PROBABILITY = "mean_probability"
    STABILITY = "stability"
    WIDE_STABILITY = "wide_stability"
    DOUBT = "doubt"
    CNN_AGREEMENT = "cnn_agreement"
    TRANSFORMER_AGREEMENT = "transformer_agreement"
    EQUAL_AGREEMENT = "equal_agreement"
    READERS_AGREEMENT = "readers_agreement"
    AREA = "area"
    PARTS = "parts"
    BORDER = "border"

    @property
    def readers(self) -> frozenset[Reader]:
        """Readers whose probability the signal needs; each takes one decoding."""
        both = frozenset({Reader.CNN, Reader.TRANSFORMER})
        return {
            Signal.CNN_AGREEMENT: frozenset({Reader.CNN}),
            Signal.TRANSFORMER_AGREEMENT: frozenset({Reader.TRANSFORMER}),
            Signal.EQUAL_AGREEMENT: frozenset({Reader.EQUAL}),
            Signal.READERS_AGREEMENT: both,
        }.get(self, frozenset())


def case_signals(
    probability: Floats,
    readers: Mapping[Reader, Floats],
    threshold: float,
    wanted: Collection[Signal] = tuple(Signal),
) -> dict[Signal, float]:
    """Measure the signals of one case.

    Parameters
    ----------
    probability : ndarray, shape (S, S), in [0, 1]
        Probability of the model.
    readers : mapping of Reader to ndarray of the same shape
        Available readers; signals that need others are left out.
    threshold : float
        Threshold of the mask.
    wanted : collection of Signal
        Signals to compute; costly ones are left out unless named here.

    Returns
    -------
    dict of Signal to float
        Signals by name; empty if the mask is empty.
    """
    mask = probability >= threshold
    area = int(np.count_nonzero(mask))
    if not area:
        return {}
    inside = float(probability[mask].sum(dtype=float))
    edge = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    found = {
        Signal.SOFT_DICE: 2 * inside / (float(probability.sum(dtype=float)) + area),
        Signal.MEAN_PROBABILITY: inside / area,
        Signal.STABILITY: dice(probability >= 0.25, probability >= 0.75),
        Signal.WIDE_STABILITY: dice(probability >= 0.1, probability >= 0.9),
        Signal.AREA: float(np.log(area / mask.size)),
        Signal.BORDER: float(edge.mean()),
    }
    if Signal.DOUBT in wanted:
        found[Signal.DOUBT] = case_doubt(probability, mask)
    if Signal.PARTS in wanted:
        found[Signal.PARTS] = float(np.log1p(_objects(mask)))
    masks = {reader: values >= threshold for reader, values in readers.items()}
    for signal, reader in _AGREEMENTS.items():
        if reader in masks:
            found[signal] = dice(mask, masks[reader])
    if Signal.READERS_AGREEMENT.readers <= masks.keys():
        found[Signal.READERS_AGREEMENT] = dice(
            masks[Reader.CNN], masks[Reader.TRANSFORMER]
        )
    return found


def _objects(mask: NDArray[np.bool_]) -> int:
    # Late: importing it takes as long as half an image.
    from scipy import ndimage

    return int(ndimage.label(mask, _CORNERS)[1])


def dice(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Dice of two masks; 1 if both are empty."""
    both = int(np.count_nonzero(one)) + int(np.count_nonzero(other))
    return 2 * int(np.count_nonzero(one & other)) / both if both else 1.0


_AGREEMENTS = {
    Signal.CNN_AGREEMENT: Reader.CNN,
    Signal.TRANSFORMER_AGREEMENT: Reader.TRANSFORMER,
    Signal.EQUAL_AGREEMENT: Reader.EQUAL,
}
