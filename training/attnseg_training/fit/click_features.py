"""Features of training images for a click head: computed once, and kept.

The network has seen these images. So that it makes errors as on new ones, they are
turned, scaled, recoloured and blurred further than in its own training.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from attnseg_training.datasets import Sample
from attnseg_training.datasets.findings import MasksSeen
from attnseg_training.fit.click_training import FINE, ClickSamples
from attnseg_training.transforms import blur, colour, geometry, recolour, warp
from napari_attnseg.corrections.of_model import click_features
from napari_attnseg.inference import Segmenter, resize

#: Largest scale of the images.
SCALE = 1.7
#: Largest standard deviation of the blur, in pixels of the network's input.
BLUR = 5.0


@torch.inference_mode()
def gather(
    segmenter: Segmenter,
    samples: Sequence[Sample],
    seed: int = 0,
    views: int = 1,
    allow: Collection[str] = (),
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> ClickSamples:
    """Features, probability and truth of changed training images.

    Parameters
    ----------
    segmenter : Segmenter
    samples : sequence of Sample
    seed : int
        Of the changes.
    views : int
        How often each image is taken, changed otherwise.
    allow : collection of str
        Rules for masks that may be broken.
    progress : callable
        Gets images done, and all.

    Raises
    ------
    AttnSegError
        If an image cannot be used, a rule is broken that is not allowed, or the model
        has no features to go by.
    """
    features, probabilities, truths, seen = [], [], [], MasksSeen()
    for number, sample in enumerate(samples):
        read = sample.read_with_traits(segmenter.card.preprocessing.intensity)
        seen.add_read(sample, read)
        image = torch.from_numpy(read.rgb).permute(2, 0, 1)[None].float() / 255
        image = resize(image, segmenter.network.spec.size)
        planes = torch.from_numpy(read.planes)[None].float()
        void = torch.zeros_like(planes[:, :1])
        if read.ignored is not None:
            void[0, 0] = torch.from_numpy(read.ignored)
        masks = resize(torch.cat([planes, void], dim=1), segmenter.network.spec.size)
        for view in range(views):
            changed, warped = _change(image, masks, (seed, number, view))
            found, probability = _seen_by(segmenter, changed)
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
    """An image and its masks (1, C, S, S), turned, scaled, recoloured and blurred."""
    rng = np.random.default_rng((3, *seeds))
    turn = geometry([seeds], SCALE)
    image, masks = warp(image, turn), warp(masks, turn)
    for again in range(2):
        image = recolour(image, colour([(*seeds, again)]))
    if rng.random() < 0.5:
        image = blur(image, float(rng.uniform(0.5, BLUR)))
    return image.clamp(0, 1), masks


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
