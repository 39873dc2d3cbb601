"""Collect masks whose lesion looks wrong as a whole, such as an inverted one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets.drawn_colours import border_of
from attnseg_training.datasets.hints import Hint
from attnseg_training.datasets.inverted import is_inverted
from attnseg_training.datasets.jpeg_ringing import is_ringing
from attnseg_training.datasets.lines import is_lines
from attnseg_training.datasets.outlines import is_outlined
from attnseg_training.datasets.padding import is_framed, is_padded
from attnseg_training.datasets.patterns import is_patterned
from attnseg_training.datasets.rules import Rule
from attnseg_training.datasets.run_order import is_out_of_order
from attnseg_training.datasets.white_edges import has_white_edge

#: Share of the border from which ignored pixels are a frame.
_FRAME = 0.5


@dataclass(slots=True)
class MaskLooks:
    """Names of images by how their mask looks.

    Each is in one list at most, but those of `ignored` are in `empty` as well.

    Attributes
    ----------
    empty, full : list of str
        Names of images without any lesion, and of images that one class covers
        completely.
    ignored : list of str
        Those of `empty` whose masks have ignored pixels that are no frame.
    disordered : list of str
        Names of images whose masks are whole once columns are read for rows, or back.
    inverted, padded : list of str
        Names of images with one class whose mask looks inverted, or has white along an
        edge.
    patterned, outlines, lines : list of str
        Names of images whose mask is filled with a pattern, or looks like outlines or
        like thin lines.
    ringing : list of str
        Names of images whose mask has noise of a JPEG around its lesion.
    """

    empty: list[str] = field(default_factory=list)
    full: list[str] = field(default_factory=list)
    disordered: list[str] = field(default_factory=list)
    inverted: list[str] = field(default_factory=list)
    padded: list[str] = field(default_factory=list)
    patterned: list[str] = field(default_factory=list)
    outlines: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    ringing: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)

    def add(
        self, name: str, planes: NDArray[np.uint8], known: NDArray[np.uint8]
    ) -> None:
        """Record the masks of an image.

        Parameters
        ----------
        name : str
        planes : ndarray of uint8, shape (classes, H, W)
        known : ndarray of uint8, shape (classes, H, W)
            The same with 1 where pixels are ignored.
        """
        lesion = np.asarray(planes.any(0))
        there = np.asarray(planes.any((1, 2)))
        if not there.any():
            self.empty.append(name)
            if known.any() and border_of(known[0]).mean() < _FRAME:
                self.ignored.append(name)
        elif (there & known.all((1, 2))).any():
            self.full.append(name)
        elif is_out_of_order(lesion):
            self.disordered.append(name)
        elif (
            len(planes) == 1
            and is_inverted(lesion)
            and not (is_framed(lesion) or has_white_edge(lesion))
        ):
            self.inverted.append(name)
        elif len(planes) == 1 and is_padded(lesion):
            self.padded.append(name)
        elif is_ringing(lesion):
            self.ringing.append(name)
        elif is_patterned(lesion):
            self.patterned.append(name)
        elif is_outlined(lesion):
            self.outlines.append(name)
        elif is_lines(lesion):
            self.lines.append(name)

    def has_edge(self, name: str) -> bool:
        """Whether the mask added last, of this name, has both lesion and background."""
        return name not in (*self.empty[-1:], *self.full[-1:])

    def in_place(self, name: str) -> bool:
        """Whether the lesion of the mask added last lies where it is expected."""
        odd = self.inverted[-1:] + self.padded[-1:] + self.disordered[-1:]
        return name not in odd

    def joined(self, other: MaskLooks) -> MaskLooks:
        """Union of two records."""
        names = [one.name for one in fields(MaskLooks)]
        return MaskLooks(*(getattr(self, n) + getattr(other, n) for n in names))

    def broken(self) -> Mapping[Rule, Sequence[str]]:
        """Rule that most masks must not break → names of those that do."""
        return {
            Rule.MOSTLY_EMPTY: self.empty,
            Rule.MOSTLY_FULL: self.full,
            Rule.MOSTLY_INVERTED: self.inverted,
            Rule.MOSTLY_OUTLINES: self.outlines,
            Rule.MOSTLY_LINES: self.lines,
            Rule.MOSTLY_PADDED: self.padded,
            Rule.MOSTLY_PATTERNED: self.patterned,
            Rule.MOSTLY_OUT_OF_ORDER: self.disordered,
        }

    def hints(self, broken: Collection[Rule], ignore: int | None = None) -> list[Hint]:
        """Name odd masks, unless it is said already that most of them are.

        Parameters
        ----------
        broken : collection of Rule
            What is said already.
        ignore : int or None
            Mask value of ignored pixels, if there is one.
        """
        return [
            Hint(rule, tuple(names), held=str(ignore) * (rule == Rule.ALL_IGNORED))
            for rule, names, instead in (
                (Rule.INVERTED, self.inverted, Rule.MOSTLY_INVERTED),
                (Rule.OUTLINES, self.outlines, Rule.MOSTLY_OUTLINES),
                (Rule.LINES, self.lines, Rule.MOSTLY_LINES),
                (Rule.PADDED, self.padded, Rule.MOSTLY_PADDED),
                (Rule.PATTERNED, self.patterned, Rule.MOSTLY_PATTERNED),
                (Rule.OUT_OF_ORDER, self.disordered, Rule.MOSTLY_OUT_OF_ORDER),
                (Rule.RINGING, self.ringing, None),
                (Rule.ALL_IGNORED, self.ignored, None),
            )
            if names and instead not in broken
        ]
