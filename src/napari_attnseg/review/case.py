"""One case of a review: an image and the mask that is reviewed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from napari_attnseg.io.readers import FileSet
from napari_attnseg.reliability.estimate import ExpectedDice


@dataclass(frozen=True, slots=True)
class Case:
    """An image and the mask that is reviewed.

    Attributes
    ----------
    name : str
        Stem of the image's file or of its results; unique in a series.
    image : Path
    mask : Path or None
        File of the mask; None: there is no mask yet.
    results : Path or None
        JSON file of the results that the mask belongs to.
    mask_value : int or None
        Value of the first class in the mask's file; None: another program made the
        mask.
    classes : tuple of str
        Names of the classes, if the results have more than one.
    expected : ExpectedDice or None
        How good the mask probably is, where the weights were measured for it.
    doubt : float or None
        Doubt in bits; see `uncertainty.DOUBT_MEANING`.
    files : FileSet or None
        Film, series or volume of which the image is a frame; then `image` is only
        shown, not read.
    frame : int or None
        Number of the frame in it, or in a stack of `image`.
    stack : Path or None
        JSON file of the results of a stack to which the mask belongs.
    table : Path or None
        Table of the frames of a film to which the mask belongs.
    """

    name: str
    image: Path
    mask: Path | None = None
    results: Path | None = None
    mask_value: int | None = None
    classes: tuple[str, ...] = ()
    expected: ExpectedDice | None = None
    doubt: float | None = None
    files: FileSet | None = None
    frame: int | None = None
    stack: Path | None = None
    table: Path | None = None
