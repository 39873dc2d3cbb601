"""Record images that do not fit their masks, or that show where their masks are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets import (
    colour_spaces,
    cut_off,
    letterboxes,
    negatives,
    preview_scale,
    tints,
)
from attnseg_training.datasets.exchanged_colours import Colour, colour_of, exchanged
from attnseg_training.datasets.hints import Hint
from attnseg_training.datasets.near_duplicates import Bits
from attnseg_training.datasets.preview_scale import drawn_small, extent_of
from attnseg_training.datasets.rules import Rule
from attnseg_training.datasets.same_images import SameImages
from attnseg_training.datasets.shifted_pairs import Edges, edges_of, shifted_pairs
from attnseg_training.datasets.similar_images import grid_of, with_other_masks


@dataclass(slots=True)
class OddPairs:
    """What is compared between the images and masks of a set, each by the image's name.

    Attributes
    ----------
    steps : dict
        Steps of colour along outlines, of images that have one; see `tints`.
    strips : dict
        Images with a lesion on a strip of one colour; see `letterboxes`.
    colours : dict
        Colours of images; see `exchanged_colours`.
    extents : dict
        First and last rows and columns of lesions; see `preview_scale`.
    grids : dict
        Lesions on a coarse grid; see `similar_images`.
    samples : dict
        Some pixels of images; see `colour_spaces`.
    corners : dict
        Corners of images; see `negatives`.
    ends : dict
        Images that end in an area of one colour; see `cut_off`.
    edges : dict
        Edges of images on a coarse grid; see `shifted_pairs`.
    """

    steps: dict[str, tints.Step] = field(default_factory=dict)
    strips: dict[str, bool] = field(default_factory=dict)
    colours: dict[str, Colour] = field(default_factory=dict)
    extents: dict[str, preview_scale.Extent] = field(default_factory=dict)
    grids: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    samples: dict[str, NDArray[np.uint8]] = field(default_factory=dict)
    corners: dict[str, negatives.Corners] = field(default_factory=dict)
    ends: dict[str, bool] = field(default_factory=dict)
    edges: dict[str, Edges] = field(default_factory=dict)

    def add(
        self, name: str, lesion: NDArray[np.bool_], rgb: NDArray[np.uint8] | None
    ) -> None:
        """Record a lesion (H, W), and its image (H, W, 3) if it is known."""
        extent = extent_of(lesion)
        if extent is not None:
            self.extents[name] = extent
        if rgb is None:
            return
        self.colours[name] = colour_of(rgb)
        self.grids[name] = grid_of(lesion)
        self.edges[name] = edges_of(rgb)
        self.samples[name] = colour_spaces.sampled(rgb)
        self.corners[name] = negatives.corners_of(rgb)
        if (end := cut_off.end_of(rgb)) is not None:
            self.ends[name] = end
        if extent is None:
            return
        if (step := tints.tint_of(rgb, lesion)) is not None:
            self.steps[name] = step
        if letterboxes.lies_on_a_strip(rgb, lesion):
            self.strips[name] = True

    def joined(self, other: OddPairs) -> OddPairs:
        """Union of two records."""
        kinds = [one.name for one in fields(self)]
        return OddPairs(*(getattr(self, k) | getattr(other, k) for k in kinds))

    def hints(
        self, total: int, hashes: Mapping[str, Bits], images: SameImages
    ) -> list[Hint]:
        """Give hints at faults that occur more often than by chance.

        Parameters
        ----------
        total : int
            Number of images.
        hashes : mapping
            Name → hashes, as `near_duplicates` compares them.
        images : SameImages
            Record of images that are the same, pixel for pixel.
        """
        ended = cut_off.cut_off(self.ends, total)
        strips = tuple(name for name in self.strips if name not in ended)
        few = len(strips) <= max(letterboxes.FEW, letterboxes.IMAGES * total)
        found = [
            (Rule.TINTED, tints.tinted(self.steps, total)),
            (Rule.CUT_OFF, ended),
            (Rule.ON_PADDING, () if few else strips),
            (Rule.EXCHANGED_COLOURS, exchanged(self.colours)),
            (Rule.NEGATIVES, negatives.negatives(self.corners)),
            (Rule.DRAWN_SMALL, drawn_small(self.extents)),
        ]
        pairs = with_other_masks(hashes, self.grids, images.same)
        names = tuple(dict.fromkeys(name for pair in pairs for name in pair))
        copies = [Hint(Rule.SIMILAR_IMAGE, names, pairs)] if pairs else []
        hints = [Hint(rule, names) for rule, names in found if names]
        if (shifted := shifted_pairs(self.edges, self.grids))[0]:
            hints.append(Hint(Rule.SHIFTED_PAIRS, shifted[0], held=shifted[1]))
        others, space = colour_spaces.other_space(self.samples)
        better = (Rule.EXCHANGED_COLOURS, Rule.NEGATIVES)
        if others and not any(hint.rule in better for hint in hints):
            hints.append(Hint(Rule.COLOUR_SPACE, others, held=f"as {space}"))
        return hints + copies
