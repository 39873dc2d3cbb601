"""Recognise masks that show the image itself, whole or cut out along its lesions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets.mask_reading import MaskKind, MaskReading
from attnseg_training.datasets.rules import Rule, UnclearMaskError
from napari_attnseg.errors import InputError
from napari_attnseg.io.images import read_image

#: A pixel belongs to the image, not to its flat background, if it differs from the most
#: frequent level by more than this share of all levels; JPEG noise is smaller.
NOISE = 0.06
#: Least correlation of mask and image in these pixels, and least number of them.
ALIKE, PIXELS = 0.9, 50
#: Largest difference of equal numbers that JPEG causes, as a share of all levels.
EXACT = 0.02
#: Kinds of masks that may be pictures of the image.
_OF_MANY = (MaskKind.HALF_OF_MAXIMUM, MaskKind.COLOURS)


def refused(
    error: UnclearMaskError, mask: Path, read: Callable[[], NDArray[np.generic]]
) -> UnclearMaskError:
    """Return the given error on a mask, or a better one if the mask shows its image.

    Parameters
    ----------
    error : UnclearMaskError
        Why the mask cannot be read.
    mask : Path
        File of the mask.
    read : callable
        Returns the image, shape (H, W) or (H, W, channels).
    """
    try:
        same = shows_image(read_image(mask), read())
    except InputError:
        return error
    return _error(mask) if same else error


def expect_none(
    masks: Iterable[tuple[Path, MaskReading]], image: NDArray[np.generic]
) -> None:
    """Refuse masks that could be read although they show their image.

    Parameters
    ----------
    masks : iterable of (Path, MaskReading)
        Files of masks, and how they were read. Only those of many levels or colours
        are opened again.
    image : ndarray, shape (H, W) or (H, W, channels)

    Raises
    ------
    UnclearMaskError
        If a mask has the numbers of the image wherever it is not flat.
    """
    for path, read in masks:
        if read.values or read.how not in _OF_MANY:
            continue
        try:
            pixels = read_image(path)
        except InputError:  # of a kind that is no picture
            continue
        if shows_image(pixels, image, exact=True):
            raise _error(path)


def _error(mask: Path) -> UnclearMaskError:
    return UnclearMaskError(
        Rule.SHOWS_IMAGE,
        f"Expected a mask of 0 and 255 in {mask.name}, found what looks like the image "
        "itself, whole or cut out along the lesion; fill the lesion with white and all "
        "else with black, and save it as PNG.",
    )


def shows_image(
    mask: NDArray[np.generic], image: NDArray[np.generic], exact: bool = False
) -> bool:
    """Whether a mask has the greys of its image wherever it is not flat.

    A mask with alpha does not count, because alpha may hold the real mask.

    Parameters
    ----------
    mask, image : ndarray, shape (H, W) or (H, W, channels)
    exact : bool
        Whether most numbers have to be equal to those of the image, not only
        correlated with them.
    """
    alpha = mask.ndim == 3 and mask.shape[-1] == 4
    grey, own = None if alpha else _grey(mask), _grey(image)
    if grey is None or own is None or grey.shape != own.shape:
        return False
    levels, counts = np.unique(np.round(grey), return_counts=True)
    ground = levels[counts.argmax()]
    there = np.abs(grey - ground) > NOISE * max(np.ptp(levels), 1)
    if np.count_nonzero(there) < PIXELS:
        return False
    one, other = grey[there], own[there]
    if exact and np.median(np.abs(one - other)) > EXACT * max(np.ptp(levels), 1):
        return False
    if one.std() == 0 or other.std() == 0:
        return False
    return bool(np.corrcoef(one, other)[0, 1] >= ALIKE)


def _grey(pixels: NDArray[np.generic]) -> NDArray[np.float64] | None:
    """Grey (H, W) of a picture; None for other shapes, NaN and infinity."""
    numbers = np.asarray(pixels, np.float64)
    if numbers.ndim == 3 and numbers.shape[-1] in (3, 4):
        numbers = numbers[..., :3] @ np.array([0.299, 0.587, 0.114])
    return numbers if numbers.ndim == 2 and np.isfinite(numbers).all() else None
