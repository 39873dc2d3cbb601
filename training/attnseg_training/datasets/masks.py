"""Mask files of every kind → one plane of 0 and 1 per class."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets import colour_values, mask_colours, mask_numbers
from attnseg_training.datasets.drawn_colours import border_of
from attnseg_training.datasets.mask_traits import MaskTraits, traits_of_numbers
from attnseg_training.datasets.nifti import is_nifti, read_nifti_mask
from attnseg_training.datasets.rules import Rule, RuleError, UnclearMaskError
from napari_attnseg.errors import InputError
from napari_attnseg.io.decoding import Decoded, Series
from napari_attnseg.io.images import decode_file

__all__ = ["MaskKind", "MaskReading", "UnclearMaskError", "read", "read_mask"]

Values = NDArray[Any]
Plane = NDArray[np.bool_]
#: Pages of a mask may overlap by this share of the smaller one: soft edges do.
OVERLAP = 0.02


class MaskKind(StrEnum):
    """How a mask was read.

    Attributes
    ----------
    TWO_VALUES
        Background and lesion, edges that JPEG rings around included.
    OBJECT_NUMBERS
        0, 1, 2 …: what is not 0 is lesion.
    CLASSES
        The numbers that classes are given by.
    HALF_OF_MAXIMUM
        Many levels: lesion is what is above half of the largest.
    PROBABILITIES
        Fractions up to 1: lesion is what is above 0.5.
    ALPHA
        Opaque is lesion.
    COLOURS
        Every colour but that of the background is lesion.
    PAGES
        Several pages, united.
    """

    TWO_VALUES = "two-values"
    OBJECT_NUMBERS = "object-numbers"
    CLASSES = "classes"
    HALF_OF_MAXIMUM = "half-of-maximum"
    PROBABILITIES = "probabilities"
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
        What is neither lesion nor background; in no plane. None: nothing is.
    how : MaskKind
    orientation : int
        That was applied, 1 to 8 as EXIF defines it.
    values : tuple of float
        The numbers that the file holds, if they are few; empty for colours.
    traits : tuple of MaskTraits
        Of each page, where its numbers or colours have no names.
    """

    planes: NDArray[np.uint8]
    ignored: Plane | None
    how: MaskKind
    orientation: int = 1
    values: tuple[float, ...] = ()
    traits: tuple[MaskTraits, ...] = ()


def read_mask(path: Path) -> NDArray[np.uint8]:
    """Mask file of one class → uint8 (H, W) of 0 and 1; see `read`."""
    plane: NDArray[np.uint8] = read(path).planes[0]
    return plane


def read(
    path: Path,
    values: tuple[int, ...] = (),
    ignore: int | None = None,
    like: Path | None = None,
    stated: bool = False,
) -> MaskReading:
    """Read a mask file.

    Parameters
    ----------
    path : Path
        PNG, JPEG, TIFF, BMP, GIF, WebP or 2D NIfTI.
    values : tuple of int
        Number of each class; empty: one class, and what is lesion follows from the
        file, see `mask_numbers.one_class` and `mask_colours.foreground`. A palette is
        read by its colours then, and by its indices where `values` are given, unless
        its colours are greys that are these values.
    ignore : int, optional
        Number of what is neither lesion nor background.
    like : Path, optional
        NIfTI image on whose grid a NIfTI mask is brought.
    stated : bool
        Whether somebody said that there is one class, where `values` are empty.

    Raises
    ------
    UnclearMaskError
        If it is not clear what is lesion.
    RuleError
        If a NIfTI mask does not fit the grid of `like`.
    InputError
        If it cannot be read.
    """
    if is_nifti(path):
        numbers = read_nifti_mask(path, like)
        return _of_numbers(numbers, values, ignore, False, path.name, stated)
    try:
        decoded = decode_file(path)
    except InputError as error:
        raise RuleError(
            Rule.UNREADABLE,
            f"The mask {path.name} cannot be read ({error.__cause__ or error}); "
            "expected a PNG, JPEG or TIFF image: replace it.",
        ) from error
    for one in decoded.series:
        colour_values.refuse_channels(one, path.name)
    found = [
        _of_page(page, one, decoded, values, ignore, path.name, stated)
        for one in decoded.series
        for page in one.pages
    ]
    first = found[0] if len(found) == 1 else _united(found, path.name)
    if decoded.white_is_zero and not values:
        _refuse_around(first.planes[0], path.name)
    return replace(first, orientation=decoded.orientation)


def _refuse_around(plane: NDArray[np.uint8], name: str) -> None:
    """Refuse a white-is-zero TIFF whose numbers surround what viewers show as lesion.

    Some programs write the lesion as the larger number and let it be shown black
    (ImageJ), others as what is shown white.
    """
    if border_of(plane).mean() > 0.5 and not plane.all():
        raise UnclearMaskError(
            Rule.UNCLEAR_VALUES,
            f"Expected the lesion inside the mask {name}, found a TIFF that calls its "
            "smallest number white and has the larger one along the border, so that it "
            "may be inverted; export it as a PNG of 0 and 255.",
        )


