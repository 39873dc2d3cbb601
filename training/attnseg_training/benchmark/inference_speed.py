"""Time one image through a network: attnseg, plain PyTorch, and other libraries."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from attnseg_training.benchmark.machine import facts_of_device
from attnseg_training.benchmark.timing import (
    KINDS,
    Timed,
    kind_of,
    roofline,
    time_in_turns,
)
from napari_attnseg.arrays import Array
from napari_attnseg.checkpoints import load_checkpoint
from napari_attnseg.devices import openvino_installed, resolve_device
from napari_attnseg.engines.base import Engine
from napari_attnseg.engines.compiled import compile_network, largest_difference
from napari_attnseg.engines.precision import precision_on
from napari_attnseg.engines.torch import TorchEngine
from napari_attnseg.models.catalog import model_spec
from napari_attnseg.models.encoders import timms_attention
from napari_attnseg.models.network import SegmentationNetwork, channels_last
from napari_attnseg.models.summary import build_on_meta, count
from napari_attnseg.models.timm_in_parts import import_cured
from napari_attnseg.spec import EncoderSpec, ModelSpec
from napari_attnseg.weights import DEFAULT_WEIGHTS, bundled_weights

PLAIN, OURS, OPENVINO, REDUCED = (
    "plain PyTorch",
    "attnseg",
    "attnseg, OpenVINO",
    "attnseg, --precision auto",
)


@dataclass(frozen=True, slots=True)
class Built:
    """One network on each engine, with the same weights.

    Attributes
    ----------
    plain : SegmentationNetwork
        The network as timm and PyTorch build it, with timm's choice of attention and in
        NCHW layout.
    engines : dict of str to Engine
        Name of a way to compute → engine.
    """

    plain: SegmentationNetwork
    engines: dict[str, Engine]


def build(model: str, device: str) -> Built:
    """Build a network with bundled weights, or a catalog model with random ones.

    Parameters
    ----------
    model : str
    device : str
        Name of the device in torch, such as ``cuda:0``.

    Raises
    ------
    UnknownNameError
        If the catalog has no such model.
    """
    bundled = bundled_weights().get(model)
    if bundled is not None:
        network = load_checkpoint(bundled)[0]
    else:
        spec = model_spec(model)
        torch.manual_seed(0)
        network = SegmentationNetwork(spec).eval().requires_grad_(False)
    with timms_attention():
        plain = SegmentationNetwork(network.spec).eval().requires_grad_(False)
    plain.load_state_dict(network.state_dict())
    engines: dict[str, Engine] = {}
    if device == "cpu" and openvino_installed():
        copied = copy.deepcopy(network)
        engines[OPENVINO] = compile_network(copied, lambda: copied)[0]
    network = channels_last(network.to(torch.device(device)))
    engines = {OURS: TorchEngine(network), **engines}
    reduced = precision_on(device, "auto")
    if reduced != "float32":
        engines[REDUCED] = TorchEngine(network, reduced)
    return Built(plain.to(torch.device(device)), engines)


def benchmark_inference(
    model: str = DEFAULT_WEIGHTS,
    device: str = "auto",
    rounds: int = 7,
    batch: int = 1,
    watch: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Time one batch through a network in each way, in turns.

    Parameters
    ----------
    model : str
        Bundled weights, or a catalog name for random ones.
    device : str
        As for `resolve_device`.
    rounds, batch : int
    watch : callable
        Called with (rounds done, rounds in all).

    Raises
    ------
    AttnSegError
        If model or device cannot be used.
    """
    device = resolve_device(device)
    built = build(model, device)
    spec = built.plain.spec
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(batch, 3, spec.size, spec.size, generator=generator).to(device)

    def plain() -> Any:
        with torch.no_grad():
            return built.plain(image)

    def by(engine: Engine) -> Callable[[], tuple[Array, dict[int, Array]]]:
        def run() -> tuple[Array, dict[int, Array]]:
            with engine.computing():
                fused, psi = engine.fuse(engine.encode(image))
                return engine.logits(fused), psi

        return run

    ways: dict[str, Callable[[], Any]] = {PLAIN: plain}
    ways |= {way: by(engine) for way, engine in built.engines.items()}
    wanted = plain()
    differences = {}
    for way, engine in built.engines.items():
        logits, psi = by(engine)()
        differences[way] = {
            "logits": largest_difference(logits, wanted.logits),
            "psi": max(
                (largest_difference(psi[s], wanted.attention[s]) for s in psi),
                default=0.0,
            ),
        }
    peers, missing = _peers(spec, image)
    timed = time_in_turns(ways | peers, rounds, device, watch)
    per_image = Timed({w: [s / batch for s in t] for w, t in timed.seconds.items()})
    gmac = count(build_on_meta(spec))["gmac"]
    peak = roofline(device)
    return {
        "benchmark": "inference",
        "model": model,
        "weights": "bundled" if model in bundled_weights() else "random",
        **facts_of_device(device),
        "engines": {way: engine.label for way, engine in built.engines.items()},
        "size": spec.size,
        "batch": batch,
        "rounds": rounds,
        "gmac": gmac,
        "gflop_per_s": peak,
        "floor_s": 2 * gmac / max(peak.values()),
        "seconds_per_image": per_image.seconds,
        "median_s": {way: per_image.median(way) for way in per_image.seconds},
        "ratio": {way: per_image.ratio(PLAIN, way) for way in per_image.seconds},
        "largest_difference": differences,
        "not_built": missing,
        "not_measured": [KINDS[kind] for kind in KINDS if kind != kind_of(device)],
    }


def _peers(
    spec: ModelSpec, image: Tensor
) -> tuple[dict[str, Callable[[], Any]], dict[str, str]]:
    """U-Net and UPerNet of segmentation_models.pytorch on each of the encoders.

    At the size that the encoder sees in the model. And why those that are missing could
    not be built.
    """
    try:
        smp: Any = import_cured("segmentation_models_pytorch")
    except ImportError:
        return {}, {"segmentation_models.pytorch": "it is not installed"}
    found: dict[str, Callable[[], Any]] = {}
    missing = {}
    for encoder in spec.encoders:
        name, side = encoder.name.partition(".")[0], encoder.size
        seen = torch.rand(len(image), 3, side, side, device=image.device)
        for kind in ("Unet", "UPerNet"):
            way = f"{kind} of segmentation_models.pytorch, {name} at {side} px"
            try:
                model = _peer(getattr(smp, kind), encoder, spec).to(image.device)
                with torch.no_grad():
                    model(seen)
            except Exception as error:  # each library has errors of its own
                missing[way] = (str(error) or type(error).__name__).splitlines()[0]
                continue
            found[way] = _without_gradients(model, seen)
    return found, missing


def _peer(kind: Any, encoder: EncoderSpec, spec: ModelSpec) -> nn.Module:
    name = encoder.name.partition(".")[0]
    options: dict[str, Any] = {"img_size": encoder.size} if "swin" in name else {}
    with timms_attention():
        model: nn.Module = kind(
            f"tu-{name}", encoder_weights=None, classes=spec.classes, **options
        )
    return model.eval()


def _without_gradients(model: nn.Module, image: Tensor) -> Callable[[], Any]:
    def run() -> Any:
        with torch.no_grad():
            return model(image)

    return run
