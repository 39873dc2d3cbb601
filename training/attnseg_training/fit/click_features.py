"""Features of training images for a click head: computed once, and kept.

The network was trained on these images. Therefore they are turned, scaled, recoloured
and blurred more than in its own training, so that it makes errors as on new images.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from attnseg_training.datasets import Sample
from attnseg_training.datasets.findings import MasksSeen
from attnseg_training.fit.click_training import FINE, ClickSamples
from napari_attnseg.arrays import resize
from napari_attnseg.corrections.of_model import click_features
from napari_attnseg.inference import Segmenter

#: Largest scale of the images.
SCALE = 1.7
#: Most pixels per side that a coarse image has in one.
COARSE = 5
#: Largest standard deviation of the noise, of [0, 1].
NOISE = 0.12


@torch.inference_mode()
def gather(
    segmenter: Segmenter,
    samples: Sequence[Sample],
    seed: int = 0,
    views: int = 1,
    allow: Collection[str] = (),
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> ClickSamples:
    """Collect features, probability and true masks of augmented training images.

    Parameters
    ----------
    segmenter : Segmenter
    samples : sequence of Sample
    seed : int
        Random seed of the augmentation.
    views : int
        Number of differently augmented copies of each image.
    allow : collection of str
        Rules for masks that may be broken.
    progress : callable
        Called with the numbers of images done and of all images.

    Raises
    ------
    AttnSegError
        If an image cannot be used, a rule is broken without `allow`, or the model has
        no features for a click head.
    """
    features, probabilities, truths, seen = [], [], [], MasksSeen()
    for number, sample in enumerate(samples):
        read = sample.read_with_traits(segmenter.card.preprocessing.intensity)
        seen.add_read(sample, read)
        image = torch.from_numpy(read.rgb).permute(2, 0, 1)[None].float() / 255
        planes = torch.from_numpy(read.planes)[None].float()
        void = torch.zeros_like(planes[:, :1])
        if read.ignored is not None:
            void[0, 0] = torch.from_numpy(read.ignored)
        masks = torch.cat([planes, void], dim=1)
        for view in range(views):
            changed, warped = _change(image, masks, (seed, number, view))
            side = segmenter.network.spec.size
            found, probability = _seen_by(segmenter, resize(changed, side))
            features.append(found.half().cpu())
            size = FINE * found.shape[-2], FINE * found.shape[-1]
            probabilities.append(_sized(probability, size).astype(np.float16))
            truths.append(_truth(warped, size))
        progress(number + 1, len(samples))
    seen.expect(allow)
    return ClickSamples(torch.cat(features), np.stack(probabilities), np.stack(truths))


def _change(
    image: Tensor, masks: Tensor, seeds: tuple[int, int, int]
) -> tuple[Tensor, Tensor]:
    """An image and its masks (1, C, H, W), turned, scaled, recoloured and blurred."""
    rng = np.random.default_rng(seeds)
    grid = F.affine_grid(_turn(rng), list(image.shape), align_corners=False)

    def warped(maps: Tensor) -> Tensor:
        # Mirrored beyond the edge, so that no black corner tells where the image ends.
        return F.grid_sample(maps, grid, padding_mode="reflection", align_corners=False)

    image, masks = warped(image), warped(masks)
    if rng.random() < 0.8:
        gain = torch.tensor(rng.uniform(0.6, 1.4, 3) * rng.uniform(0.6, 1.3))
        image = image * gain.float().view(1, 3, 1, 1) + rng.uniform(-0.1, 0.1)
        image = image.clamp(0, 1) ** rng.uniform(0.6, 1.6)
    if rng.random() < 0.3:
        grey = image.mean(1, keepdim=True)
        image = grey.lerp(image, float(rng.uniform(0, 0.7)))
    if rng.random() < 0.5:
        size = image.shape[-2:]
        small = F.avg_pool2d(image, int(rng.integers(1, COARSE + 1)))
        image = F.interpolate(small, size, mode="bilinear", align_corners=False)
    if rng.random() < 0.4:
        noise = rng.normal(0, rng.uniform(0, NOISE), image.shape)
        image = image + torch.tensor(noise).float()
    return image.clamp(0, 1), masks


def _turn(rng: np.random.Generator) -> Tensor:
    """Affine matrix (1, 2, 3): any angle, both sides, scaled and moved."""
    angle = rng.uniform(-np.pi, np.pi)
    scale = math.exp(rng.uniform(-math.log(SCALE), math.log(SCALE)))
    longer = math.exp(rng.uniform(-0.2, 0.2))
    side = 1 if rng.random() < 0.5 else -1
    turn = np.array(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    )
    linear = turn @ np.diag([side * scale * longer, scale / longer])
    matrix = np.concatenate([linear, rng.uniform(-0.25, 0.25, (2, 1))], axis=1)
    return torch.tensor(matrix[None]).float()


def _seen_by(segmenter: Segmenter, image: Tensor) -> tuple[Tensor, Tensor]:
    """Features (1, C, h, w) and probability (1, classes, S, S) of an image."""
    network = segmenter.network
    pairs = network.align(network.encode(image.to(segmenter.device)))
    fused, _ = network.fuse(pairs)
    logits = network.logits(fused) / segmenter.card.temperature
    return click_features(network, pairs), torch.sigmoid(logits).cpu()


def _sized(maps: Tensor, size: tuple[int, int]) -> NDArray[np.float32]:
    """(1, C, S, S) → (C, h, w) of a size (h, w)."""
    found = maps
    if tuple(maps.shape[-2:]) != size:
        found = F.interpolate(maps, size, mode="bilinear", antialias=True)
    return np.asarray(found[0].numpy(), np.float32)


def _truth(masks: Tensor, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Masks of the classes, then what is ignored, as 0, 1 and 255."""
    planes = _sized(masks, size)
    truth = (planes[:-1] >= 0.5).astype(np.uint8)
    truth[:, planes[-1] > 0] = 255
    return truth
