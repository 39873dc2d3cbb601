"""What every network of the catalog must do, run on stand-ins of real parts."""

import dataclasses
from copy import deepcopy
from functools import cache

import pytest
import torch
from stand_ins import STAND_INS
from torch import Tensor

from napari_attnseg.cards import ModelCard
from napari_attnseg.errors import InputError, UnknownNameError
from napari_attnseg.models.catalog import MODELS, model_spec
from napari_attnseg.models.encoders import build_encoder
from napari_attnseg.models.fusion import FUSIONS
from napari_attnseg.models.network import SegmentationNetwork
from napari_attnseg.spec import STRIDES, EncoderSpec, ModelSpec, Preprocessing

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
    "smooth": dataclasses.replace(MODELS["tiny"], gate_window=24),
    "normalised": dataclasses.replace(MODELS["tiny"], normalise=True),
    "learnt-norm": dataclasses.replace(MODELS["tiny"], learnt_norm=True),
    "three-classes": dataclasses.replace(MODELS["tiny"], classes=3),
    "double-norm": dataclasses.replace(
        STAND_INS["tiny-double-weighted"], psi_norm=True
    ),
    "three-classes-duck": dataclasses.replace(STAND_INS["tiny-duck-net"], classes=3),
    **STAND_INS,
}
GATED = [name for name, spec in SPECS.items() if spec.has_gates]


@cache
def untrained(name: str) -> SegmentationNetwork:
    torch.manual_seed(0)
    return SegmentationNetwork(SPECS[name]).eval()


@pytest.fixture(params=SPECS)
def network(request: pytest.FixtureRequest) -> SegmentationNetwork:
    """Always the same weights; copying is faster than building."""
    copy = deepcopy(untrained(request.param))
    torch.manual_seed(1)  # what a test builds beside it has other weights
    return copy


@pytest.fixture
def image(network: SegmentationNetwork) -> Tensor:
    size = network.spec.size
    return torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(1))


def test_output_shapes(network: SegmentationNetwork, image: Tensor) -> None:
    output = network(image)
    assert output.logits.shape == (2, network.spec.classes, *image.shape[-2:])
    assert tuple(output.attention) == (STRIDES if network.spec.has_gates else ())
    assert bool(network.gates) == network.spec.has_gates
    for stride, psi in output.attention.items():
        side = network.spec.cnn.size // stride
        assert psi.shape == (2, len(network.gates), side, side)
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
        assert torch.equal(network(image).logits, both)
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


def test_spec_and_card_survive_json(network: SegmentationNetwork) -> None:
    assert ModelSpec.from_json(network.spec.to_json()) == network.spec
    card = ModelCard(network.spec, Preprocessing(network.spec.size), data="discs")
    assert ModelCard.from_json(card.to_json()) == card


@pytest.mark.parametrize("network", GATED, indirect=True)
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


@pytest.mark.parametrize("network", GATED, indirect=True)
def test_gates_use_the_encoders_that_their_ends_name(
    network: SegmentationNetwork,
) -> None:
    size = network.spec.size
    a, b = torch.rand(2, 1, 3, size, size)
    mixed = network.encode(a)._replace(transformer=network.encode(b).transformer)
    for encoder, image in (("CNN", a), ("transformer", b)):
        psi = [1.0 * (g.high == encoder) for g in network.gates]
        used = {g.high if p else g.low for g, p in zip(network.gates, psi)}
        assert used <= {encoder, "none"}
        gates = dict.fromkeys(STRIDES, torch.tensor(psi).view(1, -1, 1, 1))
        out = network.decode(mixed, gates).logits
        alone = network.decode(network.encode(image), gates).logits
        assert torch.equal(out, alone)
        assert not torch.allclose(out, network.decode(mixed).logits)


@pytest.mark.parametrize("network", ["tiny", "tiny-res34-guided"], indirect=True)
def test_weight_of_the_cnn_is_known_whichever_end_it_is(
    network: SegmentationNetwork,
) -> None:
    features = network.encode(torch.rand(1, 3, 64, 64))
    (x, g), *_ = network.align(features)
    fused, attention = network.fuse(network.align(features))
    weight = network.psi_of_cnn(attention)[4]
    torch.testing.assert_close(fused[0], weight * x + (1 - weight) * g)
    assert torch.equal(network.cnn_shares(attention)[4], weight)  # its earlier name


