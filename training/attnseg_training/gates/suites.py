"""Suites, which define what is measured of the gates."""

from __future__ import annotations

from dataclasses import dataclass

from attnseg_training.datasets import Dataset
from attnseg_training.gates.damage import KINDS
from napari_attnseg.errors import InputError, UnknownNameError


@dataclass(frozen=True, slots=True)
class Suite:
    """Extent of the measurements.

    Attributes
    ----------
    every : int
        Every how many batches of eight images the further tests are made: damage,
        turning, noise, and networks with shuffled weights.
    regions : int
        Regions per side in which trust is measured.
    kinds : tuple of str
        Kinds of one-sided damage, names in `damage.KINDS`.
    explanations : tuple of str
        Other explanations that are measured besides the gates, names in `EXPLAINERS`.
    """

    every: int
    regions: int
    kinds: tuple[str, ...]
    explanations: tuple[str, ...]


SUITES = {
    "quick": Suite(5, 5, ("another image", "noise"), ("Seg-Grad-CAM", "random")),
    "full": Suite(
        1,
        8,
        tuple(KINDS),
        ("Seg-Grad-CAM", "integrated gradients", "occlusion", "random"),
    ),
}


def expect_suite(data: Dataset, split: str, suite: str) -> None:
    """Check that a suite can be run, before a long training for it begins.

    Raises
    ------
    UnknownNameError
        If there is no such suite or split.
    InputError
        If the data have several classes, or the split fewer than two images.
    """
    if suite not in SUITES:
        raise UnknownNameError.for_name("suite", suite, list(SUITES))
    data.expect_classes(1)
    images = len(data.split(split))
    if images < 2:
        raise InputError(
            "Gates are measured on at least 2 images, because each gets the maps "
            f"of another one, but the split {split!r} of {data.root} has {images}; "
            "list more."
        )
