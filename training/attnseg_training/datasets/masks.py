"""Read mask files of every kind as one plane of 0 and 1 per class."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets import (
    class_numbers,
    colour_values,
    mask_colours,
    mask_numbers,
)
from attnseg_training.datasets.drawn_colours import border_of
from attnseg_training.datasets.interpolated_numbers import rims_of
from attnseg_training.datasets.mask_reading import (
    MaskKind,
    MaskMeaning,
    MaskReading,
)
from attnseg_training.datasets.mask_remedies import FEW
from attnseg_training.datasets.mask_scale import scale_of, scale_of_colours
from attnseg_training.datasets.mask_slopes import is_sloped
from attnseg_training.datasets.mask_spans import span_of
from attnseg_training.datasets.mask_traits import (
    MaskTraits,
    OneColour,
    traits_of_numbers,
)
from attnseg_training.datasets.medical_masks import read_numbers
from attnseg_training.datasets.palettes import palette_numbers, palette_of
from attnseg_training.datasets.rules import (
    OneColourError,
    Rule,
    RuleError,
    UnclearMaskError,
)
from napari_attnseg.errors import InputError
from napari_attnseg.io.decoding import Decoded, Series
from napari_attnseg.io.images import decode_file
from napari_attnseg.io.tiff_bits import RemedyError

__all__ = ["MaskKind", "MaskReading", "UnclearMaskError", "read", "read_mask"]

Values = NDArray[Any]
Plane = NDArray[np.bool_]
#: Pages of a mask may overlap by this share of the smaller one: soft edges do.
OVERLAP = 0.02


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
    threshold: float | None = None,
    among_others: bool = False,
    background: tuple[int, ...] = (),
) -> MaskReading:
    """Read a mask file.

    Parameters
    ----------
    path : Path
        PNG, JPEG, TIFF, BMP, GIF, WebP, 2D NIfTI, DICOM or DICOM SEG.
    values : tuple of int
        Number of each class. Empty: there is one class, and what is lesion follows from
        the file; see `mask_numbers.one_class` and `mask_colours.foreground`. A file
        with a palette is then read by its colours. If `values` are given, it is read by
        its indices, unless its colours are greys that equal these values.
    ignore : int, optional
        Number of pixels that are neither lesion nor background, and do not count.
    like : Path, optional
        NIfTI image to whose grid a NIfTI mask is brought.
    stated : bool
        Whether the user stated that there is one class, if `values` is empty.
    threshold : float, optional
        Numbers above it are lesion, if `values` is empty.
    among_others : bool
        Whether a mask of one colour is read as empty at first; `agreement` then
        compares it with other masks to find out whether it is.
    background : tuple of int
        Numbers of background besides 0, if `values` are given.

    Raises
    ------
    UnclearMaskError
        If it is not clear what is lesion.
    RuleError
        If a NIfTI mask does not fit the grid of `like`.
    InputError
        If it cannot be read.
    """
    said = MaskMeaning(values, ignore, stated, threshold, among_others, background)
    if (numbers := read_numbers(path, like)) is not None:
        return _of_numbers(numbers, said, False, path.name)
    try:
        decoded = decode_file(path)
    except InputError as error:
        words = (
            f"The mask {error}"
            if isinstance(error.__cause__, RemedyError)
            else f"The mask {path.name} cannot be read ({error.__cause__ or error}); "
            "expected a PNG, JPEG or TIFF image: replace it."
        )
        raise RuleError(Rule.UNREADABLE, words) from error
    if decoded.others:
        raise UnclearMaskError(
            Rule.PAGES,
            f"Expected one picture in the mask {path.name}, found others in its file "
            "(MPO); save the right one alone.",
        )
    for one in decoded.series:
        colour_values.refuse_channels(one, path.name)
    pages = [(page, one) for one in decoded.series for page in one.pages]
    found = []
    for number, (page, one) in enumerate(pages, start=1):
        name = path.name + f" (page {number} of {len(pages)})" * (len(pages) > 1)
        found.append(_of_page(page, one, decoded, said, name))
    whole = found[0] if len(found) == 1 else _united(found, path.name)
    if decoded.white_is_zero and not values:
        _refuse_around(whole.planes[0], path.name)
    return replace(whole, orientation=decoded.orientation)


def _refuse_around(plane: NDArray[np.uint8], name: str) -> None:
    """Refuse a white-is-zero TIFF whose numbers surround what viewers show as lesion.

    Some programs write the lesion as the larger number and let it be shown black
    (ImageJ), others as what is shown white.
    """
    if border_of(plane).mean() > 0.5 and not plane.all():
        raise UnclearMaskError(
            Rule.UNCLEAR_VALUES,
            f"The mask {name} may be inverted: it is a TIFF that calls its smallest "
            "number white, and the larger one lies along the border; export it as a "
            "PNG of 0 and 255.",
        )


def _of_page(
    page: Values, series: Series, decoded: Decoded, said: MaskMeaning, name: str
) -> MaskReading:
    """Read one page: as numbers, by its alpha, or by its colours."""
    lossy, values, ignore = decoded.lossy, said.values, said.ignore
    if page.ndim == 2:
        if values:
            known = (*values, *said.background)
            page = colour_values.stored_numbers(page, decoded, known, ignore)
        return _of_numbers(page, said, lossy, name)
    if series.indices is not None:
        numbers = palette_numbers(page, series.indices, values)
        if numbers is not None:
            read = _of_numbers(numbers, said, lossy, name)
            if not values or numbers is not series.indices:
                return read
            pairs = palette_of(page, series.indices, values)
            both = tuple(replace(one, palette=pairs) for one in read.traits)
            return replace(read, traits=both)
    if values:
        grey, known = mask_colours.luma(page), (*values, *said.background)
        if not lossy:
            colour_values.refuse_colours(page, grey, known, ignore, name)
        return _of_numbers(grey, said, lossy, name)
    if page.shape[-1] == 3 and (page == page[..., :1]).all():
        return _of_numbers(page[..., 0], said, lossy, name)
    colours, alpha = mask_colours.split(page)
    if alpha is not None and mask_colours.is_shape(colours, alpha, name):
        if said.threshold is not None:
            return _of_numbers(alpha, replace(said, ignore=None), lossy, name)
        lesion = mask_numbers.one_class(alpha, lossy, name).lesion
        scale = scale_of_colours(alpha, lesion)
        traits = MaskTraits(scale=scale, sloped=is_sloped(alpha, lesion))
        return MaskReading(_stacked(lesion), None, MaskKind.ALPHA, traits=(traits,))
    if alpha is None and mask_colours.is_grey(colours, lossy):
        return _of_numbers(mask_colours.luma(page), said, lossy, name)
    if said.threshold is not None:
        raise UnclearMaskError(
            Rule.UNCLEAR_COLOURS,
            f"Expected grey numbers in the mask {name}, as dataset.toml gives a "
            "threshold, found colours; export it in grey.",
        )
    void = None
    if series.indices is not None and ignore is not None:
        void = series.indices == ignore
    elif series.indices is not None:
        seen = series.indices if alpha is None else series.indices[alpha > 0]
        mask_numbers.refuse_void(np.unique(np.append(seen, 0)), name, colours=True)
    try:
        plane, traits = mask_colours.foreground(colours, alpha, lossy, name, void)
    except OneColourError as error:
        if not said.among_others:
            raise
        plane = np.zeros(page.shape[:2], bool)
        traits = MaskTraits(alone=OneColour(error.colour, str(error)))
    kind = MaskKind.COLOURS
    return MaskReading(_stacked(plane), _or_none(void), kind, traits=(traits,))


def _of_numbers(
    numbers: Values, said: MaskMeaning, lossy: bool, name: str
) -> MaskReading:
    """Read numbers (H, W)."""
    ignore = said.ignore
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
    if said.values:
        planes = class_numbers.classes(
            numbers, said.values, void, lossy, name, said.background
        )
        how = MaskKind.CLASSES
        known = numbers if void is None else np.where(void, 0, numbers)
        traits = (MaskTraits(rims=rims_of(known)),)
    elif said.threshold is not None:
        lesion = mask_numbers.above(numbers, said.threshold, name, void)
        planes, how = _stacked(lesion), MaskKind.THRESHOLD
        traits = (MaskTraits(span=span_of(numbers, said.threshold, lossy, void)),)
    else:
        read = mask_numbers.one_class(numbers, lossy, name, void, said.stated)
        planes, how = _stacked(read.lesion), MaskKind(read.how)
        each = how != MaskKind.HALF_OF_MAXIMUM
        top, soft = (1.0, True) if how == MaskKind.PROBABILITIES else (None, not each)
        own = traits_of_numbers(numbers, read.lesion, void, each, soft, lossy)
        scale = scale_of(numbers, read.lesion, lossy, not soft, top)
        traits = (replace(own, scale=scale),)
    few = np.unique(numbers)
    told = tuple(float(v) for v in few) if len(few) <= FEW else ()
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
