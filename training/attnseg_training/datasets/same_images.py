"""Find images that occur twice, pixel for pixel, with different masks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets.hints import Hint, grouped
from attnseg_training.datasets.rules import Rule


@dataclass(slots=True)
class SameImages:
    """Images and masks that were read so far, by the hash of their content.

    Attributes
    ----------
    images, masks : dict
        Name → hash of the image, unless it has only one colour; name → hash of its
        masks.
    """

    images: dict[str, bytes] = field(default_factory=dict)
    masks: dict[str, bytes] = field(default_factory=dict)

    def add_image(self, name: str, rgb: NDArray[np.uint8]) -> None:
        """Record an image (H, W, 3); images of one colour count as equal."""
        if (rgb != rgb[:1, :1]).any():
            self.images[name] = digest_of(rgb)

    def add_mask(self, name: str, planes: NDArray[np.uint8]) -> None:
        """Record the masks (classes, H, W) of an image."""
        self.masks[name] = digest_of(planes > 0)

    def joined(self, other: SameImages) -> SameImages:
        """Union of two records."""
        return SameImages(
            {**self.images, **other.images}, {**self.masks, **other.masks}
        )

    def same(self, one: str, other: str) -> bool:
        """Whether two names are of one image, pixel for pixel."""
        image = self.images.get(one)
        return image is not None and image == self.images.get(other)

    def differ(self, one: str, other: str) -> bool:
        """Whether two names have the same image, but different masks."""
        images, masks = (
            [known.get(name) for name in (one, other)]
            for known in (self.images, self.masks)
        )
        if None in images or None in masks:
            return False
        return images[0] == images[1] and masks[0] != masks[1]

    def hints(self) -> list[Hint]:
        """Give a hint on images that are equal but have different masks."""
        alike: dict[bytes, list[str]] = {}
        for name, image in self.images.items():
            if name in self.masks:
                alike.setdefault(image, []).append(name)
        groups = tuple(
            tuple(names)
            for names in alike.values()
            if len({self.masks[name] for name in names}) > 1
        )
        return grouped(Rule.SAME_IMAGE, groups)


def digest_of(pixels: NDArray[Any]) -> bytes:
    """Hash of an array of uint8 or bool, with its shape."""
    digest = hashlib.blake2b(repr(pixels.shape).encode(), digest_size=16)
    digest.update(
        np.packbits(pixels) if pixels.dtype == bool else np.ascontiguousarray(pixels)
    )
    return digest.digest()
