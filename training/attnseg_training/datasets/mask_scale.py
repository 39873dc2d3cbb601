"""Scale of the numbers of a mask, and whether the scales of all masks agree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion

from attnseg_training.datasets.rules import Rule, UnclearMaskError

Plane = NDArray[np.bool_]
_Key = tuple[str, bool, bool, bool]

#: Limits that differ by this factor are different ones; ringing of JPEG makes some.
FACTOR, LOSSY_FACTOR = 1.25, 1.5
#: A soft lesion in which no square of this side fits may be faint because it is small;
#: but not by this factor.
SIDE, SMALL_FACTOR = 5, 4.0
#: Edges wider than so many pixels are those of probabilities.
WIDE = 3.0
#: Kinds of the scales of colours and of numbers that are no whole ones.
COLOURS, FRACTIONS = "colours", "float"


@dataclass(frozen=True, slots=True)
class Scale:
    """Range of the numbers in a mask that has a lesion.

    Attributes
    ----------
    kind : str
        Kind of numbers, such as 8 or 16 bits; different kinds are not compared.
    level : float
        Largest number. If each number was read as lesion, it is the smallest number of
        lesions.
    exact : bool
        Whether each number except 0 was read as lesion, so that there are no soft
        edges.
    small : bool
        Whether soft, but not wide, edges may have made the level smaller.
    wide : bool
        Whether soft edges are wider than those that resizing makes. Among such masks, a
        mask of 0 and 1 is probably a nearly empty one, and does not contradict the
        others.
    factor : float
        Factor by which levels have to differ.
    """

    kind: str
    level: float
    exact: bool = False
    small: bool = False
    wide: bool = False
    factor: float = FACTOR


def scale_of(
    numbers: NDArray[Any], lesion: Plane, lossy: bool, exact: bool, top: float | None
) -> Scale | None:
    """Scale of numbers (H, W) that were read; None without any lesion (H, W).

    Parameters
    ----------
    numbers, lesion : ndarray, shape (H, W)
    lossy : bool
        Whether compression has changed the numbers.
    exact : bool
        Whether each number except 0 was read as lesion.
    top : float or None
        Largest number that there can be, if that is known.
    """
    if not lesion.any():
        return None
    kind = FRACTIONS if numbers.dtype.kind == "f" else numbers.dtype.name
    inside = numbers[lesion]
    if exact and not lossy:
        return Scale(kind, float(inside.min()), exact=True)
    level = float(inside.max()) if top is None else top
    return _soft(kind, level, numbers, lesion, lossy)


def scale_of_colours(
    away: NDArray[Any], lesion: Plane, edges: Plane | None = None
) -> Scale | None:
    """Scale of colours, from their distance (H, W) to the background.

    If edges are not wide, the colours were chosen by a person, and each is lesion.

    Parameters
    ----------
    away, lesion : ndarray, shape (H, W)
    edges : ndarray of bool, shape (H, W), optional
        Pixels between the colours of the mask; by default, pixels between the
        background and the largest distance.
    """
    if not lesion.any():
        return None
    found = _soft(COLOURS, float(away[lesion].max()), away, lesion, True, edges)
    return found if found.wide else replace(found, exact=True, small=False)


def _soft(
    kind: str,
    level: float,
    numbers: NDArray[Any],
    lesion: Plane,
    lossy: bool,
    edges: Plane | None = None,
) -> Scale:
    wide = _width(numbers, lesion, edges) > WIDE
    square = np.ones((SIDE, SIDE), bool)
    small = not wide and not binary_erosion(lesion, square).any()
    if lossy:
        return Scale(f"{kind} lossy", level, False, small, wide, LOSSY_FACTOR)
    return Scale(kind, level, False, small, wide)


def _width(numbers: NDArray[Any], lesion: Plane, edges: Plane | None) -> float:
    """Pixels across the soft edge of a lesion, on average."""
    if edges is None:
        top = float(numbers[lesion].max())
        edges = (numbers > 0.1 * top) & (numbers < 0.9 * top)
    outline = int(np.count_nonzero(lesion[1:] != lesion[:-1]))
    outline += int(np.count_nonzero(lesion[:, 1:] != lesion[:, :-1]))
    return int(np.count_nonzero(edges)) / max(outline, 1)


@dataclass(slots=True)
class Scales:
    """The scales of the masks of one data set.

    Attributes
    ----------
    lowest, highest : dict
        (kind, exact, small, wide) → the scale with the smallest or largest level, and
        the name of the image.
    """

    lowest: dict[_Key, tuple[Scale, str]] = field(default_factory=dict)
    highest: dict[_Key, tuple[Scale, str]] = field(default_factory=dict)

    def add(self, name: str, scale: Scale) -> None:
        """Record the scale of an image's mask."""
        key = scale.kind, scale.exact, scale.small, scale.wide
        if key not in self.lowest or scale.level < self.lowest[key][0].level:
            self.lowest[key] = scale, name
        if key not in self.highest or scale.level > self.highest[key][0].level:
            self.highest[key] = scale, name

    def has_soft(self) -> bool:
        """Whether some masks have soft edges."""
        return any(not one.exact for one, _ in self.highest.values())

    def joined(self, other: Scales) -> Scales:
        """Union of two records."""
        both = Scales(dict(self.lowest), dict(self.highest))
        for scale, name in (*other.lowest.values(), *other.highest.values()):
            both.add(name, scale)
        return both

    def contradiction(self, cut: Callable[[float], float]) -> UnclearMaskError | None:
        """Find two masks whose limits differ by too much, or None.

        Parameters
        ----------
        cut : callable
            Level → limit between background and lesion.
        """
        for low, first in self.lowest.values():
            for high, second in self.highest.values():
                if low.kind != high.kind or (low.exact and not high.wide):
                    continue
                factor = max(low.factor, high.factor)
                if low.small and not high.wide:
                    factor = SMALL_FACTOR
                limits = cut(low.level), cut(high.level)
                if high.level >= factor * low.level and limits[1] >= factor * limits[0]:
                    return _different(low.kind, limits, (first, second))
        return self._other_probabilities(cut)

    def _other_probabilities(
        self, cut: Callable[[float], float]
    ) -> UnclearMaskError | None:
        """Two limits where some probabilities are of 0 to 1 and others of 8 bits."""
        every = [*self.lowest.values(), *self.highest.values()]
        soft = [(scale, name) for scale, name in every if not scale.exact]
        for one, first in soft:
            if one.kind != FRACTIONS or one.level != 1:
                continue
            for other, second in soft:
                limits = cut(one.level), cut(other.level) / 255
                factor = SMALL_FACTOR if other.small else other.factor
                eight = other.kind.startswith("uint8")
                if eight and limits[0] >= factor * limits[1]:
                    return _different(one.kind, limits, (first, second), " of 255")
        return None


def _different(
    kind: str, limits: tuple[float, float], names: tuple[str, str], of: str = ""
) -> UnclearMaskError:
    remedy = (
        "write threshold = NUMBER into dataset.toml if in all of them lesion is what "
        "is above it, or export all as masks of 0 and 255"
    )
    numbers, remedy = (
        ("soft colours", "export all as masks of 0 and 255")
        if kind.startswith(COLOURS)
        else ("numbers", "export all as masks of 0 and 255")
        if of
        else ("numbers", remedy)
    )
    return UnclearMaskError(
        Rule.UNCLEAR_VALUES,
        "Expected one limit between background and lesion for all masks, but the "
        f"{numbers} of each give {_told(limits[0])} for that of {names[0]!r} and "
        f"{_told(limits[1])}{of} for that of {names[1]!r}, as where some "
        f"probabilities are faint; {remedy}.",
    )


def _told(limit: float) -> str:
    return f"{limit:.0f}" if limit >= 10 else f"{limit:.2g}"
