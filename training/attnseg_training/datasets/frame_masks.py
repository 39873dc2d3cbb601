"""Read the masks of the frames of a film, series or volume by one rule for all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets import class_numbers, frame_colours, mask_numbers
from attnseg_training.datasets.inverted import is_inverted
from attnseg_training.datasets.mask_reading import MaskKind
from attnseg_training.datasets.padding import is_framed
from attnseg_training.datasets.palettes import palette_numbers
from attnseg_training.datasets.rules import Rule, RuleError
from napari_attnseg.errors import InputError
from napari_attnseg.io.dataset_toml import FILE, Descriptor
from napari_attnseg.io.images import decode_file, read_numbers
from napari_attnseg.io.mask_values import are_first_labels, grey_of, painted_words

Numbers = NDArray[Any]
#: Numbers of a frame's mask, or its file.
Mask = Numbers | Path
#: Suffixes of pictures that may have a palette.
_PALETTES = (".png", ".gif", ".bmp", ".tif", ".tiff")
#: Number of frames that decide how the numbers of all frames are read.
LOOKED_AT = 24
#: Number of values that a message lists, and the largest value of a mask in PNG.
TOLD, LARGEST = 8, 255
#: Of more different numbers than this, only the smallest and the largest are kept.
MANY = 2**16


@dataclass(frozen=True, slots=True)
class FrameRule:
    """How the masks of all frames are read.

    Attributes
    ----------
    how : MaskKind
        Kind of the masks, which decides what is lesion.
    above : float
        Numbers above it are lesion, if there are no `classes`.
    classes : Descriptor or None
        Names of several classes, and their numbers.
    told : str
        One sentence for the user if it is not obvious what is lesion; else empty.
    """

    how: MaskKind
    above: float = 0
    classes: Descriptor | None = None
    told: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the classes, if they have numbers."""
        return () if self.classes is None else self.classes.classes

    def labels(self, mask: Mask) -> NDArray[np.uint8]:
        """Mask (H, W) of one frame: 0 is background, c + 1 is class c."""
        values = numbers_of(mask)
        if self.classes is None:
            return np.asarray(values > self.above, np.uint8)
        found = np.zeros(values.shape, np.uint8)
        for number, value in enumerate(self.classes.values, start=1):
            found[values == value] = number
        return found


def numbers_of(mask: Mask) -> Numbers:
    """Numbers (H, W) of a mask; of a picture grey, indices into a palette, or colours.

    Raises
    ------
    InputError
        If a picture cannot be read, has a palette that is not on black, or it is not
        clear which of its colours is background.
    """
    if isinstance(mask, Path):
        mask = _picture_numbers(mask)
    return mask.astype(np.uint8) if mask.dtype == bool else mask


def _picture_numbers(path: Path) -> Numbers:
    indices = _palette_numbers(path) if path.suffix.lower() in _PALETTES else None
    if indices is not None:
        return indices
    pixels: Numbers = read_numbers(path)
    if pixels.ndim == 3 and decode_file(path).series[0].indices is None:
        opaque = pixels[pixels[..., 3] > 0] if pixels.shape[-1] == 4 else pixels
        if (opaque[..., :3] != opaque[..., :1]).any():
            return frame_colours.colour_numbers(path)
    return grey_of(pixels, path.name)


def _palette_numbers(path: Path) -> Numbers | None:
    """Indices (H, W) into a palette whose index 0 is black or hidden, or its greys.

    Programs that follow objects (DAVIS, SAM 2, Cutie) and CVAT write such masks.
    """
    one = decode_file(path).series[0]
    if one.indices is None or one.array.ndim > 3:
        return None
    greys = palette_numbers(one.array, one.indices, ())
    if greys is not None:
        return greys
    ground = one.array[one.indices == 0]
    # Of a frame that objects cover, nothing tells what index 0 looks like.
    hidden = ground.shape[-1] == 4 and (ground[..., 3] == 0).all()
    if one.array.shape[-1] == 4:
        alpha = one.array[..., 3]
        opaque = (alpha == alpha.max()).all()
        if not opaque and not (hidden and alpha[one.indices > 0].all()):
            return None  # transparency erases something else than index 0
    return one.indices if (ground[..., :3] == 0).all() or hidden else None


def frame_rule(
    masks: Mapping[int, Mask],
    given: Descriptor,
    name: str,
    out: Path,
    results: bool = False,
) -> FrameRule:
    """Decide how the masks of all frames are read, as masks of a data set are.

    Parameters
    ----------
    masks : mapping
        Frame → its mask.
    given : Descriptor
        Content of the ``dataset.toml`` of `out`.
    name : str
        Name of the masks, for messages.
    out : Path
        Training set to which the frames are added.
    results : bool
        Whether ``attnseg segment`` wrote them as 0 and 255. Regions of 1, 2 or 3 were
        painted by somebody then, as `labels_of` takes them.

    Raises
    ------
    InputError
        If it is not clear what is lesion.
    """
    where = f" The {FILE} is that of {out.name}, which may hold nothing else yet."
    try:
        return _rule(masks, given, name, where, results)
    except RuleError as error:
        more = where if FILE in str(error) else ""
        raise InputError(f"{error}{more}") from error


