"""Compute a network by PyTorch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_attnseg.engines.base import Engine
from napari_attnseg.errors import DeviceError
from napari_attnseg.models.gated import Level
from napari_attnseg.models.network import SegmentationNetwork
from napari_attnseg.models.swin_windows import spare_copies


class TorchEngine(Engine):
    """Computes with the network itself, in float32 or under autocast.

    Parameters
    ----------
    network : SegmentationNetwork
        Network in eval mode, on the device.
    precision : str
        ``float32``, or the precision of autocast, such as ``float16``.
    asked : str
        As `Engine.asked`.
    """

    def __init__(
        self,
        network: SegmentationNetwork,
        precision: str = "float32",
        asked: str = "",
    ) -> None:
        spare_copies(network)
        self._network, self.precision, self.asked = network, precision, asked
        self.spec, self.gates = network.spec, network.gates
        self._device = next(network.parameters()).device
        self.label = f"PyTorch {torch.__version__}"

    @property
    def network(self) -> SegmentationNetwork:
        """The network."""
        return self._network

    @property
    def threads(self) -> int:
        """Number of threads that torch uses."""
        return torch.get_num_threads()

    def array(self, values: NDArray[np.float32]) -> Tensor:
        """Convert an array to a tensor that shares its memory."""
        return torch.from_numpy(values)

    def computing(self) -> AbstractContextManager[Any]:
        """Return a context in which torch records nothing for gradients."""
        return torch.inference_mode()

    def encode(self, batch: Tensor) -> list[Level]:
        """Run both encoders and their projections."""
        batch = batch.to(self._device)
        with self._autocast(batch):
            return self._network.align(self._network.encode(batch))

    def psi(self, pairs: Sequence[Level]) -> dict[int, Tensor]:
        """Compute psi in float32; see `SegmentationNetwork.psi`."""
        with self._autocast(pairs[0][0]):
            found = self._network.psi(pairs)
        return {stride: psi.float() for stride, psi in found.items()}

    def fuse(
        self, pairs: Sequence[Level], gates: Mapping[int, Tensor] | None = None
    ) -> tuple[list[Tensor], dict[int, Tensor]]:
        """Fuse feature maps; see `SegmentationNetwork.fuse`."""
        with self._autocast(pairs[0][0]):
            return self._network.fuse(pairs, gates)

    def logits(self, fused: Sequence[Tensor]) -> Tensor:
        """Compute logits in float32; see `SegmentationNetwork.logits`.

        Raises
        ------
        DeviceError
            If float16 cannot hold the network's numbers.
        """
        with self._autocast(fused[0]):
            logits = self._network.logits(fused).float()
        if self.precision == "float16" and not bool(logits.isfinite().all()):
            raise DeviceError(
                "Expected the network's numbers within the range of float16, but some "
                "are beyond 65504; choose the precision fp32."
            )
        return logits

    def _autocast(self, like: Tensor) -> AbstractContextManager[Any]:
        if self.precision == "float32":
            return nullcontext()
        return torch.autocast(like.device.type, getattr(torch, self.precision))
