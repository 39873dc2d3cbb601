"""Collect findings over all images of a data set, for every command."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets.agreement import Agreement
from attnseg_training.datasets.broken_rules import broken_by_most
from attnseg_training.datasets.burnt_in import SamePlaces
from attnseg_training.datasets.burnt_in_text import Characters
from attnseg_training.datasets.hints import Hint
from attnseg_training.datasets.interpolated_numbers import InterpolatedNumbers
from attnseg_training.datasets.lesion_kinds import LesionKinds, counted_kinds
from attnseg_training.datasets.mask_looks import MaskLooks
from attnseg_training.datasets.mask_reading import MaskKind
from attnseg_training.datasets.mask_traits import CLASSES
from attnseg_training.datasets.masks import MaskReading
from attnseg_training.datasets.near_duplicates import Bits, difference_hashes
from attnseg_training.datasets.odd_pairs import OddPairs
from attnseg_training.datasets.overlaid_readers import OverlaidReaders
from attnseg_training.datasets.palettes import Palettes
from attnseg_training.datasets.rules import Rule, RuleError
from attnseg_training.datasets.same_films import film_of
from attnseg_training.datasets.same_images import SameImages
from attnseg_training.datasets.same_masks import SameMasks
from attnseg_training.datasets.sample import Sample, SampleRead
from attnseg_training.datasets.shown_masks import OddShapes
from attnseg_training.datasets.straight_cuts import StraightCuts
from napari_attnseg.intensity import IntensityMapping, IntensityWarning

#: Share of the masks above which a folder is not one of lesions.
MOST = 0.5
#: Rules that stop training and may be allowed: there is a way to go on.
ALLOWABLE = (
    Rule.MOSTLY_EMPTY,
    Rule.MOSTLY_FULL,
    Rule.MOSTLY_INVERTED,
    Rule.MOSTLY_OUTLINES,
    Rule.MOSTLY_LINES,
    Rule.MOSTLY_PADDED,
    Rule.MOSTLY_PATTERNED,
    Rule.MOSTLY_OUT_OF_ORDER,
    Rule.MOSTLY_SLOPED,
    Rule.MOSTLY_INTERPOLATED,
    Rule.BURNT_IN,
    Rule.BURNT_IN_TEXT,
)


@dataclass(slots=True)
class MasksSeen:
    """Findings on the images and masks that were read so far.

    Attributes
    ----------
    total : int
        Number of images.
    looks : MaskLooks
        Masks that look wrong as a whole.
    turned, alone, pictures, bits, narrow : list of str
        Names of images with a finding: `SampleRead.fits_both_ways`,
        `SampleRead.affine_alone`, `SampleRead.other_pictures`, `SampleRead.all_bits`
        and `IntensityWarning.NARROW_RANGE`.
    several, classes, mixed : list of str
        Names of images (with one class) whose mask has several numbers or colours; of
        those among them where these lie as classes do; and of those where they look
        like overlapping drawings.
    kinds : set of tuple of float
        Numbers or colours of `classes`; see `MaskTraits.like_classes`.
    present : list of int
        For each class, the number of images that have it.
    agreements : list of Agreement
        Meanings of numbers and colours; one per class if each has its own files.
    hashes : dict
        Name → hashes that `near_duplicates` compares.
    spread : LesionKinds
        Numbers and colours of lesions, and the masks in which they occur.
    palettes : Palettes
        Palettes of classes that are read by indices.
    same : SameMasks
        Masks that several images share.
    shapes : OddShapes
        Masks that may not show lesions, or whose outlines are drawn on the images.
    sloped : list of str
        Names of images whose masks are slopes; see `MaskTraits.sloped`.
    images : SameImages
        Images that occur twice, and whether with one mask.
    places : SamePlaces
        Places of lesions.
    films : dict
        Name → film that the image was taken from; see `same_films.film_of`.
    text : Characters
        Shapes in masks that may be numbers and letters.
    cuts : StraightCuts
        Rows and columns at which lesions end straight.
    odd : OddPairs
        What is compared between images and masks.
    readers : OverlaidReaders
        Masks (with one class) whose numbers lie in each other.
    interpolated : InterpolatedNumbers
        Thin rims around numbers of classes.
    wrapped : list of str
        Names of images whose numbers of objects began again after 255.
    ignore : int or None
        Mask value of ignored pixels, if there is one.
    """

    total: int = 0
    looks: MaskLooks = field(default_factory=MaskLooks)
    turned: list[str] = field(default_factory=list)
    several: list[str] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    mixed: list[str] = field(default_factory=list)
    kinds: set[tuple[float, ...]] = field(default_factory=set)
    present: list[int] = field(default_factory=list)
    agreements: list[Agreement] = field(default_factory=list)
    hashes: dict[str, Bits] = field(default_factory=dict)
    narrow: list[str] = field(default_factory=list)
    alone: list[str] = field(default_factory=list)
    same: SameMasks = field(default_factory=SameMasks)
    spread: LesionKinds = field(default_factory=LesionKinds)
    palettes: Palettes = field(default_factory=Palettes)
    places: SamePlaces = field(default_factory=SamePlaces)
    pictures: list[str] = field(default_factory=list)
    images: SameImages = field(default_factory=SameImages)
    shapes: OddShapes = field(default_factory=OddShapes)
    sloped: list[str] = field(default_factory=list)
    films: dict[str, str] = field(default_factory=dict)
    text: Characters = field(default_factory=Characters)
    cuts: StraightCuts = field(default_factory=StraightCuts)
    odd: OddPairs = field(default_factory=OddPairs)
    readers: OverlaidReaders = field(default_factory=OverlaidReaders)
    interpolated: InterpolatedNumbers = field(default_factory=InterpolatedNumbers)
    wrapped: list[str] = field(default_factory=list)
    bits: list[str] = field(default_factory=list)
    ignore: int | None = None

    def add(
        self,
        name: str,
        planes: NDArray[np.uint8],
        ignored: NDArray[np.bool_] | None = None,
        rgb: NDArray[np.uint8] | None = None,
        readings: Sequence[MaskReading] = (),
        stated: bool = False,
        ignore: int | None = None,
    ) -> None:
        """Record the masks (classes, H, W) of an image, without its ignored pixels.

        Parameters
        ----------
        name, planes, ignored, rgb
            As in `SampleRead`.
        readings : sequence of MaskReading
            The files that the planes come from.
        stated : bool
            Whether the user stated that there is one class.
        ignore : int or None
            Mask value of ignored pixels, if there is one.
        """
        lesion = np.asarray(planes.any(0))
        there = np.asarray(planes.any((1, 2)))
        known = planes if ignored is None else np.where(ignored, 1, planes)
        self.total += 1
        self.ignore = self.ignore if ignore is None else ignore
        self.looks.add(name, planes, known)
        if self.looks.has_edge(name):
            new = self.same.add(name, planes)
            if new and self.looks.in_place(name):
                self.places.add(name, lesion)
                self.text.add(name, lesion)
                self.cuts.add(name, lesion)
        self.images.add_mask(name, planes)
        soft = any(r.how == MaskKind.HALF_OF_MAXIMUM and not r.values for r in readings)
        self.shapes.add(name, planes, rgb, soft)
        self.odd.add(name, lesion, rgb)
        self._add_traits(name, len(planes), readings, stated)
        counts = self.present or [0] * len(planes)
        self.present = [
            n + int(one) for n, one in zip(counts, there.tolist(), strict=True)
        ]
        if rgb is not None:
            self.add_image(name, rgb)

    def add_image(self, name: str, rgb: NDArray[np.uint8]) -> None:
        """Record an image (H, W, 3)."""
        self.hashes[name] = difference_hashes(rgb)
        self.images.add_image(name, rgb)

    def add_read(self, sample: Sample, read: SampleRead) -> None:
        """Record an image and its masks."""
        self.add(
            *(sample.name, read.planes, read.ignored, read.rgb),
            *(read.readings, sample.stated, sample.ignore),
        )
        self.add_orientation(sample.name, read)
        if film := film_of(sample.image, sample.name):
            self.films[sample.name] = film

    def add_orientation(self, name: str, read: SampleRead) -> None:
        """Record an image and a mask whose orientations may differ."""
        if read.fits_both_ways and read.planes.any():
            self.turned.append(name)
        if read.affine_alone and read.planes.any():
            self.alone.append(name)
        if read.other_pictures:
            self.pictures.append(name)
        if read.all_bits:
            self.bits.append(name)

    def add_mapping(self, name: str, mapping: IntensityMapping) -> None:
        """Record how the intensities of an image were mapped."""
        if IntensityWarning.NARROW_RANGE in mapping.warnings:
            self.narrow.append(name)

    def _add_traits(
        self, name: str, classes: int, readings: Sequence[MaskReading], stated: bool
    ) -> None:
        traits = [(i, one) for i, read in enumerate(readings) for one in read.traits]
        self.agreements = self.agreements or [Agreement() for _ in range(classes)]
        for i, one in traits:
            self.agreements[min(i, classes - 1)].add(name, one)
            self.palettes.add(name, one.palette)
            self.interpolated.add(name, one.rims)
        if any(one.sloped for _, one in traits):
            self.sloped.append(name)
        if any(one.wrapped_numbers for _, one in traits):
            self.wrapped.append(name)
        if classes > 1 or stated:
            return
        for names, noticed in (
            (self.several, any(one.several for _, one in traits)),
            (self.classes, any(one.like_classes for _, one in traits)),
            (self.mixed, any(one.mixed for _, one in traits)),
        ):
            if noticed:
                names.append(name)
        self.spread.add(name, [one for _, one in traits])
        for _, one in traits:
            self.readers.add(name, one.overlay)
        self.kinds.update(kind for _, one in traits for kind in one.like_classes)

    def joined(self, other: MasksSeen) -> MasksSeen:
        """Union of two records."""
        present = zip(self.present, other.present, strict=True)
        agreements = zip(self.agreements, other.agreements, strict=True)
        return MasksSeen(
            self.total + other.total,
            self.looks.joined(other.looks),
            *(self.turned + other.turned, self.several + other.several),
            *(self.classes + other.classes, self.mixed + other.mixed),
            self.kinds | other.kinds,
            [a + b for a, b in present],
            [a.joined(b) for a, b in agreements],
            {**self.hashes, **other.hashes},
            *(self.narrow + other.narrow, self.alone + other.alone),
            *(self.same.joined(other.same), self.spread.joined(other.spread)),
            *(self.palettes.joined(other.palettes), self.places.joined(other.places)),
            *(self.pictures + other.pictures, self.images.joined(other.images)),
            *(self.shapes.joined(other.shapes), self.sloped + other.sloped),
            {**self.films, **other.films},
            *(self.text.joined(other.text), self.cuts.joined(other.cuts)),
            *(self.odd.joined(other.odd), self.readers.joined(other.readers)),
            self.interpolated.joined(other.interpolated),
            *(self.wrapped + other.wrapped, self.bits + other.bits),
            other.ignore if self.ignore is None else self.ignore,
        )

    def contradictions(self) -> list[RuleError]:
        """Reasons why these masks cannot be read by one rule."""
        found = (one.contradiction() for one in self.agreements)
        return [error for error in found if error is not None]

    def hints(self) -> list[Hint]:
        """Make hints, which may be wrong and therefore do not stop training.

        A hint that needs several images is given if most of the images that could show
        the fault do so, with the same few numbers or colours.
        """
        broken = {error.rule for error in self.broken()}
        mixed = self.mixed if len(self.mixed) > MOST * len(self.several) else []
        few = (
            len(self.classes) > MOST * len(self.several) and len(self.kinds) <= CLASSES
        )
        classes = self.classes if few else self.spread.like_classes()
        held = counted_kinds(self.spread.counts())
        readers = self.readers.hints(self.several)
        # Levels of soft masks lie in each other, too: a few faint ones are no votes.
        if any(one.scales.has_soft() for one in self.agreements):
            readers = [one for one in readers if 2 * len(one.names) > self.total]
        hints = self.looks.hints(broken, self.ignore)
        hints += [
            Hint(rule, tuple(names), held=held if rule == Rule.MAYBE_CLASSES else "")
            for rule, names in (
                (Rule.UNCLEAR_ORIENTATION, self.turned),
                (Rule.AFFINE_ALONE, self.alone),
                (Rule.OTHER_PICTURES, self.pictures),
                (Rule.ALL_BITS, self.bits),
                (Rule.OVERLAPPING_COLOURS, mixed),
                (Rule.PALETTES, self.palettes.others()),
                (Rule.WRAPPED_NUMBERS, self.wrapped),
                (Rule.MAYBE_CLASSES, [] if mixed or readers else classes),
            )
            if names
        ]
        hints += readers
        hints += self.interpolated.hints(self.total)
        # A caption of characters that recur is said once.
        captions = Rule.BURNT_IN_TEXT in broken
        hints += [
            hint
            for hint in self.shapes.hints(self.total)
            if not (captions and hint.rule == Rule.TEXT)
        ]
        # A piece at the same pixels has the same ends, and so have blocks.
        blocks = any(hint.rule == Rule.BLOCKS for hint in hints)
        hints += [] if Rule.BURNT_IN in broken or blocks else self.cuts.hints()
        hints += self.odd.hints(self.total, self.hashes, self.images)
        return [*hints, *self.same.hints(self.hashes, self.total), *self.images.hints()]

    def broken(self) -> list[RuleError]:
        """Rules of `ALLOWABLE` that these masks break, each with its sentence."""
        names = {**self.looks.broken(), Rule.MOSTLY_SLOPED: self.sloped}
        found = broken_by_most(names, MOST * self.total, self.total)
        rims = self.interpolated.error(self.total)
        piece = self.places.found()
        place = None if piece is None else piece.error(self.total)
        text = self.text.error(self.total)
        return found + [error for error in (rims, place, text) if error is not None]

    def expect(self, allow: Collection[str]) -> list[RuleError]:
        """Raise an error for a broken rule; return broken rules that are allowed."""
        for error in self.contradictions():
            raise error
        broken = self.broken()
        for error in broken:
            if error.rule not in allow:
                raise error
        return broken
