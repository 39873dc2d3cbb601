"""Keep the training images in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attnseg_training.datasets import Sample
from attnseg_training.datasets.findings import MasksSeen
from napari_attnseg.arrays import resize
from napari_attnseg.cards import ImageColours
from napari_attnseg.ignored import IGNORED
from napari_attnseg.intensity import WHOLE_RANGE, Intensity

#: Value of an ignored pixel in the masks that are kept.
_IGNORED = 255
#: Levels by which red, green and blue of a grey JPEG may differ.
_GREY = 8


class ImageStore:
    """Images that are decoded and resized once and kept in memory as uint8.

    Parameters
    ----------
    samples : sequence of Sample
    size : int
        Side of the network's input in pixels.
    device : str
        Device that keeps the images.
    intensity : Percentiles or Window
        Intensity rule of the model that uses the images; see `preprocessing.to_rgb`.

    Attributes
    ----------
    images : Tensor of uint8, shape (n, 3, size, size)
    masks : Tensor of uint8, shape (n, classes, size, size)
        0 or 1; 255 where pixels are ignored, in every class.
    ignored : int
        Number of ignored pixels.
    seen : MasksSeen
        Findings on the images and masks, at their own size.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        size: int,
        device: str = "cpu",
        intensity: Intensity = WHOLE_RANGE,
    ) -> None:
        self.names = [sample.name for sample in samples]
        self.images = torch.empty(len(samples), 3, size, size, dtype=torch.uint8)
        classes = samples[0].classes if samples else 1
        self.masks = torch.empty(len(samples), classes, size, size, dtype=torch.uint8)
        self.seen = MasksSeen()
        for i, sample in enumerate(samples):
            read = sample.read_with_traits(intensity)
            self.seen.add_read(sample, read)
            self.seen.add_mapping(sample.name, read.mapping)
            planes, ignored = read.planes, read.ignored
            pixels = torch.from_numpy(read.rgb).permute(2, 0, 1)[None].float() / 255
            self.images[i] = (resize(pixels, size)[0] * 255).round().to(torch.uint8)
            soft = resize(torch.from_numpy(planes)[None].float(), size)
            self.masks[i] = (soft[0] >= 0.5).to(torch.uint8)
            if ignored is not None:
                self.masks[i][:, resized_ignored(ignored, size)] = _IGNORED
        # Of one class: they are ignored in all.
        self.ignored = int((self.masks[:, 0] == _IGNORED).sum())
        self.images, self.masks = self.images.to(device), self.masks.to(device)

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def image_colours(self) -> ImageColours:
        """Whether the images are in colour; grey ones may be stored as RGB."""
        kinds = {bool((i.amax(0) - i.amin(0)).max() > _GREY) for i in self.images}
        if len(kinds) > 1:
            return ImageColours.MIXED
        return ImageColours.COLOUR if True in kinds else ImageColours.GREY

    @cached_property
    def sha256(self) -> str:
        """Hash of the images' pixels, on which cached tokens of an encoder depend."""
        return hashlib.sha256(self.images.cpu().numpy()).hexdigest()

    def ignored_pixels(self, value: int | None) -> dict[str, Any]:
        """Return `ignored_pixels` for these masks."""
        return ignored_pixels(value, self.ignored, self.masks[:, 0].numel())

    def batch(self, index: list[int]) -> tuple[Tensor, Tensor]:
        """Images (N, 3, S, S) in [0, 1] and masks (N, classes, S, S) as float.

        Masks are 0, 1 or `napari_attnseg.ignored.IGNORED`.
        """
        images, masks = self.images[index].float() / 255, self.masks[index].float()
        if self.ignored:
            masks = masks.masked_fill(masks == _IGNORED, IGNORED)
        return images, masks


def resized_ignored(ignored: NDArray[np.bool_], size: int) -> Tensor:
    """Ignored pixels (size, size) of a resized mask: cells with any ignored pixel."""
    share = resize(torch.from_numpy(ignored)[None, None].float(), size)
    return share[0, 0] > 0


def ignored_pixels(value: int | None, pixels: int, of: int) -> dict[str, Any]:
    """Number of ignored pixels for provenance (``ignored``); empty without a value."""
    if value is None:
        return {}
    return {"ignored": {"value": value, "pixels": pixels, "of": of}}
