"""PlantedTrust: synthetic images with a known correct gate, to test the gate suite.

Each image holds bright blobs, and each encoder gets its own view of it. One view is
replaced by noise on one side of a random line, the other view on the other side. On
each side only one encoder can know the mask, so a gate that is trained on such pairs
should follow the line. With `redundant`, both views are the whole image, as in ordinary
training. Then nothing shows which encoder is better, whatever the gate looks like.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from attnseg_training.losses import bce_dice
from napari_attnseg.models.network import Features, SegmentationNetwork

BATCH, LR = 16, 3e-3


class PlantedViews(NamedTuple):
    """N pairs of views.

    Attributes
    ----------
    cnn, transformer : Tensor, shape (N, 3, S, S), in [0, 1]
        Input of each encoder.
    mask : Tensor, shape (N, 1, S, S)
        0 or 1.
    cnn_side : Tensor, shape (N, 1, S, S)
        1 where the CNN's view shows the image, 0 where the transformer's view does.
    """

    cnn: Tensor
    transformer: Tensor
    mask: Tensor
    cnn_side: Tensor


def planted_views(
    n: int, size: int, seed: int, redundant: bool = False
) -> PlantedViews:
    """Draw `n` pairs of views of side `size`; the same for the same `seed`."""
    g = torch.Generator().manual_seed(seed)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(*shape, generator=g) * (high - low) + low

    line = torch.linspace(-1, 1, size)
    y, x = line[:, None], line[None, :]
    mask = torch.zeros(n, 1, size, size)
    for _ in range(3):
        row, column, radius, stretch = (
            uniform(low, high, n, 1, 1, 1)
            for low, high in ((-0.8, 0.8), (-0.8, 0.8), (0.15, 0.4), (0.6, 1.6))
        )
        inside = ((y - row) * stretch) ** 2 + ((x - column) / stretch) ** 2 < radius**2
        mask = torch.maximum(mask, inside.float())
    image = 0.3 + 0.4 * mask + uniform(-0.1, 0.1, n, 3, size, size)
    angle, shift = uniform(0, 2 * torch.pi, n, 1, 1, 1), uniform(-0.2, 0.2, n, 1, 1, 1)
    side = (y * torch.sin(angle) + x * torch.cos(angle) > shift).float()
    noise = uniform(0, 1, 2, n, 3, size, size)
    if redundant:
        return PlantedViews(image, image, mask, side)
    return PlantedViews(
        torch.lerp(noise[0], image, side), torch.lerp(image, noise[1], side), mask, side
    )


def encode_views(network: SegmentationNetwork, views: PlantedViews) -> Features:
    """Compute the features of each encoder from its own view."""
    return Features(network.cnn(views.cnn), network.transformer(views.transformer))


def train_planted(
    network: SegmentationNetwork,
    steps: int,
    seed: int,
    redundant: bool = False,
) -> SegmentationNetwork:
    """Train in place on newly drawn pairs; the network is in eval mode afterwards."""
    # In this layout convolutions are a quarter faster on the CPU.
    network.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(network.parameters(), lr=LR, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LR, total_steps=steps)
    for step in range(steps):
        views = planted_views(
            BATCH, network.spec.size, seed * 1_000_003 + step, redundant
        )
        output = network.decode(encode_views(network, views))
        loss = bce_dice(output.logits, views.mask)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return network.eval()
