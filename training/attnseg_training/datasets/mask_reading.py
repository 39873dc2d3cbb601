"""Content of a mask file, and the stated meaning of its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets.mask_traits import MaskTraits

Plane = NDArray[np.bool_]


class MaskKind(StrEnum):
    """Rule by which a mask was read.

    Attributes
    ----------
    TWO_VALUES
        Background and lesion, even if JPEG compression changed the values at edges.
    OBJECT_NUMBERS
        0, 1, 2 …: what is not 0 is lesion.
    CLASSES
        Numbers that stand for classes.
    HALF_OF_MAXIMUM
        Many levels: what is above half of the largest is lesion.
    PROBABILITIES
        Fractions up to 1: what is above 0.5 is lesion.
    THRESHOLD
        What is above a threshold that the user gave is lesion.
    ALPHA
        Opaque pixels are lesion.
    COLOURS
        Every colour except that of the background is lesion.
    PAGES
        Several pages, which are united.
    """

    TWO_VALUES = "two-values"
    OBJECT_NUMBERS = "object-numbers"
    CLASSES = "classes"
    HALF_OF_MAXIMUM = "half-of-maximum"
    PROBABILITIES = "probabilities"
    THRESHOLD = "threshold"
    ALPHA = "alpha"
    COLOURS = "colours"
    PAGES = "pages"


@dataclass(frozen=True, slots=True, eq=False)
class MaskReading:
    """A mask that was read.

    Attributes
    ----------
    planes : ndarray of uint8, shape (classes, H, W)
        0 and 1.
    ignored : ndarray of bool, shape (H, W), or None
        Pixels that are neither lesion nor background, and in no plane; None: there are
        none.
    how : MaskKind
    orientation : int
        Orientation that was applied, 1 to 8 as EXIF defines it.
    values : tuple of float
        Numbers in the file, if they are few; empty for colours.
    traits : tuple of MaskTraits
        Traits of each page, if its numbers or colours have no class names.
    """

    planes: NDArray[np.uint8]
    ignored: Plane | None
    how: MaskKind
    orientation: int = 1
    values: tuple[float, ...] = ()
    traits: tuple[MaskTraits, ...] = ()


@dataclass(frozen=True, slots=True)
class MaskMeaning:
    """Stated meaning of the numbers of masks, as in ``dataset.toml``.

    Attributes
    ----------
    values : tuple of int
        Number of each class; empty: one class.
    ignore : int or None
        Number of pixels that are neither lesion nor background, and do not count.
    stated : bool
        Whether the user stated that there is one class, if `values` is empty.
    threshold : float or None
        Numbers above it are lesion, if `values` is empty.
    among_others : bool
        Whether other masks are read, too; they show whether a mask of one colour is
        empty.
    background : tuple of int
        Numbers of background besides 0, if classes have `values`.
    """

    values: tuple[int, ...] = ()
    ignore: int | None = None
    stated: bool = False
    threshold: float | None = None
    among_others: bool = False
    background: tuple[int, ...] = ()