def _rule(
    masks: Mapping[int, Mask],
    given: Descriptor,
    name: str,
    where: str,
    results: bool,
) -> FrameRule:
    seen, ends = _seen(masks)
    top = float(seen[-1])
    if top >= frame_colours.FIRST:
        frame_colours.expect_no_classes(seen, given, name)
        return FrameRule(MaskKind.COLOURS)
    if given.threshold is not None:
        if not 0 <= given.threshold < min(LARGEST, top):
            raise InputError(
                f"Expected a threshold in {FILE} below {LARGEST}, as masks are written "
                f"as 0 and {LARGEST}, and below the largest number in {name}, {top:g}, "
                f"but got {given.threshold:g}; save {name} as 0 and 1."
            )
        return FrameRule(MaskKind.THRESHOLD, given.threshold)
    plain = len(seen) == 1 and top >= 0
    plain |= len(seen) == 2 and seen[0] == 0 and np.isfinite(top)
    if plain and len(given.values) < 2:
        return FrameRule(MaskKind.TWO_VALUES)
    if given.ignore is not None and given.ignore in seen:
        raise InputError(
            f"Expected no number {given.ignore} in {name}, as {FILE} says to ignore "
            "it, which masks of frames cannot hold; save them without it."
        )
    if given.values:
        values = given.values, None, False, name, given.background
        class_numbers.classes(seen[None], *values)  # raises for others
        return FrameRule(MaskKind.CLASSES, classes=given)
    stated = bool(given.classes)
    if results and 255 in seen and are_first_labels(seen):
        painted = [int(one) for one in seen if 0 < one < 255]
        return FrameRule(MaskKind.OBJECT_NUMBERS, told=painted_words(painted, name))
    looked = _looked_at(masks, ends)
    try:
        how = MaskKind(mask_numbers.one_class(looked, False, name, None, stated).how)
    except RuleError as error:
        if error.rule != Rule.VOID_VALUES:
            raise
        raise RuleError(
            error.rule,
            f"Expected no pixels without a label in {name}, found {top:g} beside "
            f"smaller numbers, and frames leave no pixel out (ignore = {top:g} is for "
            f"data sets): save it with 0 for {top:g}, or write threshold = 0 into "
            f"{FILE} if all that is not 0 is lesion.",
        ) from error
    if how is MaskKind.PROBABILITIES:
        return FrameRule(how, 0.5, told=_told_cut(name, seen, 0.5))
    if how is MaskKind.HALF_OF_MAXIMUM:
        cut = mask_numbers.cut_of(top)
        return FrameRule(how, cut, told=_told_cut(name, seen, cut))
    rule = FrameRule(how)
    if stated:
        return rule
    listed = ", ".join(f"{one:g}" for one in seen[seen > 0][:TOLD].tolist())
    listed += " …" if np.count_nonzero(seen > 0) > TOLD else ""
    return replace(
        rule,
        told=f"{name} holds the numbers {listed}, and every one but 0 was taken as the "
        "lesion; if they are classes, such as an organ and a tumour, write classes = "
        f"{{background = 1, tumour = 2}} or classes = {{organ = 1, tumour = 2}} into "
        f'{FILE} and run this again, or classes = ["lesion"] if all are lesion.{where}',
    )


def _told_cut(name: str, seen: Numbers, cut: float) -> str:
    return (
        f"{name} holds many values from {seen[0]:g} to {seen[-1]:g}, as soft masks and "
        f"probabilities do; those above {cut:g} were taken as the lesion."
    )


def _seen(masks: Mapping[int, Mask]) -> tuple[Numbers, list[int]]:
    """Numbers of all masks, sorted; the frames with the smallest and largest one."""
    found: Numbers = np.zeros(0, np.uint8)
    low, high = (np.inf, 0), (-np.inf, 0)
    for number, mask in masks.items():
        values = numbers_of(mask)
        if values.dtype == np.uint8:
            own = np.flatnonzero(np.bincount(values.ravel(), minlength=256))
            own = own.astype(np.uint8)
        else:
            own = np.unique(values)
        if values.dtype.kind == "f" and not np.isfinite(own).all():
            return own, [number]
        low = min(low, (float(own[0]), number))
        high = max(high, (float(own[-1]), number))
        found = np.union1d(found, own) if len(found) else own
        if len(found) > MANY:  # of fractions each pixel may have its own
            found = np.delete(found, slice(MANY // 2, -(MANY // 2)))
    return found, [low[1], high[1]]


def _looked_at(masks: Mapping[int, Mask], ends: list[int]) -> Numbers:
    """Some masks of more than one number, one below the other (N · H, W)."""
    others = [
        number
        for number, mask in masks.items()
        if number not in ends and np.ptp(np.nan_to_num(numbers_of(mask)))
    ]
    evenly = np.linspace(0, len(others) - 1, min(LOOKED_AT, len(others)))
    chosen = dict.fromkeys([*ends, *(others[int(i)] for i in evenly)])
    values = [numbers_of(masks[number]) for number in chosen]
    width = max(one.shape[1] for one in values)
    return np.concatenate(
        [np.pad(v, ((0, 0), (0, width - v.shape[1]))) for v in values]
    )


class Inversion:
    """Count of masks of one class that may be inverted."""

    def __init__(self) -> None:
        self._inverted = self._counted = 0

    def add(self, labels: NDArray[np.uint8]) -> None:
        """Count the mask (H, W) of a frame, unless it is empty or full."""
        lesion = labels > 0
        if lesion.any() and not lesion.all():
            self._counted += 1
            self._inverted += is_inverted(lesion) and not is_framed(lesion)

    def told(self, name: str) -> Iterator[str]:
        """One sentence if most of the masks seem to be inverted."""
        if 2 * self._inverted > self._counted:
            yield (
                f"In {self._inverted} of {self._counted} masks of {name} the lesion "
                "surrounds the background, so that they may be inverted: look at them, "
                "and save them as 0 for background and 1 for the lesion."
            )
