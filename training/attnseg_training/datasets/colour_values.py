"""Refuse masks of classes that are not one plane of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets.rules import Rule, UnclearMaskError
from napari_attnseg.io.decoding import Decoded, Series

Values = NDArray[Any]
#: Colours that are told one by one.
FEW = 4


def stored_numbers(
    grey: Values, decoded: Decoded, values: tuple[int, ...], ignore: int | None
) -> Values:
    """Return grey values of 2 or 4 bits as they are stored, if classes use them.

    Decoders scale such values to 0 to 255, so that the 2-bit value 1 becomes 85.
    """
    largest = 2**decoded.bits - 1
    if decoded.bits == 8 or max((*values, ignore or 0)) > largest:
        return grey
    return np.asarray(grey // (255 // largest))


def refuse_colours(
    page: Values, grey: Values, values: tuple[int, ...], ignore: int | None, name: str
) -> None:
    """Refuse colours (H, W, samples) whose grey value is not that of a class.

    Raises
    ------
    UnclearMaskError
        If there are such colours, because a person sees colours, not their grey values.
    """
    colours = page[..., :3]
    if page.shape[-1] < 3 or (colours == colours[..., :1]).all():
        return
    known = [0, *values, *([] if ignore is None else [ignore])]
    found = np.unique(colours[~np.isin(grey, known)], axis=0)
    if len(found):
        named = ", ".join(f"({r:g}, {g:g}, {b:g})" for r, g, b in found[:FEW].tolist())
        raise UnclearMaskError(
            Rule.UNCLEAR_VALUES,
            f"Expected the values 0 and {', '.join(map(str, values))} in the mask "
            f"{name}, found the colours {named}{' …' * (len(found) > FEW)}; export it "
            "as grey numbers, one for each class, or with a palette of these indices.",
        )


def refuse_channels(series: Series, name: str) -> None:
    """Refuse a TIFF whose last axis seems to be channels that it does not call so.

    Raises
    ------
    UnclearMaskError
        If there are such channels; the error names the rule for pages, because the rows
        would be read as pages.
    """
    shape = series.array.shape
    if not series.colour and len(shape) == 3 and 2 <= shape[-1] <= 4 < min(shape[:2]):
        raise UnclearMaskError(
            Rule.PAGES,
            f"Expected one plane, RGB or pages in the mask {name}, found an array of "
            f"{' × '.join(map(str, shape))} numbers whose last axis seems to be "
            "channels; save the right channel alone.",
        )
