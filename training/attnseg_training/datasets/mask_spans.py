"""Check that one threshold fits the numbers of all masks of a data set."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets.rules import Rule, UnclearMaskError

Plane = NDArray[np.bool_]
_Key = tuple[str, bool, bool, bool]

#: Largest numbers of different types that differ by this factor are of two ranges.
TYPES_FACTOR = 2.0
#: And those of one type by this one: less, and one may be faint.
FACTOR = 64.0
#: Beside numbers up to so many and more, a threshold below 1 is one for probabilities.
WHITE = 200


@dataclass(frozen=True, slots=True)
class Span:
    """Numbers of a mask that was read by a threshold.

    Attributes
    ----------
    kind : str
        Type of the numbers: ``bool``, ``uint8``, …; ``float`` for all fractions.
    low, top : float
        Smallest and largest number.
    hard : bool
        Whether the file holds only 0 and one other number.
    above : bool
        Whether a number is above the threshold.
    threshold : float
    """

    kind: str
    low: float
    top: float
    hard: bool
    above: bool
    threshold: float

    @property
    def unit(self) -> bool:
        """Whether the numbers look like 0 and 1, or like probabilities."""
        least = 0.5 if self.kind == "float" and not self.hard else 0
        return self.low >= 0 and least < self.top <= 1

    @property
    def of_probabilities(self) -> bool:
        """Whether the threshold is one for 0 to 1, but the numbers go far beyond."""
        return not self.hard and 0 < self.threshold < 1 and self.top >= WHITE

    def __str__(self) -> str:
        """Return type and range."""
        return f"{self.kind} from {self.low:g} to {self.top:g}"


def span_of(
    numbers: NDArray[Any], threshold: float, lossy: bool, void: Plane | None
) -> Span | None:
    """Span of numbers (H, W); None if the threshold does not depend on their range.

    That is so for the threshold 0, and for a mask that is all black. `void`, bool (H,
    W), marks numbers that are ignored, like those that are not finite.
    """
    known = numbers if void is None else numbers[~void]
    if known.dtype.kind == "f":
        known = known[np.isfinite(known)]
    if threshold == 0 or known.size == 0 or not known.any():
        return None
    low, top = float(known.min()), float(known.max())
    kind = "float" if known.dtype.kind == "f" else known.dtype.name
    hard = not lossy and bool(np.isin(known, [0, known.max()]).all())
    return Span(kind, low, top, hard, top > threshold, threshold)


@dataclass(slots=True)
class Spans:
    """The spans of the masks of one data set.

    Attributes
    ----------
    lowest, highest : dict
        (kind, hard, above, unit) → the span with the smallest or largest top, and the
        name of the image.
    """

    lowest: dict[_Key, tuple[Span, str]] = field(default_factory=dict)
    highest: dict[_Key, tuple[Span, str]] = field(default_factory=dict)

    def add(self, name: str, span: Span) -> None:
        """Record the span of an image's mask."""
        key = span.kind, span.hard, span.above, span.unit
        if key not in self.lowest or span.top < self.lowest[key][0].top:
            self.lowest[key] = span, name
        if key not in self.highest or span.top > self.highest[key][0].top:
            self.highest[key] = span, name

    def joined(self, other: Spans) -> Spans:
        """Union of two records."""
        both = Spans(dict(self.lowest), dict(self.highest))
        for span, name in (*other.lowest.values(), *other.highest.values()):
            both.add(name, span)
        return both

    def contradiction(self) -> UnclearMaskError | None:
        """Masks that no single threshold fits, or None."""
        found = [*self.lowest.values(), *self.highest.values()]
        if found and not any(span.above for span, _ in found):
            span, name = max(found, key=lambda one: one[0].top)
            if span.hard:
                return UnclearMaskError(
                    Rule.UNCLEAR_VALUES,
                    "Expected numbers above the threshold of dataset.toml in some "
                    f"mask, but the mask of {name!r} holds {span}, and no mask "
                    "holds more; write a lower threshold, or remove it if masks "
                    "hold only 0 and one number.",
                )
        for low, first in self.lowest.values():
            for high, second in self.highest.values():
                if _contradict(low, high):
                    return UnclearMaskError(
                        Rule.UNCLEAR_VALUES,
                        "Expected numbers of one type and range in all masks, as "
                        "dataset.toml gives one threshold, but the mask of "
                        f"{first!r} holds {low} and that of {second!r} {high}; save "
                        "all in the same way, such as with 8 bits from 0 to 255.",
                    )
        for span, name in found:
            if span.of_probabilities:
                half = 127 if span.top <= 255 else round(span.top / 2)
                return UnclearMaskError(
                    Rule.UNCLEAR_VALUES,
                    "Expected a threshold between background and lesion, but "
                    f"dataset.toml gives {span.threshold:g}, as for probabilities of 0 "
                    f"to 1, and the mask of {name!r} holds {span}; write "
                    f"threshold = {half} if lesion is what is above half, or "
                    "threshold = 0 if all that is not 0 is.",
                )
        return None


def _contradict(low: Span, high: Span) -> bool:
    """Whether one of both is of another range and read wrongly by one threshold.

    Of 0 and one number above the threshold that one is lesion, whatever the range.
    """
    if not high.above:
        return False
    other_type = low.kind != high.kind
    if not low.above:
        if other_type:
            return high.top >= TYPES_FACTOR * low.top
        return low.unit and (low.kind == "float" or (low.hard and high.hard))
    if high.hard or min(low.low, high.low) < 0:
        return False
    return high.top >= (TYPES_FACTOR if other_type else FACTOR) * low.top
