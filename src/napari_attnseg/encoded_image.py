"""Encoded images, from which the decoder starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from napari_attnseg.arrays import concatenate
from napari_attnseg.boxes import Box
from napari_attnseg.intensity import Intensity, IntensityMapping
from napari_attnseg.models.gated import Level

#: Axes along which the views of flip test-time augmentation are mirrored: the image
#: itself first, then left-right, up-down and both. Training mirrors along both, too.
FLIPS: tuple[tuple[int, ...], ...] = ((), (-1,), (-2,), (-2, -1))


def joined(parts: Sequence[list[Level]]) -> list[Level]:
    """Join the maps of several batches, from `SegmentationNetwork.align`, into one."""
    if len(parts) == 1:
        return parts[0]
    return [
        tuple(concatenate(maps) for maps in zip(*levels, strict=True))
        for levels in zip(*parts, strict=True)
    ]


def of_image(pairs: list[Level], which: slice) -> list[Level]:
    """Select the maps of some images from those of a batch."""
    return [tuple(maps[which] for maps in level) for level in pairs]


@dataclass(frozen=True, slots=True, eq=False)
class EncodedImage:
    """Maps of both encoders for one image, as input of `Segmenter.decode`.

    Attributes
    ----------
    pairs : list of tuples of Array
        Maps of both encoders for each level, from `SegmentationNetwork.align`, on the
        segmenter's device. They belong to one image, or to its four mirror images in
        the order of `FLIPS`.
    shape : (int, int)
        Rows and columns of the image, or of the box, that was encoded.
    intensity : IntensityMapping
        How its values were mapped to [0, 1].
    rule : Percentiles or Window
        Rule that was asked for.
    sha256 : str
        SHA-256 of the image as it was given; see `hashing.array_sha256`.
    box : Box or None
        Part of the image that was encoded; None: all of it.
    frame : (int, int) or None
        Rows and columns of the whole image if a box of it was encoded; None: no box.
    grey : bool
        Whether the encoded image is grey. An image that is stored as RGB is grey, too,
        if red, green and blue are equal.
    """

    pairs: list[Level]
    shape: tuple[int, int]
    intensity: IntensityMapping
    rule: Intensity
    sha256: str
    box: Box | None = None
    frame: tuple[int, int] | None = None
    grey: bool = False
