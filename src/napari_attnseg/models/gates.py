"""The attention gate (Oktay et al. 2018, Attention U-Net), as the paper uses it.

In the paper's words, the *gating signal* g and the skip features x give *attention
coefficients* psi. Here x and g are the two encoders' maps of one pyramid level.
"""

from __future__ import annotations

from torch import Tensor, nn


class AttentionGate(nn.Module):
    """psi = sigmoid(conv(relu(BN(conv(g)) + BN(conv(x))))) (paper, equation 3.1).

    All convolutions are 1×1 with bias.

    Parameters
    ----------
    x_channels, g_channels : int
        Channels of the skip features and of the gating signal.
    inner : int
        F_int, the channels of the joint space.
    psi_norm : bool
        One-channel BatchNorm before the sigmoid, as in the released code.
    window : int
        Odd side of the neighbourhood over which the sigmoid's input is averaged, so
        that psi cannot follow smaller structures; 1: no averaging, as in the paper.
    """

    def __init__(
        self,
        x_channels: int,
        g_channels: int,
        inner: int,
        psi_norm: bool = False,
        window: int = 1,
    ) -> None:
        super().__init__()
        self.w_x = nn.Sequential(nn.Conv2d(x_channels, inner, 1), nn.BatchNorm2d(inner))
        self.w_g = nn.Sequential(nn.Conv2d(g_channels, inner, 1), nn.BatchNorm2d(inner))
        norm = [nn.BatchNorm2d(1)] if psi_norm else []
        average = nn.AvgPool2d(window, 1, window // 2, count_include_pad=False)
        smooth = [average] if window > 1 else []
        self.psi = nn.Sequential(nn.Conv2d(inner, 1, 1), *norm, *smooth, nn.Sigmoid())
        self.relu = nn.ReLU()

    def forward(self, x: Tensor, g: Tensor) -> Tensor:
        """(N, x_channels, h, w), (N, g_channels, h, w) → psi (N, 1, h, w) in [0, 1]."""
        psi: Tensor = self.psi(self.relu(self.w_g(g) + self.w_x(x)))
        return psi
