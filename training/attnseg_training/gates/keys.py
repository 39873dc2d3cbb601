"""Measurements of the gate suite as typed keys.

Within the program a measurement is found by its `Key`: a measure, a pyramid level and a
condition. Its name in files is joined in `columns`.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from itertools import product
from typing import Any, NamedTuple

from napari_attnseg.spec import STRIDES

#: Pyramid levels, finest first, and the four gates together.
LEVELS = tuple(f"1/{stride}" for stride in STRIDES)
ALL = "all"
ENCODERS = ("CNN", "transformer")
#: Regions of an image: inside a lesion, within a band along its contour, elsewhere.
PLACES = ("inside", "boundary", "outside")
#: Changes of an image under which psi is compared with itself.
CHANGES = ("mirrored", "turned", "noisy")
#: Shares of the damaged rectangle that are replaced; the rest of the image shines
#: through. Trust, whose measurement is expensive, is measured at the last only.
SEVERITIES = (1 / 3, 2 / 3, 1.0)


class Measure(StrEnum):
    """Kinds of measurements of one image."""

    #: Name of the image.
    IMAGE = "image"
    #: Dice of the mask; the condition is an intervention or a damage.
    DICE = "dice"
    #: Dice with psi of all gates replaced by its mean; the condition is a damage.
    DICE_MEAN_ALL = "dice_mean_all"
    #: Dice on a copy of the image that both encoders see changed.
    DICE_COPY = "dice_copy"
    #: Share of pixels whose class an intervention changes.
    FLIPPED = "flipped"
    #: The gate map itself, (h, w).
    ATTENTION = "attention"
    #: Mean of psi: per region, (rows, columns), or in one of `PLACES`.
    PSI = "psi"
    #: Mean over the image of the CNN's effective share of what is fused, by feature
    #: norms (`SegmentationNetwork.effective_shares`).
    EFFECTIVE_SHARE = "effective_share"
    #: Measured trust per region, (rows, columns).
    TAU = "tau"
    #: Mean of the model's own probability per region, (rows, columns).
    MASK = "mask"
    #: Rank correlation of psi with a control map.
    FOLLOWS = "follows"
    #: The same with the other control maps partialled out.
    FOLLOWS_ONLY = "follows_only"
    #: AUROC of psi for the true mask.
    LOCALISES = "localises"
    #: Change of mean psi in the damaged rectangle, and outside of it.
    MOVED_INSIDE = "moved_inside"
    MOVED_OUTSIDE = "moved_outside"
    #: Rank correlation of psi with itself on a changed image.
    STABLE = "stable"
    #: Rank correlation with itself when a part of the network is shuffled.
    SHUFFLED = "shuffled"
    #: Psi per region of gates shuffled again and again, (draws, rows, columns).
    PSI_SHUFFLED_GATES = "psi_shuffled_gates"
    #: The same three of another explanation, which is the condition.
    OTHER_LOCALISES = "other_localises"
    OTHER_STABLE = "other_stable"
    OTHER_SHUFFLED = "other_shuffled"
    #: Dice of the mask by the CNN alone with that by the transformer alone.
    READERS_AGREE = "readers_agree"
    #: Share of the image's pixels in which these two masks differ.
    READERS_DIFFER = "readers_differ"
    #: Share of those pixels in which the mask of the condition is right: of the model
    #: ("both"), or of one of `ENCODERS` alone.
    READER_RIGHT = "reader_right"
    #: Share of the pixels that only this encoder's mask has which belong to a lesion.
    DRAWN_ALONE_RIGHT = "drawn_alone_right"
    #: Per connected region in which the masks differ: mean psi over the levels, the
    #: share of its pixels in which the CNN is right, and whether it is the CNN that
    #: draws there, (regions, 3).
    DISAGREEMENTS = "disagreements"


#: Measures of regions, which agreement is computed from.
REGIONS = (Measure.PSI, Measure.TAU, Measure.MASK)


class Damage(NamedTuple):
    """A rectangle of one encoder's input is replaced.

    Attributes
    ----------
    encoder : str
        Damaged encoder, one of `ENCODERS`.
    kind : str
        Name in `damage.KINDS`: what replaces it.
    severity : float
        Strength of the damage, one of `SEVERITIES`.
    """

    encoder: str
    kind: str
    severity: float = SEVERITIES[-1]


class Key(NamedTuple):
    """One measurement of an image.

    Attributes
    ----------
    measure : Measure
        Kind of measurement.
    level : str
        One of `LEVELS`, or `ALL`; empty if it is not about a gate.
    condition : str or Damage
        Condition of the measurement, see `Measure`; empty without one.
    """

    measure: Measure
    level: str = ""
    condition: str | Damage = ""


#: Measurement → its value, for one image.
Row = dict[Key, Any]
#: Measurement → its value for each image of a batch.
Columns = dict[Key, list[Any]]

IMAGE, DICE = Key(Measure.IMAGE), Key(Measure.DICE)


def damages(kinds: tuple[str, ...]) -> Iterator[Damage]:
    """Every damage of these kinds."""
    yield from (Damage(*one) for one in product(ENCODERS, kinds, SEVERITIES))
