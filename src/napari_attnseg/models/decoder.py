"""The U-Net decoder: bilinear ×2, join the fused skip, convolve (paper, figure 4)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def conv_bn_relu(inputs: int, outputs: int) -> nn.Sequential:
    """3×3 convolution with bias, BatchNorm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def upsample(x: Tensor) -> Tensor:
    """Resize by 2, bilinearly, with half-pixel centres (align_corners=False)."""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def projections(inputs: Sequence[int], widths: Sequence[int]) -> nn.ModuleList:
    """Plain 1×1 convolutions, only where the widths differ (paper, figure 4)."""
    return nn.ModuleList(
        nn.Identity() if i == w else nn.Conv2d(i, w, 1)
        for i, w in zip(inputs, widths, strict=True)
    )


class UnetDecoder(nn.Module):
    """Four fused maps to one logit map per class.

    Parameters
    ----------
    skips : sequence of int
        Channels of the fused maps, finest first. The coarsest map is the decoder's
        input, the others are skip connections.
    widths : sequence of int
        Channels of the three blocks, coarsest first.
    head : sequence of int
        Channels of the refinement convolutions, each after an upsampling by 2.
    classes : int
    """

    def __init__(
        self,
        skips: Sequence[int],
        widths: Sequence[int],
        head: Sequence[int],
        classes: int,
    ) -> None:
        super().__init__()
        inputs = skips[-1]
        self.blocks = nn.ModuleList()
        for skip, width in zip(reversed(skips[:-1]), widths, strict=True):
            self.blocks.append(
                nn.Sequential(
                    conv_bn_relu(inputs + skip, width), conv_bn_relu(width, width)
                )
            )
            inputs = width
        self.head = nn.ModuleList()
        for width in head:
            self.head.append(conv_bn_relu(inputs, width))
            inputs = width
        self.logits = nn.Conv2d(inputs, classes, 1)

    def reach(self, level: int, size: int, out: int) -> int:
        """Distance to which a change of the fused map `level` (0: finest) can spread.

        Parameters
        ----------
        level, size : int
            Index of the map, and its pixels per side.
        out : int
            Pixels per side of the logits after their last resize; the distance is in
            these pixels.
        """
        # A bilinear ×2 spreads by one pixel of its output, a 3×3 convolution by one.
        finest = len(self.blocks)
        pixels, scale = 0, 1
        for stage in range(finest - level, finest + 1):
            if stage > finest - level:
                pixels, scale = 2 * pixels + 1, 2 * scale
            if stage:  # the coarsest map goes into the first block only upsampled
                pixels += 2
        for _ in self.head:
            pixels, scale = 2 * pixels + 2, 2 * scale
        return -(-(pixels + 1) * out // (size * scale))

    def forward(self, fused: Sequence[Tensor]) -> Tensor:
        """Maps (N, C_i, h_i, w_i), finest first → logits (N, classes, ·, ·).

        The resolution is that of the finest map, doubled by each convolution of `head`.
        """
        return self.refine(self.stages(fused)[-1])

    def stages(self, fused: Sequence[Tensor]) -> list[Tensor]:
        """Map of each block (N, width, h_i, w_i), coarsest first."""
        x, maps = fused[-1], []
        for block, skip in zip(self.blocks, reversed(fused[:-1]), strict=True):
            x = block(torch.cat([upsample(x), skip], dim=1))
            maps.append(x)
        return maps

    def refine(self, x: Tensor) -> Tensor:
        """Map of the last block → logits."""
        for conv in self.head:
            x = conv(upsample(x))
        logits: Tensor = self.logits(x)
        return logits