def _of_page(
    page: Values,
    series: Series,
    decoded: Decoded,
    values: tuple[int, ...],
    ignore: int | None,
    name: str,
    stated: bool,
) -> MaskReading:
    """Read one page: as numbers, by its alpha, or by its colours."""
    lossy = decoded.lossy
    if page.ndim == 2:
        if values:
            page = colour_values.stored_numbers(page, decoded, values, ignore)
        return _of_numbers(page, values, ignore, lossy, name, stated)
    if series.indices is not None:
        numbers = mask_colours.palette_numbers(page, series.indices, values)
        if numbers is not None:
            return _of_numbers(numbers, values, ignore, lossy, name, stated)
    if values:
        grey = mask_colours.luma(page)
        if not lossy:
            colour_values.refuse_colours(page, grey, values, ignore, name)
        return _of_numbers(grey, values, ignore, lossy, name, stated)
    if page.shape[-1] == 3 and (page == page[..., :1]).all():
        return _of_numbers(page[..., 0], values, ignore, lossy, name, stated)
    colours, alpha = mask_colours.split(page)
    if alpha is not None and mask_colours.is_shape(colours, alpha, name):
        shape = mask_numbers.one_class(alpha, lossy, name)
        return MaskReading(_stacked(shape.lesion), None, MaskKind.ALPHA)
    if alpha is None and mask_colours.is_grey(colours, lossy):
        grey = mask_colours.luma(page)
        return _of_numbers(grey, values, ignore, lossy, name, stated)
    void = None
    if series.indices is not None and ignore is not None:
        void = series.indices == ignore
    elif series.indices is not None:
        seen = series.indices if alpha is None else series.indices[alpha > 0]
        mask_numbers.refuse_void(np.unique(np.append(seen, 0)), name)
    plane, traits = mask_colours.foreground(colours, alpha, lossy, name, void)
    kind = MaskKind.COLOURS
    return MaskReading(_stacked(plane), _or_none(void), kind, traits=(traits,))


def _of_numbers(
    numbers: Values,
    values: tuple[int, ...],
    ignore: int | None,
    lossy: bool,
    name: str,
    stated: bool,
) -> MaskReading:
    """Read numbers (H, W)."""
    if numbers.dtype.kind == "c":
        if numbers.imag.any():
            raise UnclearMaskError(
                Rule.UNCLEAR_VALUES,
                f"Expected real numbers in the mask {name}, found complex ones; export "
                "it as a mask of 0 and 255.",
            )
        numbers = numbers.real
    void = None
    traits: tuple[MaskTraits, ...] = ()
    if ignore is not None:
        if lossy:
            raise UnclearMaskError(
                Rule.UNCLEAR_VALUES,
                f"Expected exact numbers in the mask {name}, as {ignore} is to be "
                "ignored, but JPEG changes them; export it as PNG.",
            )
        void = numbers == ignore
    if values:
        planes = mask_numbers.classes(numbers, values, void, lossy, name)
        how = MaskKind.CLASSES
    else:
        read = mask_numbers.one_class(numbers, lossy, name, void, stated)
        planes, how = _stacked(read.lesion), MaskKind(read.how)
        each = how != MaskKind.HALF_OF_MAXIMUM
        traits = (traits_of_numbers(numbers, read.lesion, void, each, lossy),)
    few = np.unique(numbers)
    told = tuple(float(v) for v in few) if len(few) <= mask_numbers.FEW else ()
    return MaskReading(planes, _or_none(void), how, values=told, traits=traits)


def _united(found: list[MaskReading], name: str) -> MaskReading:
    """Unite pages: each pair has to be disjoint or the same.

    Raises
    ------
    UnclearMaskError
        If they differ in size, overlap in part (several experts, slices of a volume),
        or leave no background although none of them is full (one is the background).
    """
    if len({one.planes.shape for one in found}) > 1:
        raise _contradiction(name, len(found), "they differ in size")
    planes = np.stack([one.planes > 0 for one in found])  # (pages, classes, H, W)
    filled = planes[planes.any((1, 2, 3))]
    distinct = [filled[i] for i in range(len(filled)) if not _same(filled, i)]
    claimed = np.zeros(planes.shape[2:], bool)
    for one in distinct:
        area = one.any(0)
        shared = np.count_nonzero(area & claimed)
        if shared > OVERLAP * min(np.count_nonzero(area), np.count_nonzero(claimed)):
            raise _contradiction(name, len(found), "they overlap in part")
        claimed |= area
    if len(distinct) > 1 and claimed.all():
        raise _contradiction(name, len(found), "one of them seems to be background")
    voids = [one.ignored for one in found if one.ignored is not None]
    united = np.asarray(planes.any(0), np.uint8)
    void = np.logical_or.reduce(voids) & ~united.any(0) if voids else None
    traits = tuple(trait for one in found for trait in one.traits)
    return MaskReading(united, _or_none(void), MaskKind.PAGES, traits=traits)


def _same(pages: NDArray[np.bool_], index: int) -> bool:
    """Whether an earlier page is the same as this one."""
    return any(np.array_equal(pages[i], pages[index]) for i in range(index))


def _contradiction(name: str, pages: int, why: str) -> UnclearMaskError:
    return UnclearMaskError(
        Rule.PAGES,
        f"Expected pages that are parts of one mask in {name}, but of its {pages} "
        f"pages it is not clear what is lesion, as {why}; save the right one alone.",
    )


def _stacked(plane: Plane) -> NDArray[np.uint8]:
    return plane[None].astype(np.uint8)


def _or_none(void: Plane | None) -> Plane | None:
    return void if void is not None and void.any() else None
