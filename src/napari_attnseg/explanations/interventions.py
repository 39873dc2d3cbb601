"""Interventions on psi: the mask after a gate's coefficients are replaced.

psi says whose features are used where. Therefore it is tested by using the features of
the other encoder there, not by deleting pixels. Encoders run once; only fusion and
decoder run again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from napari_attnseg.models.network import Level, SegmentationNetwork
from napari_attnseg.spec import STRIDES

Pairs = Sequence[Level]


def _mean(psi: Tensor) -> Tensor:
    return psi.mean((2, 3), keepdim=True).expand_as(psi)


def _shuffled(psi: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    order = torch.randperm(psi.shape[2] * psi.shape[3], generator=generator)
    return psi.flatten(2)[:, :, order.to(psi.device)].view_as(psi)


#: Name → psi as weight of the CNN, (N, 1, h, w) of a batch → what replaces it, same
#: shape. "mean" is the mean over each image, "another" the map of the previous image of
#: the batch.
INTERVENTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "transformer only": torch.zeros_like,
    "CNN only": torch.ones_like,
    "half": lambda psi: torch.full_like(psi, 0.5),
    "inverted": lambda psi: 1 - psi,
    "mean": _mean,
    "shuffled": _shuffled,
    "another image's": lambda psi: psi.roll(1, 0),
}


def interventions(
    network: SegmentationNetwork, pairs: Pairs
) -> Iterator[tuple[str, str, Tensor]]:
    """Every intervention at every level and at all levels together.

    Parameters
    ----------
    network : SegmentationNetwork
        Network in eval mode.
    pairs : sequence of (Tensor, Tensor)
        From `SegmentationNetwork.align`, of a batch of N images.

    Yields
    ------
    str, str, Tensor
        Name; ``"1/4"`` … ``"1/32"`` or ``"all"``; logits (N, classes, S, S).

    Raises
    ------
    InputError
        If a level does not have exactly one gate.
    """
    fused, attention = network.fuse(pairs)
    weights = network.psi_of_cnn(attention)
    for name, change in INTERVENTIONS.items():
        everywhere = {stride: change(psi) for stride, psi in weights.items()}
        changed, _ = network.fuse(pairs, network.psi_of_cnn(everywhere))
        yield name, "all", network.logits(changed)
        for level, stride in enumerate(STRIDES):
            one = [*fused[:level], changed[level], *fused[level + 1 :]]
            yield name, f"1/{stride}", network.logits(one)
