"""Compute a model by OpenVINO, in float32 on the CPU."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from napari_attnseg.devices import OPENVINO
from napari_attnseg.engines.base import Engine
from napari_attnseg.models.fusion import FUSIONS
from napari_attnseg.models.gated import Level, flat, paired
from napari_attnseg.spec import STRIDES, ModelSpec

if TYPE_CHECKING:
    from napari_attnseg.models.network import SegmentationNetwork


class OpenVINOEngine(Engine):
    """Compiled graphs of one model; takes and gives tensors on the CPU.

    Neither timm nor the network's own tensors are loaded, unless `network` is asked
    for.

    Parameters
    ----------
    spec : ModelSpec
    compiled : mapping of str to openvino.CompiledModel
        By the names of `graphs.graphs_of`.
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
        self.gates = FUSIONS[spec.fusion].gates if spec.has_gates else ()
        self.label = f"OpenVINO {openvino.__version__.partition('-')[0]}"
        self._compiled, self._load = dict(compiled), load
        self._network: SegmentationNetwork | None = None
        self._loading = threading.Lock()

    @property
    def network(self) -> SegmentationNetwork:
        """The network in PyTorch, loaded when it is first asked for.

        Raises
        ------
        CheckpointError
            If the weights file is no longer there, or another one.
        """
        with self._loading:
            if self._network is None:
                self._network = self._load()
            return self._network

    def encode(self, batch: Tensor) -> list[Level]:
        """Both encoders, and their projections."""
        return paired(self._run("encode", [batch]), self.dual)

    def psi(self, pairs: Sequence[Level]) -> dict[int, Tensor]:
        """As `SegmentationNetwork.psi`."""
        if not self.gates:
            return {}
        return dict(zip(STRIDES, self._run("gates", flat(pairs)), strict=True))

    def fuse(
        self, pairs: Sequence[Level], gates: Mapping[int, Tensor] | None = None
    ) -> tuple[list[Tensor], dict[int, Tensor]]:
        """All maps and the psi to fuse them with, for `logits`; and that psi."""
        maps = [*flat(pairs)]
        if not self.gates:
            return maps, {}
        forced = gates or {}
        own = {} if set(STRIDES) <= set(forced) else self.psi(pairs)
        attention = {
            stride: forced.get(stride, own.get(stride, maps[0])).expand(
                len(x), len(self.gates), *x.shape[-2:]
            )
            for stride, (x, *_) in zip(STRIDES, pairs, strict=True)
        }
        return [*maps, *attention.values()], attention

    def logits(self, fused: Sequence[Tensor]) -> Tensor:
        """As `SegmentationNetwork.logits`."""
        return self._run("decode", fused)[0]

    def _run(self, name: str, inputs: Sequence[Tensor]) -> list[Tensor]:
        """Run a graph on each image of a batch, which on a CPU is no slower."""
        # A request of its own for each call: threads do not disturb each other.
        request = self._compiled[name].create_infer_request()
        found = []
        for one in range(len(inputs[0])):
            arrays = [np.ascontiguousarray(x[one : one + 1].numpy()) for x in inputs]
            request.infer(arrays, share_inputs=True)
            # Copied: the request keeps its memory for the next image.
            found.append([np.array(out.data) for out in request.output_tensors])
        return [
            torch.from_numpy(np.concatenate(out) if len(out) > 1 else out[0])
            for out in zip(*found, strict=True)
        ]
