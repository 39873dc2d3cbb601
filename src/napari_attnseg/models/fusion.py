"""Ways to merge the two encoders' maps of one level into one."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from napari_attnseg.models.gates import AttentionGate


class TransformerGuided(nn.Module):
    """fused = psi * x + (1 - psi) * g, x = CNN, g = transformer (equation 3.2).

    The paper's "Swin-guided" variant: psi → 1 uses the CNN's features, psi → 0 the
    transformer's. That is *whose features are used here*, not how important a pixel is.
    """

    #: What psi → 0 and psi → 1 mean.
    ends = ("transformer", "CNN")

    def __init__(self, channels: int, psi_norm: bool = False) -> None:
        super().__init__()
        self.gate = AttentionGate(channels, channels, channels, psi_norm)

    def forward(
        self, cnn: Tensor, transformer: Tensor, psi: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Two maps (N, C, h, w) → fused (N, C, h, w) and the psi (N, 1, h, w) used.

        `psi` given: it is used instead of the gate's own (an intervention).
        """
        if psi is None:
            psi = self.gate(cnn, transformer)
        # Under autocast the three may differ in precision; lerp wants them alike.
        dtype = transformer.dtype
        return torch.lerp(transformer, cnn.to(dtype), psi.to(dtype)), psi


FUSIONS = {"transformer_guided": TransformerGuided}
