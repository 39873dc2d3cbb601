"""Decide which numbers of a mask are lesion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets.averaged_drawings import averaged_words, people_averaged
from attnseg_training.datasets.brush_levels import brush_levels
from attnseg_training.datasets.interpolated_numbers import void_is_interpolated
from attnseg_training.datasets.mask_regions import (
    FEW_FAINT,
    TOLD,
    are_edges,
    are_numbers,
    constant_around,
    core,
    faint_regions,
    fill_regions,
    has_lines,
    is_drawn,
    number_regions,
    plateaus,
    would_vanish,
)
from attnseg_training.datasets.mask_remedies import (
    EXPORT,
    FEW,
    FRACTION_MEANINGS,
    GIVE_PAINTED,
    NAME_MEANINGS,
    NAME_OR_LIMIT,
    NEAREST,
    remedy,
    without_0,
)
from attnseg_training.datasets.numbers_without_0 import LEVELS, begin_above_0, has_void
from attnseg_training.datasets.overshoot import GIVE_HALF, OVERSHOOT, is_overshoot
from attnseg_training.datasets.pictures import is_picture, is_soft
from attnseg_training.datasets.rules import Rule, UnclearMaskError

Values = NDArray[Any]
Plane = NDArray[np.bool_]

#: A mask whose largest value is at least this is one of 0 to 255: above 127 is lesion.
WHITE = 200
#: Below this, of 255, a lossy mask shows nothing but noise, or numbers that JPEG lost.
FAINT = 25
#: Noise of JPEG in an empty mask stays below or at this.
NOISE = 3
#: Share of pixels, and their number, in regions of one grey between both, above which a
#: JPEG has such.
PLATEAUS, FEW_PIXELS = 5e-4, 16


@dataclass(frozen=True, slots=True, eq=False)
class OneClass:
    """A mask of one class: lesion (H, W), and how it was read (as in `MaskKind`)."""

    lesion: Plane
    how: str


def one_class(
    values: Values,
    lossy: bool,
    name: str,
    void: Plane | None = None,
    stated: bool = False,
) -> OneClass:
    """Read the numbers of a mask whose classes have no names.

    - 0 and one other value, or one value alone: all pixels that are not 0 are lesion;
    - numbers of objects, 0, 1, 2 …: all pixels that are not 0 are lesion;
    - other numbers that fill regions or lines and are not a soft edge: the same, but
      only if one class is `stated`;
    - many levels, as at soft edges or after JPEG compression: values above 127 are
      lesion if the largest is 200 to 255, otherwise values above half of the largest.
      Fractions up to 1 are probabilities, and values above 0.5 are lesion.

    Parameters
    ----------
    values : ndarray, shape (H, W)
    lossy : bool
        Whether compression has changed them.
    name : str
        Name of the file, for messages.
    void : ndarray of bool, shape (H, W), optional
        Pixels that are ignored and never lesion.
    stated : bool
        Whether the user stated that there is one class.

    Raises
    ------
    UnclearMaskError
        If it is not clear what is lesion.
    """
    if values.dtype == bool:
        values = values.astype(np.uint8)
    known = values if void is None else np.where(void, values.dtype.type(0), values)
    if known.dtype.kind == "f":
        if not np.isfinite(known).all():
            came = "numbers that are NaN or infinite"
            raise _unclear(name, came, remedy(known))
        if (known == np.round(known)).all() and np.abs(known).max() < 2**53:
            known = known.astype(np.int64)
    found = np.unique(known if void is None or void.all() else known[~void])
    if found[0] < 0 and is_overshoot(known):
        raise _unclear(name, OVERSHOOT, GIVE_HALF)
    if found[0] < 0:
        raise _unclear(name, f"negative numbers ({listed(found)})", remedy(found))
    try:
        lesion, how = _split(known, found, lossy, name, stated)
    except UnclearMaskError as error:
        unclear = error.rule == Rule.UNCLEAR_VALUES
        people = people_averaged(known, lossy) if unclear else 0
        if not people:
            raise
        words = averaged_words(known, people, one_class=not (lossy or stated))
        raise _unclear(name, *words) from error
    return OneClass(lesion if void is None else lesion & ~void, how)


def above(
    values: Values, threshold: float, name: str, void: Plane | None = None
) -> Plane:
    """Read numbers (H, W) as lesion (H, W) where they are above a given threshold.

    NaN, which marks pixels without a value, is never above it.

    Raises
    ------
    UnclearMaskError
        If the numbers are those of a picture.
    """
    if void is None and is_picture(values):
        raise _unclear(
            name,
            "the greys of a picture, such as a photo, to which no threshold applies",
            "export it as a mask of 0 and 255",
        )
    lesion: Plane = values > threshold
    return lesion if void is None else lesion & ~void


def _split(
    values: Values, found: Values, lossy: bool, name: str, stated: bool
) -> tuple[Plane, str]:
    top = found[-1]
    if top == 0:
        return np.zeros(values.shape, bool), "two-values"
    if lossy:
        return _lossy(values, float(top), name)
    if len(found) == 1 or (len(found) == 2 and found[0] == 0):
        return values > 0, "two-values"
    if values.dtype.kind == "f" and top <= 1:
        return _probabilities(values, found, name, stated)
    if found[0] == 0 and values.dtype.kind in "ui":
        refuse_void(found, name)
        if void_is_interpolated(values):
            raise _unclear(
                name,
                "1 inside rims of larger numbers, as where a mask of 0, 1 and 255 "
                "(void) was interpolated",
                NEAREST,
            )
        levels = brush_levels(values) if top <= 255 else ()
        if levels and not stated:
            came = f"several levels inside objects ({', '.join(map(str, levels))} …)"
            raise _unclear(
                name,
                f"{came}, as of a translucent brush whose strokes overlap",
                GIVE_PAINTED,
            )
        if levels or are_numbers(values, found):
            return values > 0, "object-numbers"
    # As floats: twice a number may be beyond its type.
    near = 2 * float(found[0]) >= float(top) or (found[0] > 0 and top < FAINT)
    if near or begin_above_0(values, found, cut_of(float(top))):
        raise _unclear(name, f"no 0 and the values {listed(found)}", without_0(found))
    if top < FAINT and values.dtype == np.uint8:
        return _faint(values, float(top), name)
    exact = found[0] == 0 and values.dtype.kind in "ui" and len(found) <= LEVELS
    if exact and (
        would_vanish(values, found, cut_of(float(top))) or is_drawn(values, found)
    ):
        if stated:
            return values > 0, "object-numbers"
        came = "which may be objects, classes or what is not labelled"
        raise _unclear(name, f"the values {listed(found)}, {came}", NAME_MEANINGS)
    many = found[0] == 0 and values.dtype.kind in "ui" and len(found) > LEVELS
    if many and number_regions(values, found):
        if stated:
            return values > 0, "object-numbers"
        came = f"{len(found)} values that fill regions, as numbers of objects do"
        raise _unclear(name, came, NAME_MEANINGS)
    _refuse_regions(values, found, name)
    _refuse_faint(values, float(top), name)
    return values > cut_of(float(top)), "half-of-maximum"


def cut_of(top: float) -> float:
    """Threshold above which numbers of many levels are lesion."""
    return 127 if WHITE <= top <= 255 else top / 2


def _lossy(values: Values, top: float, name: str) -> tuple[Plane, str]:
    if top < FAINT:
        return _faint(values, top, name)
    if is_soft(values):
        return values > cut_of(top), "half-of-maximum"
    _refuse_regions(values, np.unique(values), name, exact=False)
    _refuse_faint(values, top, name)
    if plateaus(values, top) > max(PLATEAUS * values.size, FEW_PIXELS):
        raise _unclear(
            name, "regions of a grey between background and lesion", NAME_OR_LIMIT
        )
    if has_lines(values, top):
        raise _unclear(
            name,
            "lines of one grey between background and lesion",
            NAME_OR_LIMIT,
        )
    return values > cut_of(top), "two-values"


def _faint(values: Values, top: float, name: str) -> tuple[Plane, str]:
    """A mask of 0 to 255 that is nearly black: empty, if that is noise."""
    shape = core(values > 0)
    share = np.count_nonzero(shape) / shape.size
    if top == 1 and 0 < share <= 0.5:  # 0 and 1, which survived
        return values > 0, "two-values"
    if top <= NOISE and not 0 < share <= 0.5:
        return np.zeros(values.shape, bool), "two-values"
    raise _unclear(
        name,
        f"a largest value of {top:g} of 255, which may be noise, or numbers that were "
        "resized with smoothing or changed by JPEG",
        "export it as PNG, of 0 and 255, resized without smoothing",
    )


def _probabilities(
    values: Values, found: Values, name: str, stated: bool
) -> tuple[Plane, str]:
    top = float(found[-1])
    if found[0] == 0 and fill_regions(values, found, LEVELS):
        if stated:
            return values > 0, "object-numbers"
        came = f"the fractions {listed(found)}, which fill regions and may be objects"
        raise _unclear(name, f"{came}, classes or votes", FRACTION_MEANINGS)
    if abs(255 * top - 1) < 1e-3:  # 0 and 1, read as 8 bits
        raise _unclear(
            name,
            "fractions up to 1/255, as where a mask of 0 and 1 was resized or read as "
            "one of 0 to 255",
            "write threshold = 0.002 into dataset.toml if so, or " + NEAREST,
        )
    if 0.05 < top <= 0.5:
        raise _unclear(
            name,
            f"fractions up to {top:g} only, none of them above 0.5",
            "export it as a mask of 0 and 1, or write threshold = 0.5 into "
            "dataset.toml if these are probabilities",
        )
    _refuse_regions(values, found, name, exact=False)
    return values > 0.5, "probabilities"


def refuse_void(found: Values, name: str, colours: bool = False) -> None:
    """Raise if the largest number, beside small ones, stands for unlabelled pixels.

    Parameters
    ----------
    found : ndarray of int
        Numbers or indices of a palette that a mask holds, sorted, 0 among them.
    name : str
        Name of the mask file, for the message.
    colours : bool
        Whether they stand for colours, to which no threshold applies.
    """
    if has_void(found):
        top = int(found[-1])
        all_of_it = "" if colours else ", threshold = 0 if all that is not 0 is lesion"
        raise UnclearMaskError(
            Rule.VOID_VALUES,
            f"Expected {top} alone or no {top} in the mask {name}, found "
            f"{listed(found)}: write ignore = {top} into dataset.toml if it is "
            f"neither lesion nor background{all_of_it}, or export the mask without it.",
        )


def _refuse_regions(
    values: Values, found: Values, name: str, exact: bool = True
) -> None:
    """Values between background and lesion lie at edges, not in regions.

    A few `exact` ones must not be constant anywhere.
    """
    low, top = float(found[0]), float(found[-1])
    # The largest number of a lossy file is that of its ringing.
    margin = (0.1 if exact else 0.25) * (top - low)
    between = (values > low + margin) & (values < top - margin)
    regions = exact and len(found) <= LEVELS and constant_around(values, between).any()
    if regions or not are_edges(values, found, exact):
        if is_picture(values):
            raise _unclear(
                name,
                "the greys of a picture, such as a photo, perhaps one with an outline",
                f"fill the outline and {EXPORT}",
            )
        share = np.count_nonzero(between) / values.size
        raise _unclear(
            name,
            f"{len(found)} values, {100 * share:.0f} % of its pixels between "
            "background and foreground",
            NAME_OR_LIMIT,
        )


def _refuse_faint(values: Values, top: float, name: str) -> None:
    if faint_regions(values, top) >= FEW_FAINT:
        raise _unclear(
            name,
            "a grey region, with soft edges, away from lesions whose edges are sharp",
            NAME_OR_LIMIT,
        )


def listed(found: Values) -> str:
    """Text of numbers for a message; if there are many, only the first ones."""
    if len(found) <= TOLD:
        return ", ".join(f"{v:g}" for v in found.tolist())
    return ", ".join(f"{v:g}" for v in found[:FEW].tolist()) + " …"


def _unclear(name: str, came: str, remedy: str) -> UnclearMaskError:
    return UnclearMaskError(
        Rule.UNCLEAR_VALUES,
        f"Expected background and lesion in the mask {name}, found {came}; {remedy}.",
    )
