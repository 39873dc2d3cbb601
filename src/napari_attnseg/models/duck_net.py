"""DUCK-Net (Dumitru, Peteleaza & Craciun 2023), original topology.

Dumitru, R.-G., Peteleaza, D., Craciun, C. Using DUCK-Net for polyp image segmentation.
Scientific Reports 13, 9803 (2023). Every convolution is followed by ReLU and then by
BatchNorm, as in the authors' code.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

_3X3 = (3, 3)


def _convs(
    inputs: int,
    outputs: int,
    kernels: Sequence[tuple[int, int]],
    dilations: Sequence[int],
) -> nn.Sequential:
    """Convolution, ReLU, BatchNorm for each kernel (rows, columns); the size stays."""
    layers: list[nn.Module] = []
    for kernel, dilation in zip(kernels, dilations, strict=True):
        rows, columns = (dilation * (k - 1) for k in kernel)
        # An even kernel needs one pixel more behind than before, as in Keras.
        around = (columns // 2, (columns + 1) // 2, rows // 2, (rows + 1) // 2)
        padded = len(set(around[:2])) > 1 or len(set(around[2:])) > 1
        layers += [
            *([nn.ZeroPad2d(around)] if padded else []),
            nn.Conv2d(
                inputs,
                outputs,
                kernel,
                padding=0 if padded else (rows // 2, columns // 2),
                dilation=dilation,
            ),
            nn.ReLU(inplace=True),
            nn.BatchNorm2d(outputs),
        ]
        inputs = outputs
    return nn.Sequential(*layers)


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions in parallel to a 1×1 one, added and normalised."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.short = nn.Sequential(nn.Conv2d(inputs, outputs, 1), nn.ReLU(inplace=True))
        self.long = _convs(inputs, outputs, [_3X3] * 2, (1, 1))
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, h, w) → (N, outputs, h, w)."""
        out: Tensor = self.norm(self.long(x) + self.short(x))
        return out


def residual_blocks(inputs: int, outputs: int, repeat: int) -> nn.Sequential:
    """`repeat` residual blocks in sequence."""
    return nn.Sequential(
        *(ResidualBlock(outputs if i else inputs, outputs) for i in range(repeat))
    )


class DuckBlock(nn.Module):
    """Six branches of different receptive field, summed between two BatchNorms."""

    #: Kernel of the separated branch.
    size = 6

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.norm_in = nn.BatchNorm2d(inputs)
        self.branches = nn.ModuleList(
            [
                _convs(inputs, outputs, [_3X3] * 3, (1, 2, 3)),
                _convs(inputs, outputs, [_3X3] * 2, (1, 2)),
                *(residual_blocks(inputs, outputs, repeat) for repeat in (1, 2, 3)),
                _convs(inputs, outputs, [(1, self.size), (self.size, 1)], (1, 1)),
            ]
        )
        self.norm_out = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, h, w) → (N, outputs, h, w)."""
        x = self.norm_in(x)
        views = torch.stack([branch(x) for branch in self.branches])
        out: Tensor = self.norm_out(views.sum(0))
        return out


class DuckNet(nn.Module):
    """DUCK-Net: an encoder, a parallel pyramid of strided convolutions, added skips.

    Parameters
    ----------
    width : int
        Channels at full resolution, doubled at each scale: 17 or 34.
    classes : int
        Number of logit maps.
    scales : int
        Number of times that the size is halved; five in the original.
    """

    def __init__(self, width: int, classes: int, scales: int = 5) -> None:
        super().__init__()
        widths = [width * 2**i for i in range(scales + 1)]
        finer, coarser = widths[:-1], widths[1:]
        self.pyramid = nn.ModuleList(
            nn.Conv2d(i, o, 2, stride=2)
            for i, o in zip([3, *widths[1:-1]], coarser, strict=True)
        )
        self.down = nn.ModuleList(
            nn.Conv2d(i, o, 2, stride=2) for i, o in zip(finer, coarser, strict=True)
        )
        self.encoder = nn.ModuleList(
            [DuckBlock(3, width), *(DuckBlock(w, w) for w in widths[1:-1])]
        )
        self.bottom = nn.Sequential(
            residual_blocks(widths[-1], widths[-1], 2),
            residual_blocks(widths[-1], widths[-2], 2),
        )
        # Added skips: what comes up already has the width of the next finer scale.
        outputs = [*reversed(widths[:-2]), width]
        self.decoder = nn.ModuleList(
            DuckBlock(i, o) for i, o in zip(reversed(finer), outputs, strict=True)
        )
        self.logits = nn.Conv2d(width, classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        """(N, 3, S, S), S a multiple of 2**scales → logits (N, classes, S, S)."""
        x, side, skips = image, image, []
        for i, block in enumerate(self.encoder):
            x = block(x)
            skips.append(x)
            side = self.pyramid[i](side)
            x = self.down[i](x) + side
        x = self.bottom(x)
        for block, skip in zip(self.decoder, reversed(skips), strict=True):
            x = block(interpolate(x, scale_factor=2, mode="nearest") + skip)
        logits: Tensor = self.logits(x)
        return logits
