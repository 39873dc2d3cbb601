"""Rules that several images break together; the same for every command."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets.dataset import Sample
from attnseg_training.datasets.mask_colours import border_of
from attnseg_training.datasets.near_duplicates import (
    Bits,
    difference_hash,
    near_duplicates,
)
from attnseg_training.datasets.rules import Rule, RuleError
from napari_attnseg.intensity import (
    IntensityMapping,
    IntensityWarning,
)
from napari_attnseg.intensity_warnings import counted_warning

#: Share of the masks above which a folder is not one of lesions.
MOST = 0.5
#: Rules that stop training and may be allowed: there is a way to go on.
ALLOWABLE = (Rule.MOSTLY_EMPTY, Rule.MOSTLY_FULL, Rule.MOSTLY_INVERTED)


@dataclass(slots=True)
class MasksSeen:
    """What was noticed while images and masks were read; add one after another.

    Attributes
    ----------
    total : int
        Number of images.
    empty, full : list of str
        Names of images without any lesion; of those that a class covers wholly.
    inverted : list of str
        Names of the other images of one class that covers most of the border: a lesion
        lies inside the image, and what lies around it is background.
    present : list of int
        Per class, in how many images it is.
    hashes : dict
        Name → what `near_duplicates` compares.
    narrow : list of str
        Names of images of a narrow range; see `IntensityWarning.NARROW_RANGE`.
    """

    total: int = 0
    empty: list[str] = field(default_factory=list)
    full: list[str] = field(default_factory=list)
    inverted: list[str] = field(default_factory=list)
    present: list[int] = field(default_factory=list)
    hashes: dict[str, Bits] = field(default_factory=dict)
    narrow: list[str] = field(default_factory=list)

    def add(
        self,
        name: str,
        planes: NDArray[np.uint8],
        ignored: NDArray[np.bool_] | None = None,
        rgb: NDArray[np.uint8] | None = None,
        mapping: IntensityMapping | None = None,
    ) -> None:
        """Notice the masks (classes, H, W) of an image; ignored pixels say nothing."""
        there = np.asarray(planes.any((1, 2)))
        known = planes if ignored is None else np.where(ignored, 1, planes)
        self.total += 1
        if not there.any():
            self.empty.append(name)
        elif (there & known.all((1, 2))).any():
            self.full.append(name)
        elif len(planes) == 1 and border_of(planes[0]).mean() > MOST:
            self.inverted.append(name)
        counts = self.present or [0] * len(planes)
        self.present = [
            n + int(one) for n, one in zip(counts, there.tolist(), strict=True)
        ]
        if rgb is not None:
            self.hashes[name] = difference_hash(rgb)
        if mapping is not None and IntensityWarning.NARROW_RANGE in mapping.warnings:
            self.narrow.append(name)

    def joined(self, other: MasksSeen) -> MasksSeen:
        """Both together."""
        both = zip(self.present, other.present, strict=True)
        return MasksSeen(
            self.total + other.total,
            self.empty + other.empty,
            self.full + other.full,
            self.inverted + other.inverted,
            [a + b for a, b in both],
            {**self.hashes, **other.hashes},
            self.narrow + other.narrow,
        )

    def broken(self) -> list[RuleError]:
        """Rules of `ALLOWABLE` that these masks break, each with its sentence."""
        found = []
        for rule, names, word, why in (
            (Rule.MOSTLY_EMPTY, self.empty, "empty", "hold a lesion"),
            (Rule.MOSTLY_FULL, self.full, "full", "hold background"),
            (
                *(Rule.MOSTLY_INVERTED, self.inverted),
                *("lesion along most of the border", "have background there"),
            ),
        ):
            if len(names) > MOST * self.total:
                text = (
                    f"Expected masks most of which {why}, but {len(names)} of "
                    f"{self.total} masks are {word}, first that of {names[0]!r}; look "
                    f"at how they were saved, or give --allow {rule} if that is right."
                )
                found.append(RuleError(rule, text))
        return found

    def expect(self, allow: Collection[str]) -> list[RuleError]:
        """Raise the first broken rule that is not allowed; return those that are."""
        broken = self.broken()
        for error in broken:
            if error.rule not in allow:
                raise error
        return broken


def look_at_masks(samples: Iterable[Sample]) -> MasksSeen:
    """Read the masks of all images, and no image, before work on the first begins.

    Raises
    ------
    InputError
        If one of them cannot be read, or it is not clear what is lesion in it.
    """
    seen = MasksSeen()
    for sample in samples:
        readings = sample.read_masks()
        if readings:
            seen.add(sample.name, *sample.united(readings))
        else:
            seen.add(sample.name, np.zeros((sample.classes, 1, 1), np.uint8))
    return seen


def counts(parts: Mapping[str, MasksSeen], empty_masks: bool = False) -> dict[str, int]:
    """Count findings that stop nothing, by rule, in the splits that were read.

    Empty masks are none where they belong to the data (`empty_masks`).
    """
    found: Counter[str] = Counter()
    every = list(parts.values())
    if not empty_masks:
        found[Rule.EMPTY] = sum(len(seen.empty) for seen in every)
    found[Rule.FULL] = sum(len(seen.full) for seen in every)
    found[Rule.NARROW_RANGE] = sum(len(seen.narrow) for seen in every)
    present = np.sum([seen.present for seen in every if seen.total], axis=0)
    found[Rule.ABSENT_CLASS] = int(np.count_nonzero(np.atleast_1d(present) == 0))
    hashes = {name: bits for seen in every for name, bits in seen.hashes.items()}
    names = {split: tuple(seen.hashes) for split, seen in parts.items()}
    found[Rule.NEAR_DUPLICATE] = len(near_duplicates(hashes, names))
    return {str(rule): n for rule, n in found.items() if n}


def warning(found: Mapping[str, int], images: int) -> str:
    """Sentences on findings in so many images that stop nothing; empty for none."""
    said = []
    named = [f"{rule} ({n})" for rule, n in found.items() if rule != Rule.NARROW_RANGE]
    if named:
        said.append(
            f"Found in the data: {', '.join(named)}; `attnseg-train check` names each."
        )
    if narrow := found.get(Rule.NARROW_RANGE, 0):
        said.append(counted_warning(IntensityWarning.NARROW_RANGE, narrow, images))
    return " ".join(said)
