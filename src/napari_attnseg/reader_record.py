"""Record of how good each encoder alone was measured to be. No torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from napari_attnseg.statistics import Interval, enough

#: Key, in the JSON of the gate suite and of results, of the readers.
READERS = "readers"
#: A reader whose Dice stays below this, at the upper end of its interval, cannot do the
#: job alone: more of what it draws and misses is wrong than right.
USELESS = 0.5
#: Regions of disagreement with a smaller share of the image's pixels are not measured:
#: psi at the edge of a coarse map says little of a few pixels.
SMALLEST = 0.001


class Reader(StrEnum):
    """A reader: one encoder, used alone."""

    CNN = "CNN"
    TRANSFORMER = "transformer"

    @property
    def key(self) -> str:
        """Name of the reader in files and JSON keys."""
        return self.value.lower()


#: Key of the model's own mask beside those of the readers.
BOTH = "both"


class ReaderState(StrEnum):
    """Verdict on a reader, from its measured Dice."""

    NOT_MEASURED = "not_measured"
    #: Measured on fewer than `statistics.ENOUGH` images.
    TOO_FEW = "too_few"
    USELESS = "useless"
    USABLE = "usable"


class PsiTells(StrEnum):
    """Verdict on whether psi is higher where the CNN is the better reader."""

    NOT_MEASURED = "not_measured"
    #: On too few images, or one reader is the better one everywhere.
    UNDEFINED = "undefined"
    BETTER = "better"
    WORSE = "worse"
    CHANCE = "chance"


@dataclass(frozen=True, slots=True)
class ReaderRecord:
    """Measurements by ``attnseg-train faithfulness`` of each encoder alone.

    Attributes
    ----------
    facts : mapping
        The block ``readers`` of its JSON: ``dice`` (``both``, ``cnn``, ``transformer``;
        each an interval over images), ``right`` (for the same three: among the pixels
        where the readers disagree, the share where this mask is right),
        ``drawn_alone_right`` (for ``cnn`` and ``transformer``: among the pixels that
        only this reader's mask has, the share that is lesion) and ``measured_on``. Of
        the regions of disagreement: ``regions``, how many, ``leaned_to_cnn``, in how
        many mean psi was above 0.5, and ``psi_auroc``, the AUROC of mean psi for those
        in which the CNN is the better one. Empty: not measured.
    """

    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def measured(self) -> bool:
        """Whether there is a record."""
        return bool(self.facts)

    def dice(self, which: str) -> Interval | None:
        """Dice of ``cnn``, ``transformer`` or ``both``; None: not measured."""
        return self._interval("dice", which)

    def right(self, which: str) -> Interval | None:
        """How often it is right where the readers disagree; None: not measured."""
        return self._interval("right", which)

    def drawn_alone_right(self, reader: Reader) -> Interval | None:
        """How often it is right where only its mask has pixels; None: not measured."""
        return self._interval("drawn_alone_right", reader.key)

    def _interval(self, block: str, which: str) -> Interval | None:
        found: Interval | None = self.facts.get(block, {}).get(which)
        return found if found is not None and _finite(found["mean"]) else None

    def state(self, reader: Reader) -> ReaderState:
        """Whether the mask of this reader alone is useful."""
        dice = self.dice(reader.key)
        if dice is None:
            return ReaderState.NOT_MEASURED
        if not enough(dice["n"]):
            return ReaderState.TOO_FEW
        return ReaderState.USELESS if dice["high"] < USELESS else ReaderState.USABLE

    @property
    def psi_tells(self) -> PsiTells:
        """Whether psi tells which reader is better, from the interval of its AUROC."""
        if not self.measured:
            return PsiTells.NOT_MEASURED
        area = self.facts["psi_auroc"]
        if not (enough(area["n"]) and _finite(area["low"])):
            return PsiTells.UNDEFINED
        if area["low"] > 0.5:
            return PsiTells.BETTER
        return PsiTells.WORSE if area["high"] < 0.5 else PsiTells.CHANCE


def _finite(value: float | None) -> bool:
    """Whether a number is defined; in files None stands for one that is not."""
    return value is not None and math.isfinite(value)
