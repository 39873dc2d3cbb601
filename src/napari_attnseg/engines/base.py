"""Interface of all engines."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.arrays import Array
from napari_attnseg.models.gated import Gated, Level

if TYPE_CHECKING:
    from napari_attnseg.models.network import SegmentationNetwork


class Engine(Gated):
    """Model that is ready to compute, on arrays of its own library; see `arrays`.

    Attributes
    ----------
    label : str
        Name and version of the library, for the provenance.
    precision : str
        Precision of its arithmetic, by torch's name: ``float32``, ``bfloat16``,
        ``float16``.
    device : str
        Name of the device that stands for this engine, such as ``openvino``; empty for
        an engine that computes on a device of torch.
    asked : str
        Name of the device that was asked for, if its engine cannot compute the model
        and this engine is used instead; otherwise empty.
    """

    label: str
    precision: str = "float32"
    device: str = ""
    asked: str = ""

    @property
    def threads(self) -> int:
        """Number of CPU threads with which it computes."""
        raise NotImplementedError

    @property
    def network(self) -> SegmentationNetwork:
        """The model in PyTorch, in float32, for code that uses gradients or modules."""
        raise NotImplementedError

    def array(self, values: NDArray[np.float32]) -> Array:
        """Convert a numpy array to what `encode` takes, in CPU memory."""
        raise NotImplementedError

    def encode(self, batch: Array) -> list[Level]:
        """Encode RGB images (N, 3, S, S) in [0, 1]; see `SegmentationNetwork.align`."""
        raise NotImplementedError

    def computing(self) -> AbstractContextManager[Any]:
        """Context manager to use while computing with the engine's arrays."""
        return nullcontext()
