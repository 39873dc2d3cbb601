"""Interface of all engines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from napari_attnseg.models.gated import Gated, Level

if TYPE_CHECKING:
    from napari_attnseg.models.network import SegmentationNetwork


class Engine(Gated):
    """Model that is ready to compute on tensors of one device.

    Attributes
    ----------
    label : str
        Name and version of the library, for the provenance.
    precision : str
        Of its arithmetic, by torch's name: ``float32``, ``bfloat16``, ``float16``.
    device : str
        Name of the device that chooses this engine; empty where torch's device does.
    asked : str
        Name of the device that was asked for, where this engine stands in for another
        that cannot compute the model; else empty.
    """

    label: str
    precision: str = "float32"
    device: str = ""
    asked: str = ""

    @property
    def network(self) -> SegmentationNetwork:
        """The model in PyTorch, in float32, for what needs gradients or its modules."""
        raise NotImplementedError

    def encode(self, batch: Tensor) -> list[Level]:
        """(N, 3, S, S) RGB in [0, 1] → as `SegmentationNetwork.align`."""
        raise NotImplementedError
