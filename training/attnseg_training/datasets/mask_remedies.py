"""Describe what to do about unclear numbers of a mask."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[Any]

#: Values that are told one by one.
FEW = 5
NAME_CLASSES = (
    "give the values in dataset.toml, classes = {name = value, …}, or export it as a "
    "mask of 0 and 255"
)
EXPORT = "export it as a mask of 0 and 255"
NEAREST = "resize masks with nearest neighbours (order 0)"
GIVE_PAINTED = (
    "write threshold = 1 into dataset.toml if all that was painted is lesion, "
    "threshold = number if only what is above it is, or " + EXPORT
)
GIVE_THRESHOLD = (
    "write threshold = 0 into dataset.toml if what is above 0 is lesion (NaN is not), "
    f"or {EXPORT}"
)
NAME_OR_LIMIT = NAME_CLASSES + ", or threshold = number if above it is lesion"
NAME_MEANINGS = (
    'write into dataset.toml classes = ["lesion"] if all that is not 0 is lesion, '
    "classes = {name = value, …} if each is a class (with background = value if that "
    "is not 0), ignore = value if one is neither lesion nor background, or threshold = "
    "number if lesion is what is above it"
)
FRACTION_MEANINGS = (
    'write into dataset.toml classes = ["lesion"] if all that is not 0 is lesion, or '
    "threshold = 0.5 if these are probabilities or votes, or export whole numbers if "
    "each is a class"
)


def remedy(values: Values) -> str:
    """Advice on numbers that are not levels of grey; sometimes a threshold helps."""
    positive = np.isfinite(values) & (values > 0)
    others = (values <= 0).any() or np.isnan(values).any()
    found = np.unique(values)
    several = 0 not in found and (found > 0).sum() > 1
    whole = values.dtype.kind in "iu" and len(found) <= FEW
    if whole and (several or not positive.any()):
        # Of -1, 1 and 2, as a watershed writes them, 1 may be background.
        return without_0(found)
    return GIVE_THRESHOLD if positive.any() and others else EXPORT


def without_0(found: Values) -> str:
    """Advice for sorted mask numbers if it is unclear which is background."""
    if found.dtype.kind not in "iu" or len(found) > FEW:
        return NAME_OR_LIMIT
    numbers = [v for v in found.tolist() if v]
    if numbers[0] > 0 and len(numbers) > 2:
        first, second, top = numbers[0], numbers[1], numbers[-1]
        return (
            f"write into dataset.toml classes = {{background = {first}, lesion = "
            f"{second}}} if it is so, with a name for each other class, or threshold = "
            f"{(first + second) / 2:g} if all above it is lesion, and beside either "
            f"ignore = {top} if that is neither, or {EXPORT}"
        )
    if len(numbers) < 2:
        told = f"classes = {{lesion = {numbers[0]}}} if that is lesion"
        if numbers[0] == -1:  # of one less than usual, 0 is the first class
            told = f"classes = {{background = -1, lesion = 0}} if 0 is lesion, {told}"
    else:
        lesion = numbers[-1]
        ground = next(v for v in numbers if v > 0 or v == numbers[-2])
        told = f"classes = {{background = {ground}, lesion = {lesion}}} if it is so"
        others = len(numbers) > 2
        told += ", with a name for each other class" * others
        told += ", and ignore = number for what is neither" * others
    return f"write into dataset.toml {told}, or {EXPORT}"
