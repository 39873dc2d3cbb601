"""Masks of frames in colour: one colour is the lesion, several are asked about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets.drawn_colours import APART, distance
from attnseg_training.datasets.masks import read
from attnseg_training.datasets.rules import Rule, UnclearMaskError
from napari_attnseg.errors import InputError
from napari_attnseg.io.dataset_toml import FILE, Descriptor
from napari_attnseg.io.images import decode_file

Numbers = NDArray[Any]
#: Numbers of colours begin here, above those that a mask may hold.
FIRST = 1 << 24
#: Number of colours that a message lists.
TOLD = 4


def colour_numbers(path: Path) -> Numbers:
    """Read a mask in colour as a data set reads it: a number for each lesion's colour.

    Parameters
    ----------
    path : Path
        A picture without a palette.

    Returns
    -------
    ndarray of int, shape (H, W)
        0 for background, else `FIRST` + 65536 · red + 256 · green + blue.

    Raises
    ------
    UnclearMaskError
        If it is not clear which colour is background.
    """
    decoded = decode_file(path)
    pixels = decoded.series[0].array
    if not decoded.lossy and len(decoded.series) == 1:
        flat = _flat_numbers(pixels)
        if flat is not None:
            return flat
    found = read(path, stated=True)
    lesion = found.planes[0] > 0
    kinds = sorted({kind for one in found.traits for kind in one.kinds})
    pixels = pixels[..., :3]
    if not kinds or len(kinds[0]) != 3:  # objects, each in a colour of its own
        kinds = [tuple(one) for one in np.unique(pixels[lesion], axis=0).tolist()]
    numbers = np.zeros(lesion.shape, np.int64)
    if kinds:
        colours = np.asarray(kinds, np.float64)
        nearest = distance(pixels[lesion][None].astype(np.float64), colours)[0]
        codes = FIRST + colours.round().astype(np.int64) @ (65536, 256, 1)
        numbers[lesion] = codes[nearest.argmin(-1)]
    return numbers


def _flat_numbers(pixels: Numbers) -> Numbers | None:
    """Numbers of a few flat colours on black, of which the rules of `read` are sure.

    Those take seconds for a mask of 2 million pixels, and films have many masks.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3:
        return None
    if pixels.shape[-1] == 4 and (pixels[..., 3] != 255).any():
        return None
    red, green, blue = (pixels[..., i].astype(np.int64) for i in range(3))
    numbers = red << 16 | green << 8 | blue
    found = np.unique(numbers)
    if found[0] or len(found) > TOLD + 1:
        return None
    colours = np.stack([found >> 16, found >> 8 & 255, found & 255], -1)
    apart = np.abs(colours[:, None] - colours).max(-1)
    if (apart + 256 * np.eye(len(found), dtype=int)).min() <= APART:
        return None  # soft edges have colours in between
    numbers[numbers > 0] += FIRST
    return numbers


def expect_no_classes(seen: Numbers, given: Descriptor, name: str) -> None:
    """Raise if colours of masks may be those of classes, and nothing says that.

    Parameters
    ----------
    seen : ndarray, shape (n,)
        Different numbers in all masks, sorted, of which some are those of colours.
    given : Descriptor
        What the numbers of masks mean.
    name : str
        Name of the masks, for the message.

    Raises
    ------
    InputError
    """
    lesions = seen[seen > 0].tolist()
    listed = ", ".join(_words(int(one)) for one in lesions[:TOLD])
    listed += " …" * (len(lesions) > TOLD)
    if given.threshold is not None:
        raise UnclearMaskError(
            Rule.UNCLEAR_COLOURS,
            f"Expected grey numbers in {name}, as {FILE} gives a threshold, found the "
            f"colours {listed}; export them in grey.",
        )
    if len(lesions) > 1 and given.values:
        values = ", ".join(map(str, given.values))
        raise InputError(
            f"Expected the values 0 and {values} in {name}, found the colours "
            f"{listed}; export them as grey numbers, one for each class, or with a "
            "palette of these indices."
        )
    if len(lesions) > 1 and not given.classes:
        raise InputError(
            f"In {name} the colours {listed} may be classes, or objects of one class; "
            f"name their values in {FILE}, classes = {{organ = 1, tumour = 2}}, after "
            "an export as grey numbers, or the one class, "
            'classes = ["lesion"], if all are lesions.'
        )


def _words(number: int) -> str:
    """Colour of a number, as red, green and blue; of a grey one the number itself."""
    if number < FIRST:
        return str(number)
    return f"({number >> 16 & 255}, {number >> 8 & 255}, {number & 255})"