@pytest.mark.parametrize("network", ["tiny", "tiny-res34-guided"], indirect=True)
def test_the_effective_share_is_that_of_what_is_added(
    network: SegmentationNetwork,
) -> None:
    torch.manual_seed(0)
    pairs = [
        (3 * torch.randn(2, width, n, n), torch.randn(2, width, n, n))
        for width, n in ((8, 16), (8, 8), (8, 4), (8, 2))
    ]
    psi = {4 * 2**i: torch.rand(2, 1, *x.shape[-2:]) for i, (x, _) in enumerate(pairs)}
    found = network.effective_shares(pairs, psi)
    weight = network.psi_of_cnn(psi)
    for stride, (x, g) in zip(STRIDES, pairs, strict=True):
        # Location by location, without the network's own formula.
        cnn = (weight[stride] * x)[1, :, 1, 0].square().sum().sqrt()
        other = ((1 - weight[stride]) * g)[1, :, 1, 0].square().sum().sqrt()
        share = found[stride][1, 0, 1, 0]
        torch.testing.assert_close(share, cnn / (cnn + other))
        assert found[stride].shape == psi[stride].shape
        # The CNN's features are three times as large: more of the sum is theirs.
        assert (found[stride] >= weight[stride] - 1e-6).float().mean() > 0.99
        half = dict.fromkeys(STRIDES, torch.full((2, 1, 1, 1), 0.5))
        assert 0.7 < network.effective_shares(pairs, half)[stride].mean() < 0.8


@pytest.mark.parametrize("name", ["tiny-no-attention", "tiny-double-weighted"])
def test_the_effective_share_is_not_defined_without_one_gate(name: str) -> None:
    network = SegmentationNetwork(STAND_INS[name]).eval()
    pairs = network.align(network.encode(torch.rand(1, 3, 64, 64)))
    assert network.effective_shares(pairs, network.psi(pairs)) == {}


@pytest.mark.parametrize("name", ["tiny-no-attention", "tiny-double-weighted"])
def test_weight_of_the_cnn_is_refused_without_one_gate(name: str) -> None:
    with pytest.raises(InputError, match="one gate per level"):
        SegmentationNetwork(STAND_INS[name]).psi_of_cnn({})


@pytest.mark.parametrize("name", FUSIONS)
def test_a_spec_knows_whether_its_fusion_has_gates(name: str) -> None:
    """If this fails for a new fusion: name its gates in spec.GATES."""
    spec = dataclasses.replace(MODELS["tiny"], fusion=name)
    assert spec.gates == FUSIONS[name].gates
    assert spec.has_gates == bool(spec.gates)


def test_every_architecture_and_fusion_of_the_catalog_has_a_stand_in() -> None:
    def kinds(specs: dict[str, ModelSpec]) -> set[tuple[str, str]]:
        return {(spec.architecture, spec.fusion) for spec in specs.values()}

    assert kinds(MODELS) == kinds(SPECS)


def test_unknown_names_offer_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="compact"):
        model_spec("compakt")
    with pytest.raises(UnknownNameError, match="resnet34"):
        build_encoder(EncoderSpec("resnet_34", 64))


def test_flat_backbone_is_refused() -> None:
    # A plain ViT has one stride; without `blocks` it cannot feed the decoder.
    with pytest.raises(InputError, match="the decoder needs"):
        build_encoder(EncoderSpec("test_vit", 160))
    vit = EncoderSpec("test_vit", 80, blocks=(1, 2))
    with pytest.raises(InputError, match="one block per level"):
        SegmentationNetwork(dataclasses.replace(_MIXED, transformer=vit))


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


@pytest.mark.parametrize("name", ["tiny", *STAND_INS])
def test_exports_to_torch(name: str) -> None:
    network = untrained(name)
    image = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    exported = torch.export.export(network, (image,), strict=False).module()(image)
    wanted = network(image)
    torch.testing.assert_close(exported.logits, wanted.logits, atol=1e-5, rtol=1e-4)
    assert exported.attention.keys() == wanted.attention.keys()


@pytest.mark.parametrize("name", ["tiny", "tiny-swin"])
def test_the_channel_axis_is_known_and_not_guessed(name: str) -> None:
    """Of 64 px, Swin's first map has 16 rows, columns and channels."""
    encoder = build_encoder(SPECS[name].transformer).eval()
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        first = encoder(image)[0]
        told = encoder.backbone(encoder.prepare(image))[0].permute(0, 3, 1, 2)
    assert first.shape == (1, 16, 16, 16)
    torch.testing.assert_close(first, told)


def test_a_vit_with_register_tokens_takes_timms_state_and_freezes_them() -> None:
    spec = EncoderSpec("vit_small_patch14_reg4_dinov2", 70, blocks=(1, 2, 2, 2))
    small = dataclasses.replace(spec, options=(("depth", 2),))
    encoder = build_encoder(small)
    native = build_encoder(dataclasses.replace(small, size=98))
    state = encoder.from_timm(native.backbone.state_dict())
    assert not encoder.backbone.load_state_dict(state, strict=False).unexpected_keys
    encoder.freeze_first(2)
    left = {name for name, p in encoder.named_parameters() if p.requires_grad}
    assert left == {"backbone.norm.weight", "backbone.norm.bias"}
