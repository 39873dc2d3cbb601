"""Check that the masks of one data set can be read by one rule."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from attnseg_training.datasets.drawn_colours import SAME
from attnseg_training.datasets.mask_numbers import FAINT, NOISE, cut_of
from attnseg_training.datasets.mask_scale import Scales
from attnseg_training.datasets.mask_spans import Spans
from attnseg_training.datasets.mask_traits import Colour, MaskTraits
from attnseg_training.datasets.rules import Rule, UnclearMaskError

#: A colour or a number, and the image in whose mask it was seen first.
_Level = tuple[float, str]


@dataclass(slots=True)
class Agreement:
    """Meanings of numbers and colours in the masks that were read so far.

    Attributes
    ----------
    lesion : (float, str) or None
        Smallest number that was read as lesion, and the name of the image.
    background : (float, str)
        Largest number of a region that was read as background.
    lesions, backgrounds : dict
        Colour → the first image whose mask has it as lesion, or as background.
    scales : Scales
        Scales that numbers were compared with.
    alone : dict
        The only colour of a mask → the error to raise if other masks do not have this
        background.
    spans : Spans
        Ranges of numbers in masks that were read by a threshold.
    """

    lesion: _Level | None = None
    background: _Level = (0.0, "")
    lesions: dict[Colour, str] = field(default_factory=dict)
    backgrounds: dict[Colour, str] = field(default_factory=dict)
    scales: Scales = field(default_factory=Scales)
    alone: dict[Colour, str] = field(default_factory=dict)
    spans: Spans = field(default_factory=Spans)

    def add(self, name: str, traits: MaskTraits) -> None:
        """Record how one page of a mask was read."""
        if traits.lesion_level is not None:
            self._add_levels((traits.lesion_level, name), (0.0, ""))
        self._add_levels(None, (traits.background_level, name))
        if traits.scale is not None:
            self.scales.add(name, traits.scale)
        if traits.span is not None:
            self.spans.add(name, traits.span)
        if traits.alone is not None:
            self.alone.setdefault(traits.alone.colour, traits.alone.text)
        for colour in traits.lesions:
            self.lesions.setdefault(colour, name)
        if traits.background is not None:
            self.backgrounds.setdefault(traits.background, name)

    def _add_levels(self, lesion: _Level | None, background: _Level) -> None:
        if lesion is not None and (self.lesion is None or lesion[0] < self.lesion[0]):
            self.lesion = lesion
        if background[0] > self.background[0]:
            self.background = background

    def joined(self, other: Agreement) -> Agreement:
        """Union of two records."""
        both = Agreement(
            self.lesion,
            self.background,
            other.lesions | self.lesions,
            other.backgrounds | self.backgrounds,
            self.scales.joined(other.scales),
            other.alone | self.alone,
            self.spans.joined(other.spans),
        )
        both._add_levels(other.lesion, other.background)
        return both

    def contradiction(self) -> UnclearMaskError | None:
        """Value that is background in one mask and lesion in another, or None."""
        level, dark = self.background
        spread = NOISE if level >= FAINT else 0
        if self.lesion is not None and self.lesion[0] <= level + spread:
            least, bright = self.lesion
            return UnclearMaskError(
                Rule.UNCLEAR_VALUES,
                "Expected one limit between background and lesion for all masks, but "
                f"beside larger numbers {level:g} is background in the mask of "
                f"{dark!r}, and {least:g} is lesion in that of {bright!r}; export all "
                "as masks of 0 and 255, or give the values in dataset.toml, "
                "classes = {name = value, …}.",
            )
        for ground, first in self.backgrounds.items():
            for colour, second in self.lesions.items():
                if _same(ground, colour):
                    shown = ", ".join(f"{value:.0f}" for value in ground)
                    return UnclearMaskError(
                        Rule.UNCLEAR_COLOURS,
                        "Expected one colour as the background of all masks, but the "
                        f"colour ({shown}) is along the border of the mask of "
                        f"{first!r} and inside that of {second!r}; export all as masks "
                        "of 0 and 255.",
                    )
        for colour, text in self.alone.items():
            if not any(_same(colour, ground) for ground in self.backgrounds):
                return UnclearMaskError(Rule.UNCLEAR_COLOURS, text)
        return self.scales.contradiction(cut_of) or self.spans.contradiction()


def _same(one: Colour, other: Colour) -> bool:
    return bool(np.abs(np.subtract(one, other)).max() <= SAME)
