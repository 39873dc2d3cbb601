"""Cases for fitting the expected Dice: images, damaged copies, empty corners."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import torch
from torch import Tensor

from attnseg_training.datasets.image_store import ImageStore
from attnseg_training.release.damaged_copies import COPIES, window, without_lesion
from napari_attnseg.inference import Segmenter
from napari_attnseg.reliability.likeness import Floats
from napari_attnseg.reliability.observe import (
    has_readers,
    observe_signals,
    pooled_features,
)
from napari_attnseg.reliability.signals import Reader, Signal

#: Each image is damaged in one of so many ways.
EVERY = 3


class Kind(StrEnum):
    """Kinds of cases: an image, a damaged copy of one, or a corner of one."""

    ORIGINAL = "original"
    DAMAGED = "damaged"
    WITHOUT_LESION = "without_lesion"


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One image, damaged copy or corner, with the result of the model.

    Attributes
    ----------
    image : int
        Index of the image from which it is made.
    kind : Kind
    copy : str
        For a damaged copy, its name in `COPIES`.
    dice : float
        Dice of the mask, at the network's size; NaN if mask and truth are empty.
    lesion : bool
        Whether the truth is not empty.
    signals : dict of Signal to float
        Signals of the case; empty if nothing was found.
    features : ndarray, shape (d,)
    """

    image: int
    kind: Kind
    copy: str
    dice: float
    lesion: bool
    signals: dict[Signal, float] = field(default_factory=dict)
    features: Floats = field(default_factory=lambda: np.zeros(0, np.float32))


def measure_cases(
    segmenter: Segmenter,
    store: ImageStore,
    watch: Callable[[int, int], None] = lambda done, total: None,
) -> list[Case]:
    """Observe every image, a third of its damaged copies, and a corner if possible.

    Each kind of copy is made from equally many images.
    """
    found = []
    for index in range(len(store)):
        for kind, copy, image, truth in _versions(store, index):
            found.append(observe(segmenter, index, kind, copy, image, truth))
        watch(index + 1, len(store))
    return found


def _versions(
    store: ImageStore, index: int
) -> Iterator[tuple[Kind, str, Tensor, Tensor]]:
    image, planes = store.batch([index])
    mask = planes.amax(1, keepdim=True)
    yield Kind.ORIGINAL, "", image, mask
    for number, (name, copy) in enumerate(COPIES.items()):
        if (index + number) % EVERY == 0:
            rng = np.random.default_rng([index, number])
            yield Kind.DAMAGED, name, *copy(image, mask, rng)
    box = without_lesion(mask)
    if box is not None:
        yield Kind.WITHOUT_LESION, "", *window(image, mask, box)


@torch.inference_mode()
def observe(
    segmenter: Segmenter,
    index: int,
    kind: Kind,
    copy: str,
    image: Tensor,
    truth: Tensor,
) -> Case:
    """Run the model on one image (1, 3, S, S), and compare the result with its mask."""
    network, card = segmenter.network, segmenter.card
    pairs = network.align(network.encode(image))
    fused, _ = network.fuse(pairs)
    probability = torch.sigmoid(network.logits(fused) / card.temperature)
    readers = tuple(Reader) if has_readers(network) else ()
    signals = observe_signals(
        network, pairs, probability, card.threshold, card.temperature, readers
    )
    known = ~truth.isnan()
    mask = (probability.amax(1, keepdim=True) >= card.threshold) & known
    marked = (truth > 0) & known
    both = int(mask.sum()) + int(marked.sum())
    dice = 2 * int((mask & marked).sum()) / both if both else float("nan")
    lesion = bool(marked.any())
    return Case(index, kind, copy, dice, lesion, signals, pooled_features(pairs))
