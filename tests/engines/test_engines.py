"""Which engine and precision compute, and that the fast path has plain numbers."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from stand_ins import STAND_INS

from napari_attnseg import devices
from napari_attnseg.engines.compiled import compare
from napari_attnseg.engines.precision import precision_on
from napari_attnseg.engines.torch import TorchEngine
from napari_attnseg.errors import DeviceError, InputError
from napari_attnseg.inference import Segmenter
from napari_attnseg.models.catalog import MODELS
from napari_attnseg.models.encoders import timms_attention
from napari_attnseg.models.network import SegmentationNetwork, channels_last

IMAGE = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", ["tiny", *STAND_INS])
def test_the_fast_path_has_the_numbers_of_plain_timm(name: str) -> None:
    spec = {**MODELS, **STAND_INS}[name]
    with timms_attention():
        plain = SegmentationNetwork(spec).eval().requires_grad_(False)
    network = SegmentationNetwork(spec).eval().requires_grad_(False)
    network.load_state_dict(plain.state_dict())
    fused = [getattr(m, "fused_attn", None) for m in network.modules()]
    assert False not in fused
    if name == "tiny-swin":
        assert False in [getattr(m, "fused_attn", None) for m in plain.modules()]
    assert compare(TorchEngine(plain), TorchEngine(channels_last(network))).agrees


def test_precision_is_float32_unless_a_gpu_is_asked_for_less() -> None:
    assert precision_on("cpu", "auto") == precision_on("cuda:0", "fp32") == "float32"
    assert precision_on("cuda:0", "auto") == precision_on("mps", "auto") == "float16"
    with pytest.raises(InputError, match="fp32 or auto, got 'int8'"):
        precision_on("cpu", "int8")


def test_what_float16_cannot_hold_is_told(tiny_weights: Path) -> None:
    plain = Segmenter.from_checkpoint(tiny_weights, "cpu")
    less = dataclasses.replace(plain, engine=TorchEngine(plain.network, "float16"))
    gap = np.abs(less(IMAGE).probability - plain(IMAGE).probability).max()
    assert 0 < gap < 0.01
    *_, last, _ = plain.network.decoder.parameters()  # of the logits
    last *= 1e7
    assert np.isfinite(plain(IMAGE).probability).all()
    with pytest.raises(DeviceError, match=r"float16.*choose the precision fp32"):
        less(IMAGE)


def test_autocast_computes_the_same_in_fewer_bits_and_says_so(
    tiny_weights: Path,
) -> None:
    plain = Segmenter.from_checkpoint(tiny_weights, "cpu")
    engine = TorchEngine(plain.network, "bfloat16")
    less = Segmenter(engine, plain.card, "cpu", plain.weights, plain.sha256)
    wanted, found = plain(IMAGE), less(IMAGE)
    assert wanted.provenance["precision"] == "float32"
    assert found.provenance["precision"] == "bfloat16"
    assert found.probability.dtype == found.attention[0].values.dtype == np.float32
    gap = np.abs(found.probability - wanted.probability).max()
    assert 0 < gap < 0.05
    encoded = less.encode(IMAGE)
    assert encoded.pairs[0][0].dtype == torch.bfloat16
    forced = less.decode(encoded, {8: 1.0})
    assert (forced.attention[1].values == 1).all()


def test_without_openvino_it_is_neither_offered_nor_taken(
    tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("devices", "engines", "engines.compiled"):
        name = f"napari_attnseg.{module}.openvino_installed"
        monkeypatch.setattr(name, lambda: False)
    assert devices.segmenting_devices() == devices.available_devices()
    with pytest.raises(DeviceError, match=r"pip install 'napari-attnseg\[openvino\]'"):
        Segmenter.from_checkpoint(tiny_weights, "openvino")
    with pytest.raises(DeviceError, match="'openvino'"):
        devices.resolve_device("openvino")  # training has no such device
