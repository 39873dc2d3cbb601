"""Models of the catalog at their real size, on torch's meta device.

The headline model has exactly the parameter counts of the paper's network. Each model
takes half a second to build and count, so all tests that need it stand in this file.
"""

import dataclasses
from functools import cache

import pytest
import torch
from torch import nn

from napari_attnseg.models.catalog import MODELS, model_spec
from napari_attnseg.models.network import SegmentationNetwork
from napari_attnseg.models.summary import build_on_meta, read_counts

WRITE = "python -m napari_attnseg.models.summary --write"


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@cache
def with_psi_norm(name: str) -> SegmentationNetwork:
    return build_on_meta(dataclasses.replace(model_spec(name), psi_norm=True))


@pytest.fixture
def dual() -> SegmentationNetwork:
    return with_psi_norm("dual-swin-guided")


@pytest.mark.parametrize("name", MODELS)
def test_every_model_runs(name: str, on_meta) -> None:
    spec, output = MODELS[name], on_meta(name).output
    assert output.logits.shape == (1, 1, spec.size, spec.size)
    assert bool(output.attention) == spec.has_gates


@pytest.mark.parametrize("name", MODELS)
def test_the_table_of_counts_is_true(name: str, on_meta) -> None:
    assert read_counts().get(name) == on_meta(name).counts, (
        "run python -m napari_attnseg.models.summary --write"
    )


def test_headline_total(dual: SegmentationNetwork) -> None:
    assert count(dual) == 113_083_909


def test_headline_without_psi_norm(on_meta) -> None:
    assert count(on_meta("dual-swin-guided").network) == 113_083_901


def test_headline_parts(dual: SegmentationNetwork) -> None:
    assert count(dual.cnn) + count(dual.transformer) == 108_161_208
    projections = [count(p) for p in dual.transformer_projection]
    assert projections == [0, 32_896, 131_328, 524_800]
    assert count(dual.cnn_projection) == 0
    assert [count(f) for f in dual.fusion] == [33_667, 33_667, 132_867, 527_875]
    blocks = [count(b) for b in dual.decoder.blocks]
    assert blocks == [2_360_832, 590_592, 443_136]
    assert count(dual.decoder.head) == 110_976
    assert count(dual.decoder.logits) == 65


def test_headline_pyramids(dual: SegmentationNetwork) -> None:
    image = torch.empty(1, 3, 384, 384, device="meta")
    features = dual.encode(image)
    sides = [96, 48, 24, 12]
    shapes = [tuple(x.shape[1:]) for x in features.cnn]
    assert shapes == [(c, s, s) for c, s in zip((128, 128, 256, 512), sides)]
    shapes = [tuple(x.shape[1:]) for x in features.transformer]
    assert shapes == [(c, s, s) for c, s in zip((128, 256, 512, 1024), sides)]
    output = dual.decode(features)
    assert output.logits.shape == (1, 1, 384, 384)
    assert [tuple(p.shape) for p in output.attention.values()] == [
        (1, 1, s, s) for s in sides
    ]


#: Parameters at one class, gates with `psi_norm`; GMAC are the command line's.
GOLDEN = {
    "dual-swin-guided": 113_083_909,
    "dual-res34-guided": 113_083_909,
    "dual-no-attention": 121_500_409,
    "dual-double-attention": 121_682_449,
    "dual-double-weighted": 121_682_449,
    "resnet34-unet": 24_448_865,
    "resnet34-no-skip": 23_656_289,
    "swin-b-unet": 99_482_777,
    "swin-b-no-skip": 96_346_713,
    "vit-tiny-scratch": 11_214_305,
    "vit-tiny": 11_215_073,
    "vit-small-scratch": 28_312_481,
    "vit-small": 28_314_017,
    "vit-base-scratch": 94_359_329,
    "vit-base": 94_362_401,
}


@pytest.mark.parametrize("name", GOLDEN)
def test_parameters_are_the_papers(name: str, on_meta) -> None:
    gated = model_spec(name).has_gates
    network = with_psi_norm(name) if gated else on_meta(name).network
    assert count(network) == GOLDEN[name]


@pytest.mark.parametrize("name", ["tiny-no-attention", "tiny-cnn", "tiny-vit"])
def test_psi_norm_adds_nothing_where_there_are_no_gates(name: str) -> None:
    assert count(with_psi_norm(name)) == count(build_on_meta(model_spec(name)))


@pytest.mark.parametrize(("name", "millions"), [("17", 38.9), ("34", 155.3)])
def test_duck_net_is_the_original(name: str, millions: float, on_meta) -> None:
    network = on_meta(f"duck-net-{name}").network
    assert round(count(network) / 1e6, 1) == millions


def test_tiny_is_tiny() -> None:
    assert count(SegmentationNetwork(MODELS["tiny"])) < 1_000_000
