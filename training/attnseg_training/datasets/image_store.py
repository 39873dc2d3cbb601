"""The training images in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor

from attnseg_training.datasets import Sample
from napari_attnseg.inference import resize
from napari_attnseg.intensity import WHOLE_RANGE, Intensity


class ImageStore:
    """Decoded and resized once, kept as uint8: every epoch reads memory.

    Parameters
    ----------
    samples : sequence of Sample
    size : int
        Side of the network's input in pixels.
    device : str
        Where the images are kept.
    intensity : Percentiles or Window
        Rule of the model that is to see them; see `preprocessing.to_rgb`.

    Attributes
    ----------
    images : Tensor of uint8, shape (n, 3, size, size)
    masks : Tensor of uint8, shape (n, classes, size, size)
        0 or 1.
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
        for i, sample in enumerate(samples):
            image, planes = sample.read_planes(intensity)
            pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
            self.images[i] = (resize(pixels, size)[0] * 255).round().to(torch.uint8)
            soft = resize(torch.from_numpy(planes)[None].float(), size)
            self.masks[i] = (soft[0] >= 0.5).to(torch.uint8)
        self.images, self.masks = self.images.to(device), self.masks.to(device)

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def sha256(self) -> str:
        """Of the images' pixels: for other pixels an encoder has other tokens."""
        return hashlib.sha256(self.images.cpu().numpy()).hexdigest()

    def batch(self, index: list[int]) -> tuple[Tensor, Tensor]:
        """Images (N, 3, S, S) in [0, 1] and masks (N, classes, S, S) as float."""
        return self.images[index].float() / 255, self.masks[index].float()
