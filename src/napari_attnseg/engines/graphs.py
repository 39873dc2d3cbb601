"""A network as three graphs of OpenVINO: encoders, gates, decoder.

There are three graphs so that the what-if runs the encoders only once, and so that a
forced psi is decoded by the same graph as the gate's own psi.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor, nn

from napari_attnseg.models.gated import flat, paired
from napari_attnseg.models.network import SegmentationNetwork
from napari_attnseg.spec import STRIDES


class _Encode(nn.Module):
    def __init__(self, network: SegmentationNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        network = self.network
        return flat(network.align(network.encode(image)))


class _Gates(nn.Module):
    def __init__(self, network: SegmentationNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, *maps: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.network.psi(paired(maps, self.network.dual)).values())


class _Decode(nn.Module):
    def __init__(self, network: SegmentationNetwork, maps: int) -> None:
        super().__init__()
        self.network, self.maps = network, maps

    def forward(self, *given: Tensor) -> Tensor:
        maps, psi = given[: self.maps], given[self.maps :]
        forced = dict(zip(STRIDES, psi, strict=True)) if psi else None
        fused, _ = self.network.fuse(paired(maps, self.network.dual), forced)
        return self.network.logits(fused)


@torch.no_grad()
def graphs_of(network: SegmentationNetwork) -> dict[str, Any]:
    """Graphs of a network in eval mode on the CPU, for one image at a time.

    They are converted by OpenVINO's frontend, because `convert_model` would report each
    conversion to Intel.

    Returns
    -------
    dict of str to openvino.Model
        ``encode``, ``gates`` if there are any, ``decode``.
    """
    size = network.spec.size
    image = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    maps = tuple(one.contiguous() for one in _Encode(network)(image))
    found = {"encode": _graph(_Encode(network), (image,))}
    psi: tuple[Tensor, ...] = ()
    if network.gates:
        psi = _Gates(network)(*maps)
        found["gates"] = _graph(_Gates(network), maps)
    found["decode"] = _graph(_Decode(network, len(maps)), (*maps, *psi))
    return found


def _graph(module: nn.Module, inputs: tuple[Tensor, ...]) -> Any:
    import openvino
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    with warnings.catch_warnings():
        # Sizes are constants in a trace, and here they are; newer torch advises its
        # exporter, which needs the compiler.
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # type: ignore[attr-defined]
        warnings.simplefilter("ignore", DeprecationWarning)
        decoder = TorchScriptPythonDecoder(module.eval(), example_input=inputs)
    frontend = FrontEndManager().load_by_framework("pytorch")
    graph = frontend.convert(frontend.load(decoder))
    shapes = [openvino.PartialShape(list(one.shape)) for one in inputs]
    graph.reshape(dict(zip(graph.inputs, shapes, strict=True)))
    return graph
