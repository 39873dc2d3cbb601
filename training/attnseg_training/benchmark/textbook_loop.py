"""Baseline DataLoader loop for the benchmark.

It is a fair baseline: nothing in it is slower than necessary, and it does less work
than `fit` (no averaged weights, no clipped gradients). It decodes, resizes and augments
each image with PIL in every epoch, and runs the whole network in fp32.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter, ImageOps
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from attnseg_training.config import TrainConfig
from attnseg_training.datasets import Sample
from attnseg_training.losses import bce_dice
from attnseg_training.transforms import NDMatrix, draw_geometry
from napari_attnseg.ignored import IGNORED
from napari_attnseg.models.network import SegmentationNetwork

#: Value of an ignored pixel in a mask while it is turned.
_IGNORED = 255


class AugmentedFiles(TorchDataset[tuple[Tensor, Tensor]]):
    """Image files and masks of one class, read and augmented on demand.

    The augmentation is as strong as that of `transforms`: the same warp, brightness,
    contrast and saturation, and sometimes blur or noise. Hue is left out, because PIL
    has no fast way to rotate it.
    """

    def __init__(self, samples: Sequence[Sample], size: int) -> None:
        self.samples, self.size = samples, size

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        """Image (3, S, S) in [0, 1] and mask (1, S, S): 0, 1 or `ignored.IGNORED`."""
        rng = np.random.default_rng(int(torch.randint(2**31, ())))
        sample, shape = self.samples[i], (self.size, self.size)
        bilinear = Image.Resampling.BILINEAR
        with Image.open(sample.image) as file:
            upright = ImageOps.exif_transpose(file)
            image = upright.convert("RGB").resize(shape, bilinear)
        mask = Image.fromarray(_mask(sample, image.size[::-1]))
        mask = mask.resize(shape, Image.Resampling.NEAREST)
        affine = _pixels(draw_geometry(rng), self.size)
        image = image.transform(shape, Image.Transform.AFFINE, affine, bilinear)
        mask = mask.transform(shape, Image.Transform.AFFINE, affine)
        image = ImageEnhance.Brightness(image).enhance(rng.uniform(0.8, 1.2))
        image = ImageEnhance.Contrast(image).enhance(rng.uniform(0.7, 1.3))
        image = ImageEnhance.Color(image).enhance(rng.uniform(0.6, 1.4))
        if rng.random() < 0.2:
            image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 2)))
        pixels = np.asarray(image, np.float32) / 255
        if rng.random() < 0.2:
            noise = rng.standard_normal(pixels.shape, np.float32)
            pixels = (pixels + rng.uniform(0.01, 0.04) * noise).clip(0, 1)
        lesion = np.asarray(mask, np.float32)
        lesion[lesion == _IGNORED] = IGNORED
        rgb = np.ascontiguousarray(pixels.transpose(2, 0, 1))
        return torch.from_numpy(rgb), torch.from_numpy(lesion[None])


def _mask(sample: Sample, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Mask (H, W) of 0 and 1, `_IGNORED` where it is ignored."""
    readings = sample.read_masks()
    if not readings:
        return np.zeros(size, np.uint8)
    planes, ignored = sample.united(readings)
    mask: NDArray[np.uint8] = planes.max(0)
    if ignored is not None:
        mask[ignored] = _IGNORED
    return mask


class TextbookLoop:
    """Batches from a ``DataLoader``, forward, backward, AdamW.

    Parameters
    ----------
    network : SegmentationNetwork
        Network on its device; it is trained in place. Parameters that need no gradient
        stay as they are.
    samples : sequence of Sample
        Training images.
    config : TrainConfig
        Settings, of which batch size, learning rate and frozen BatchNorm statistics are
        used.
    workers : int
        Number of processes that load images; 0: the loop itself loads them.
    """

    def __init__(
        self,
        network: SegmentationNetwork,
        samples: Sequence[Sample],
        config: TrainConfig,
        workers: int,
    ) -> None:
        self.network, self.config = network, config
        self.device = next(network.parameters()).device
        self._loader = DataLoader(
            AugmentedFiles(samples, network.spec.size),
            config.batch,
            shuffle=True,
            drop_last=True,
            num_workers=workers,
            pin_memory=self.device.type == "cuda",
        )
        trained = [p for p in network.parameters() if p.requires_grad]
        self._optimizer = torch.optim.AdamW(trained, config.lr)

    def epoch(self) -> Iterator[float]:
        """Train on every image once; yields the loss of each step."""
        self._train_mode()
        for images, masks in self._loader:
            images = images.to(self.device, non_blocking=True)
            masks = masks.to(self.device, non_blocking=True)
            loss = bce_dice(self.network(images).logits, masks)
            self._optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self._optimizer.step()
            yield float(loss.detach())

    def _train_mode(self) -> None:
        """Training mode, but for what is frozen."""
        self.network.train()
        for module in self.network.children():
            if not any(p.requires_grad for p in module.parameters()):
                module.eval()
        if self.config.freeze_norm:
            for module in self.network.cnn.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()


def _pixels(matrix: NDMatrix, size: int) -> tuple[float, ...]:
    """`draw_geometry`'s matrix, which is in [-1, 1], in PIL's pixels."""
    half = size / 2
    linear = matrix[:, :2]
    # From the centre: p' - half = linear (p - half) + half * shift.
    offset = half * (matrix[:, 2] + 1) - linear.sum(1) * half
    rows = np.concatenate([linear, offset[:, None]], axis=1)
    return tuple(float(v) for v in rows.flatten())
