"""What every network of the catalog must do, run on stand-ins of real parts."""

import dataclasses

import pytest
import torch
from torch import Tensor

from napari_attnseg.errors import InputError, UnknownNameError
from napari_attnseg.models.catalog import MODELS, model_spec
from napari_attnseg.models.encoders import build_encoder
from napari_attnseg.models.network import SegmentationNetwork
from napari_attnseg.spec import STRIDES, EncoderSpec, ModelSpec

#: A plain ViT beside a CNN that sees another size: the compact model's wiring, small.
_MIXED = dataclasses.replace(
    MODELS["tiny"],
    name="mixed",
    transformer=EncoderSpec("test_vit", 80, blocks=(1, 2, 2, 2)),
    size=80,
    head=(16,),
)
SPECS = {
    "tiny": MODELS["tiny"],
    "psi-norm": dataclasses.replace(MODELS["tiny"], psi_norm=True),
    "mixed": _MIXED,
    "normalised": dataclasses.replace(MODELS["tiny"], normalise=True),
    "three-classes": dataclasses.replace(MODELS["tiny"], classes=3),
}


@pytest.fixture(params=SPECS)
def network(request: pytest.FixtureRequest) -> SegmentationNetwork:
    torch.manual_seed(0)
    return SegmentationNetwork(SPECS[request.param]).eval()


@pytest.fixture
def image(network: SegmentationNetwork) -> Tensor:
    size = network.spec.size
    return torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(1))


def test_output_shapes(network: SegmentationNetwork, image: Tensor) -> None:
    output = network(image)
    assert output.logits.shape == (2, network.spec.classes, *image.shape[-2:])
    assert tuple(output.attention) == STRIDES
    side = network.spec.cnn.size
    for stride, psi in output.attention.items():
        assert psi.shape == (2, 1, side // stride, side // stride)
        assert psi.min() >= 0 and psi.max() <= 1


def test_forward_is_decode_of_encode(
    network: SegmentationNetwork, image: Tensor
) -> None:
    both = network.decode(network.encode(image)).logits
    assert torch.equal(network(image).logits, both)


def test_eval_is_deterministic_and_batch_independent(
    network: SegmentationNetwork, image: Tensor
) -> None:
    with torch.no_grad():
        both, alone = network(image).logits, network(image[1:]).logits
    assert torch.allclose(both[1:], alone, atol=1e-4)


def test_gradients_reach_every_parameter(
    network: SegmentationNetwork, image: Tensor
) -> None:
    network.train()
    output = network(image)
    output.logits.square().mean().backward()
    silent = [n for n, p in network.named_parameters() if p.grad is None]
    assert not silent


def test_state_dict_round_trip(network: SegmentationNetwork, image: Tensor) -> None:
    other = SegmentationNetwork(network.spec).eval()
    before = other(image).logits
    other.load_state_dict(network.state_dict())
    with torch.no_grad():
        assert torch.equal(network(image).logits, other(image).logits)
        assert not torch.equal(before, other(image).logits)


def test_spec_survives_json(network: SegmentationNetwork) -> None:
    assert ModelSpec.from_json(network.spec.to_json()) == network.spec


@pytest.mark.parametrize("stride", STRIDES)
def test_forced_gate_is_used(
    network: SegmentationNetwork, image: Tensor, stride: int
) -> None:
    features = network.encode(image)
    own = network.decode(features)
    forced = network.decode(features, {stride: torch.tensor(1.0)})
    assert torch.all(forced.attention[stride] == 1)
    assert not torch.allclose(own.logits, forced.logits)
    kept = network.decode(features, {stride: own.attention[stride]})
    assert torch.equal(kept.logits, own.logits)


def test_gate_one_ignores_the_transformer(network: SegmentationNetwork) -> None:
    size = network.spec.size
    a, b = torch.rand(2, 1, 3, size, size)
    gates = dict.fromkeys(STRIDES, torch.tensor(1.0))
    mixed = network.encode(a)._replace(transformer=network.encode(b).transformer)
    out = network.decode(mixed, gates).logits
    assert torch.equal(out, network.decode(network.encode(a), gates).logits)
    gates = dict.fromkeys(STRIDES, torch.tensor(0.0))
    out = network.decode(mixed, gates).logits
    assert torch.equal(out, network.decode(network.encode(b), gates).logits)


def test_unknown_names_offer_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="compact"):
        model_spec("compakt")
    with pytest.raises(UnknownNameError, match="resnet34"):
        build_encoder(EncoderSpec("resnet_34", 64))


def test_flat_backbone_is_refused() -> None:
    # A plain ViT has one stride; without `blocks` it cannot feed the decoder.
    with pytest.raises(InputError, match="the decoder needs"):
        build_encoder(EncoderSpec("test_vit", 160))


def test_mean_and_std_are_applied() -> None:
    spec = EncoderSpec("test_resnet", 32, mean=(0.1, 0.2, 0.3), std=(0.5, 0.25, 2.0))
    encoder = build_encoder(spec)
    pixel = encoder.prepare(torch.full((1, 3, 32, 32), 0.6))[0, :, 5, 5]
    assert torch.allclose(pixel, torch.tensor([1.0, 1.6, 0.15]))


def test_normalised_features_are_alike_in_scale() -> None:
    network = SegmentationNetwork(SPECS["normalised"]).eval()
    features = network.encode(torch.rand(1, 3, 64, 64))
    louder = features._replace(cnn=[7 * x for x in features.cnn])
    for x, g in network.align(louder):
        for maps in (x, g):
            torch.testing.assert_close(
                maps.mean(1), torch.zeros_like(maps[:, 0]), atol=1e-4, rtol=0
            )
            assert (maps.std(1, unbiased=False) - 1).abs().median() < 0.05
