"""Compute a model by OpenVINO, in float32 on the CPU."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.arrays import Array, concatenate, to_numpy
from napari_attnseg.devices import OPENVINO
from napari_attnseg.engines.base import Engine
from napari_attnseg.models.gated import Level, flat, paired
from napari_attnseg.spec import STRIDES, ModelSpec

if TYPE_CHECKING:
    from napari_attnseg.models.network import SegmentationNetwork


class OpenVINOEngine(Engine):
    """Computes a model with its compiled graphs, on numpy arrays.

    Neither torch nor the network's own tensors are loaded, unless `network` is used.

    Parameters
    ----------
    spec : ModelSpec
    compiled : mapping of str to openvino.CompiledModel
        Compiled graphs, by the names that `graphs.graphs_of` gives them.
    load : callable
        Loads the same network in PyTorch.
    """

    device = OPENVINO

    def __init__(
        self,
        spec: ModelSpec,
        compiled: Mapping[str, Any],
        load: Callable[[], SegmentationNetwork],
    ) -> None:
        import openvino

        self.spec = spec
        self.gates = spec.gates
        self.label = f"OpenVINO {openvino.__version__.partition('-')[0]}"
        self._compiled, self._load = dict(compiled), load
        self._network: SegmentationNetwork | None = None
        self._loading = threading.Lock()

    @property
    def network(self) -> SegmentationNetwork:
        """The network in PyTorch, loaded on first access.

        Raises
        ------
        CheckpointError
            If the weights file is missing or has changed.
        """
        with self._loading:
            if self._network is None:
                self._network = self._load()
            return self._network

    @property
    def threads(self) -> int:
        """Number of threads with which the graphs were loaded."""
        return int(self._compiled["encode"].get_property("INFERENCE_NUM_THREADS"))

    def array(self, values: NDArray[np.float32]) -> Array:
        """Return the values unchanged: the graphs take numpy arrays."""
        return values

    def encode(self, batch: Array) -> list[Level]:
        """Run both encoders and their projections."""
        return paired(self._run("encode", [batch]), self.dual)

    def psi(self, pairs: Sequence[Level]) -> dict[int, Array]:
        """Compute psi; see `SegmentationNetwork.psi`."""
        if not self.gates:
            return {}
        return dict(zip(STRIDES, self._run("gates", flat(pairs)), strict=True))

    def fuse(
        self, pairs: Sequence[Level], gates: Mapping[int, Array] | None = None
    ) -> tuple[list[Array], dict[int, Array]]:
        """Return the input of `logits`, which holds all maps and psi, and this psi."""
        maps = [*flat(pairs)]
        if not self.gates:
            return maps, {}
        forced = gates or {}
        own = {} if set(STRIDES) <= set(forced) else self.psi(pairs)
        attention = {
            stride: np.broadcast_to(
                to_numpy(forced.get(stride, own.get(stride, maps[0]))),
                (len(x), len(self.gates), *x.shape[-2:]),
            ).copy()
            for stride, (x, *_) in zip(STRIDES, pairs, strict=True)
        }
        return [*maps, *attention.values()], attention

    def logits(self, fused: Sequence[Array]) -> Array:
        """Compute logits; see `SegmentationNetwork.logits`."""
        return self._run("decode", fused)[0]

    def _run(self, name: str, inputs: Sequence[Array]) -> list[Array]:
        """Run a graph on each image of a batch, which on a CPU is no slower."""
        # A request of its own for each call: threads do not disturb each other.
        request = self._compiled[name].create_infer_request()
        found = []
        for one in range(len(inputs[0])):
            part = slice(one, one + 1)
            arrays = [np.ascontiguousarray(to_numpy(x[part])) for x in inputs]
            request.infer(arrays, share_inputs=True)
            # Copied: the request keeps its memory for the next image.
            found.append([np.array(out.data) for out in request.output_tensors])
        return [concatenate(out) for out in zip(*found, strict=True)]
