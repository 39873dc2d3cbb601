"""Ways to merge the two encoders' maps of one level into one (paper, table 3)."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from napari_attnseg.models.gates import AttentionGate
from napari_attnseg.spec import GATES, GateEnds


class Fusion(nn.Module):
    """Base of all fusions: gates compute psi from both maps, and `merge` applies it.

    Parameters
    ----------
    channels : int
        Channels of each encoder's map.
    psi_norm, window : bool, int
        As for `AttentionGate`.
    """

    #: Gates of a level, in the order of psi's channels.
    gates: ClassVar[tuple[GateEnds, ...]] = ()
    #: Channels of the fused map per channel of one encoder's.
    widening: ClassVar[int] = 1

    def __init__(self, channels: int, psi_norm: bool = False, window: int = 1) -> None:
        super().__init__()

    def psi(self, cnn: Tensor, transformer: Tensor) -> Tensor:
        """Two maps (N, C, h, w) → attention coefficients (N, gates, h, w)."""
        raise NotImplementedError

    def merge(self, cnn: Tensor, transformer: Tensor, psi: Tensor) -> Tensor:
        """Two maps (N, C, h, w) and psi → fused (N, widening · C, h, w)."""
        raise NotImplementedError

    def forward(
        self, cnn: Tensor, transformer: Tensor, psi: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Two maps (N, C, h, w) → the fused map and the psi (N, gates, h, w) used.

        If `psi` is given, it is used instead of the gates' own (an intervention).
        """
        if psi is None:
            psi = self.psi(cnn, transformer)
        # Under autocast the three may differ in precision; lerp wants them alike.
        dtype = transformer.dtype
        return self.merge(cnn.to(dtype), transformer, psi.to(dtype)), psi


class NoAttention(Fusion):
    """fused = [x, g], side by side: the paper's "No Attention Dual Encoder"."""

    widening = 2

    def psi(self, cnn: Tensor, transformer: Tensor) -> Tensor:
        """Return no psi, (N, 0, h, w): there are no gates."""
        return cnn[:, :0]

    def merge(self, cnn: Tensor, transformer: Tensor, psi: Tensor) -> Tensor:
        """Join both maps along the channels."""
        # The empty psi too: whoever asks for its gradient gets an empty one.
        return torch.cat([cnn, transformer, psi], dim=1)


class TransformerGuided(Fusion):
    """fused = psi * x + (1 - psi) * g, x = CNN, g = transformer (equation 3.2).

    The paper's "Swin-guided" variant: psi → 1 uses the CNN's features, psi → 0 the
    transformer's. That is *whose features are used here*, not how important a pixel is.
    """

    gates = GATES["transformer_guided"]

    def __init__(self, channels: int, psi_norm: bool = False, window: int = 1) -> None:
        super().__init__(channels)
        self.gate = AttentionGate(channels, channels, channels, psi_norm, window)

    def psi(self, cnn: Tensor, transformer: Tensor) -> Tensor:
        """Apply equation 3.1 with the transformer as gating signal."""
        psi: Tensor = self.gate(cnn, transformer)
        return psi

    def merge(self, cnn: Tensor, transformer: Tensor, psi: Tensor) -> Tensor:
        """Apply equation 3.2."""
        return torch.lerp(transformer, cnn, psi)


class CNNGuided(TransformerGuided):
    """`TransformerGuided` with exchanged roles: x = transformer, g = CNN.

    The paper's "Res34-guided" variant: psi → 1 uses the transformer's features.
    """

    gates = GATES["cnn_guided"]

    def psi(self, cnn: Tensor, transformer: Tensor) -> Tensor:
        """Apply equation 3.1 with the CNN as gating signal."""
        return super().psi(transformer, cnn)

    def merge(self, cnn: Tensor, transformer: Tensor, psi: Tensor) -> Tensor:
        """Apply equation 3.2."""
        return super().merge(transformer, cnn, psi)


class DoubleAttention(Fusion):
    """fused = [psi1 * x, psi2 * g]: each encoder's map is weighted by its own gate.

    F_int is an eighth of the channels.
    """

    gates = GATES["double_attention"]
    widening = 2

    def __init__(self, channels: int, psi_norm: bool = False, window: int = 1) -> None:
        super().__init__(channels)
        inner = max(1, channels // 8)
        sizes = channels, channels, inner, psi_norm, window
        self.cnn_gate = AttentionGate(*sizes)
        self.transformer_gate = AttentionGate(*sizes)

    def psi(self, cnn: Tensor, transformer: Tensor) -> Tensor:
        """Compute two gates, each with the other encoder as its gating signal."""
        return torch.cat(
            [self.cnn_gate(cnn, transformer), self.transformer_gate(transformer, cnn)],
            dim=1,
        )

    def merge(self, cnn: Tensor, transformer: Tensor, psi: Tensor) -> Tensor:
        """Multiply each map by its gate's psi, and join both along the channels."""
        return torch.cat([cnn * psi[:, :1], transformer * psi[:, 1:]], dim=1)


class DoubleWeighted(DoubleAttention):
    """fused = [psi1 * x + (1 - psi1) * g, psi2 * g + (1 - psi2) * x].

    The fused map joins both guided variants. A gate is named after the encoder that it
    uses for psi → 1. The paper's "Weighted Double" is the same in the released code.
    """

    gates = GATES["double_weighted"]

    def merge(self, cnn: Tensor, transformer: Tensor, psi: Tensor) -> Tensor:
        """Apply equation 3.2 in both directions, and join along the channels."""
        return torch.cat(
            [
                torch.lerp(transformer, cnn, psi[:, :1]),
                torch.lerp(cnn, transformer, psi[:, 1:]),
            ],
            dim=1,
        )


FUSIONS: dict[str, type[Fusion]] = {
    "none": NoAttention,
    "transformer_guided": TransformerGuided,
    "cnn_guided": CNNGuided,
    "double_attention": DoubleAttention,
    "double_weighted": DoubleWeighted,
}
