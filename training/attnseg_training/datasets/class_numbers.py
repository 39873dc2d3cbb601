"""Read masks whose classes have numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets.mask_numbers import listed
from attnseg_training.datasets.rules import Rule, UnclearMaskError

Values = NDArray[Any]
Plane = NDArray[np.bool_]
#: More numbers than this below that of the one class may be soft edges.
FEW = 3
#: More than this beside several classes may have been interpolated.
MANY = 8


def classes(
    values: Values,
    wanted: tuple[int, ...],
    void: Plane | None,
    lossy: bool,
    name: str,
    background: tuple[int, ...] = (),
) -> NDArray[np.uint8]:
    """Read the numbers of a mask whose classes have values: uint8 (classes, H, W).

    Pixels that are 0 or in `background` belong to no class.

    Raises
    ------
    UnclearMaskError
        If there are other values, because a class that was not named would be lost.
    """
    found = np.unique(values if void is None else values[~void])
    others = [v for v in found.tolist() if v and v not in (*wanted, *background)]
    known = ", ".join(str(v) for v in (*wanted, *background) if v)
    if others == [255] and not lossy:
        raise UnclearMaskError(
            Rule.VOID_VALUES,
            f"Expected the values 0 and {known} in the mask "
            f"{name}, found also 255: write ignore = 255 into dataset.toml if it is "
            "neither a class nor background, or export the mask without it.",
        )
    if others:
        hint = (
            "JPEG changes label values: export it as PNG"
            if lossy
            else "export it so, or give the values in dataset.toml: "
            "classes = {name = value, …}, with background = value among them if that "
            "is not 0"
        )
        if any(v != v or v != round(v) for v in others):  # no whole number, or NaN
            hint = "export it so"
        soft = len(wanted) == 1 and all(0 < v < wanted[0] for v in others)
        if soft and len(others) > FEW:
            export = "JPEG changes label values: export it as PNG"
            hint = (
                f"{export if lossy else 'export it so'}, or, if these are soft edges, "
                "leave the line classes out of dataset.toml, or write threshold = "
                f"{wanted[0] / 2:g} in its place"
            )
        elif len(others) > MANY and not lossy:
            hint += (
                ", or resize masks with nearest neighbours (order 0) if these numbers "
                "were interpolated"
            )
        if any(not v >= 0 for v in others) and len(wanted) == 1:
            hint += (
                ', or write threshold = 0 and classes = ["name"] without a value '
                "into dataset.toml if what is above 0 is that class"
            )
        if len(others) == 1 and others[0] == others[0] and not lossy:
            hint += (
                f", or ignore = {others[0]:g} if that is neither a class nor background"
            )
        raise UnclearMaskError(
            Rule.UNCLEAR_VALUES,
            f"Expected the values 0 and {known} in the mask "
            f"{name}, found also {listed(np.array(others))}; {hint}.",
        )
    return np.stack([values == v for v in wanted]).astype(np.uint8)
