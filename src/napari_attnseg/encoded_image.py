"""Encoded images, from which the decoder starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_attnseg.arrays import concatenate, mirror
from napari_attnseg.device_memory import in_parts
from napari_attnseg.models.gated import Level
from napari_attnseg.prepared_image import ImageFacts, PreparedImage

if TYPE_CHECKING:
    from napari_attnseg.engines.base import Engine

#: Axes along which the views of flip test-time augmentation are mirrored: the image
#: itself first, then left-right, up-down and both. Training mirrors along both, too.
FLIPS: tuple[tuple[int, ...], ...] = ((), (-1,), (-2,), (-2, -1))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class EncodedImage(ImageFacts):
    """Maps of both encoders for one image, as input of `Segmenter.decode`.

    Attributes
    ----------
    pairs : list of tuples of Array
        Maps of both encoders for each level, from `SegmentationNetwork.align`, on the
        segmenter's device. They belong to one image, or to its four mirror images in
        the order of `FLIPS`.
    """

    pairs: list[Level]


def encode(
    engine: Engine, images: Sequence[PreparedImage], flip: bool
) -> list[EncodedImage]:
    """Run both encoders on several images, in batches as large as fit on the device.

    Parameters are those of `Segmenter.encode_prepared`.

    Raises
    ------
    torch.OutOfMemoryError
        If not even one image fits on the device.
    """
    views = FLIPS if flip else FLIPS[:1]
    batch = concatenate([mirror(one.pixels, axes) for one in images for axes in views])
    if len(batch) == 1:
        batch = images[0].pixels
    pairs = _joined(in_parts(lambda part: engine.encode(batch[part]), len(batch)))
    count = len(views)
    return [
        EncodedImage(
            pairs=_of_image(pairs, slice(i * count, (i + 1) * count)), **one.facts()
        )
        for i, one in enumerate(images)
    ]


def _joined(parts: Sequence[list[Level]]) -> list[Level]:
    """Join the maps of several batches, from `SegmentationNetwork.align`, into one."""
    if len(parts) == 1:
        return parts[0]
    return [
        tuple(concatenate(maps) for maps in zip(*levels, strict=True))
        for levels in zip(*parts, strict=True)
    ]


def _of_image(pairs: list[Level], which: slice) -> list[Level]:
    """Select the maps of some images from those of a batch."""
    return [tuple(maps[which] for maps in level) for level in pairs]
