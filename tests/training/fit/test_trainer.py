"""A step of training: what it reaches, how fast each part learns, and what stays."""

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from attnseg_training.config import TrainConfig
from attnseg_training.fit.batches import Batch
from attnseg_training.fit.fit import fit
from attnseg_training.fit.initial_weights import build_network
from attnseg_training.fit.parameter_groups import parameter_groups
from attnseg_training.fit.trainer import Trainer
from napari_attnseg.cards import read_card
from napari_attnseg.checkpoints import load_checkpoint
from napari_attnseg.errors import (
    DeviceError,
    InputError,
)
from napari_attnseg.models import catalog
from napari_attnseg.models.network import SegmentationNetwork
from napari_attnseg.spec import EncoderSpec, ModelSpec

pytestmark = pytest.mark.usefixtures("plain_curves")


class FewImages(NamedTuple):
    """Four images and no chance, so that two ways to train on them can be compared."""

    network: SegmentationNetwork
    images: torch.Tensor
    masks: torch.Tensor

    def batch(self, index: list[int], epoch: int) -> Batch:
        return Batch(self.network.encode(self.images[index]), self.masks[index])


def one_step(config: TrainConfig) -> tuple[Trainer, float]:
    torch.manual_seed(0)
    network = build_network(catalog.MODELS["tiny"], "scratch")
    images = torch.rand(4, 3, 64, 64)
    trainer = Trainer(network, config, steps=10)
    views = FewImages(network, images, (images[:, :1] > 0.7).float())
    return trainer, trainer.step(views, [0, 1, 2, 3], 0, 0)  # type: ignore[arg-type]


def test_a_batch_in_pieces_takes_the_same_step(
    config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    # But for BatchNorm, whose batch is a piece, and what stochastic depth draws.
    monkeypatch.setattr(
        "attnseg_training.fit.trainer._train_mode", lambda n, c: n.eval()
    )
    whole, loss = one_step(config)
    pieces, other = one_step(dataclasses.replace(config, accumulate=3))
    assert other == pytest.approx(loss, rel=1e-5)
    for name, gradient in gradients(whole).items():
        torch.testing.assert_close(
            gradients(pieces)[name], gradient, rtol=1e-3, atol=1e-6
        )


def gradients(trainer: Trainer) -> dict[str, torch.Tensor]:
    named = trainer.network.named_parameters()
    return {name: p.grad for name, p in named if p.grad is not None}


def test_deep_supervision_reaches_what_is_before_it(config: TrainConfig) -> None:
    plain, loss = one_step(config)
    deep, more = one_step(dataclasses.replace(config, deep_supervision=0.5))
    assert more > 1.2 * loss
    changed = {
        name
        for name, gradient in gradients(plain).items()
        if not torch.allclose(gradients(deep)[name], gradient)
    }
    assert any(name.startswith("decoder.blocks.0") for name in changed)
    assert deep.state()["deep"].keys() == {
        f"heads.{i}.{part}" for i in range(3) for part in ("weight", "bias")
    }


def test_each_encoder_is_trained_by_a_head_of_its_own(config: TrainConfig) -> None:
    plain, loss = one_step(config)
    heads, more = one_step(dataclasses.replace(config, auxiliary_heads=1.0))
    assert more > loss
    for encoder in ("cnn", "transformer"):
        own = {
            name: torch.allclose(gradient, gradients(plain)[name])
            for name, gradient in gradients(heads).items()
            if name.startswith(encoder)
        }
        assert own and not all(own.values())
    assert not any("auxiliary" in name for name in heads.state()["network"])
    alone = dataclasses.replace(config, model="tiny-cnn", auxiliary_heads=1.0)
    with pytest.raises(InputError, match="has one encoder; auxiliary_heads"):
        Trainer(build_network(catalog.model_spec("tiny-cnn"), "scratch"), alone, 1)


def test_out_of_memory_says_what_would_fit(config: TrainConfig) -> None:
    class Full:
        def batch(self, index: list[int], epoch: int) -> None:
            raise torch.OutOfMemoryError

    trainer, _ = one_step(config)
    with pytest.raises(DeviceError, match=r"batch 4; try --accumulate 2.*--batch 2\."):
        trainer.step(Full(), [0, 1, 2, 3], 0, 0)  # type: ignore[arg-type]


@pytest.fixture
def mixed(monkeypatch: pytest.MonkeyPatch) -> ModelSpec:
    """A model with a plain ViT of a few blocks."""
    spec = dataclasses.replace(
        catalog.MODELS["tiny"],
        name="mixed",
        transformer=EncoderSpec("test_vit", 80, blocks=(1, 2, 2, 2)),
        size=80,
        head=(16,),
    )
    monkeypatch.setitem(catalog.MODELS, "mixed", spec)
    return spec


def test_frozen_transformer_stays_and_its_tokens_are_kept(
    config: TrainConfig,
    mixed: ModelSpec,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = mixed
    vit = build_network(spec, "scratch").transformer
    from safetensors.torch import load_file, save_file

    save_file(vit.backbone.state_dict(), tmp_path / "vit.safetensors")
    config = dataclasses.replace(
        config,
        model="mixed",
        epochs=3,
        views=2,
        encoder_weights=f"transformer={tmp_path / 'vit.safetensors'}",
        freeze=("transformer",),
        freeze_norm=True,
    )
    calls = []
    tokens = type(vit).tokens

    def counted(self: Any, x: torch.Tensor) -> torch.Tensor:
        if not x.is_meta:  # of the look at shapes before the run
            calls.append(len(x))
        return tokens(self, x)

    monkeypatch.setattr(type(vit), "tokens", counted)
    result = fit(config, tmp_path / "run")
    # 8 training images × 2 views and 1 validation image once, not 3 epochs of them.
    assert sum(calls) == 8 * 2 + 1
    trained = load_checkpoint(result.folder / "last.safetensors")[0]
    for name, value in load_file(tmp_path / "vit.safetensors").items():
        assert torch.equal(trained.transformer.backbone.state_dict()[name], value)
    # timm's files have no history.
    card = read_card(result.folder / "last.safetensors")
    assert "encoders_from" not in card.training
    norm = trained.cnn.state_dict()
    fresh = build_network(spec, "scratch").cnn.state_dict()
    frozen = [name for name in norm if "running_mean" in name]
    assert frozen and all(torch.equal(norm[n], fresh[n]) for n in frozen)
    assert not (result.folder / "cache").exists()
    # Kept elsewhere, what the ViT saw serves every seed.
    calls.clear()
    config = dataclasses.replace(config, cache=str(tmp_path / "kept"))
    fit(config, tmp_path / "first")
    assert sum(calls) == 8 * 2 + 1
    fit(dataclasses.replace(config, seed=1), tmp_path / "second")
    assert sum(calls) == 8 * 2 + 1
    # But not a run that computes otherwise; validation is in float32 all the same.
    fit(dataclasses.replace(config, bf16=True), tmp_path / "third")
    assert sum(calls) == 2 * 8 * 2 + 1


def test_first_blocks_stay_and_the_others_learn_in_bfloat16(
    config: TrainConfig, mixed: ModelSpec, tmp_path: Path
) -> None:
    torch.manual_seed(config.seed)
    start = build_network(mixed, "scratch").state_dict()
    config = dataclasses.replace(
        config,
        model="mixed",
        freeze_blocks=1,
        transformer_lr=1e-3,
        bf16=True,
        one_sided=0.5,
        encoder_dropout=0.3,
        trust_weight=0.1,
    )
    result = fit(config, tmp_path / "run")
    trained = load_checkpoint(result.folder / "last.safetensors")[0].state_dict()
    vit = "transformer.backbone."
    kept = [f"{vit}blocks.0.", f"{vit}pos_embed", f"{vit}patch_embed", f"{vit}cls"]
    kept = [n for n in start if n.startswith(tuple(kept))]
    assert len(kept) > 10 and all(torch.equal(start[n], trained[n]) for n in kept)
    learned = f"{vit}blocks.1.mlp.fc1.weight"
    assert not torch.equal(start[learned], trained[learned])
    assert trained[learned].dtype == torch.float32
    with pytest.raises(InputError, match="at most 2, the plain ViT blocks"):
        fit(dataclasses.replace(config, freeze_blocks=3), tmp_path / "deep")
    with pytest.raises(InputError, match="at most 0, the plain ViT blocks of 'tiny'"):
        fit(dataclasses.replace(config, model="tiny"), tmp_path / "swin")


def test_each_encoder_has_a_rate_of_its_own() -> None:
    network = build_network(catalog.MODELS["tiny"], "scratch")
    config = TrainConfig("d", lr=1e-3, encoder_lr=2e-4, transformer_lr=5e-5)
    peak = {
        id(p): (group["peak"], group["weight_decay"] > 0)
        for group in parameter_groups(network, config)
        for p in group["params"]
    }
    expected = {"cnn": 2e-4, "transformer": 5e-5}
    for name, p in network.named_parameters():
        assert peak[id(p)] == (expected.get(name.split(".")[0], 1e-3), p.ndim > 1)
    # The log shows the highest: all of it at the end of the warm-up, then less.
    trainer = Trainer(network, dataclasses.replace(config, warmup=0.1), steps=100)
    assert trainer.lr(10) == pytest.approx(1e-3)
    assert trainer.lr(5) == pytest.approx(5e-4, rel=0.05)
    assert trainer.lr(99) < 1e-6


def test_rates_fall_towards_the_input(mixed: ModelSpec) -> None:
    network = build_network(mixed, "scratch")
    config = TrainConfig("d", lr=1.0, encoder_lr=1.0, layer_decay=0.5)
    peak = {
        id(p): g["peak"] for g in parameter_groups(network, config) for p in g["params"]
    }
    rates = {name: peak[id(p)] for name, p in network.named_parameters()}
    expected = {
        "cnn.backbone.conv1.weight": 0.5**4,
        "cnn.backbone.layer1.0.conv1.weight": 0.5**3,
        "cnn.backbone.layer4.0.conv1.weight": 1.0,
        "transformer.backbone.cls_token": 0.5**2,
        "transformer.backbone.patch_embed.proj.weight": 0.5**2,
        "transformer.backbone.blocks.0.attn.qkv.weight": 0.5,
        "transformer.backbone.blocks.1.attn.qkv.weight": 1.0,
        "transformer.backbone.norm.weight": 1.0,
        "decoder.logits.weight": 1.0,
    }
    found = {name: rates[name] for name in expected if name in rates}
    assert found == {name: rate for name, rate in expected.items() if name in rates}
    assert len(found) >= 8
    swin = build_network(catalog.MODELS["tiny"], "scratch").transformer.depths()
    assert swin["backbone.layers_3.blocks.0.attn.qkv.weight"] == 0
    assert swin["backbone.layers_0.blocks.0.attn.qkv.weight"] == 3
    assert swin["backbone.patch_embed.proj.weight"] == 4


def test_the_optimiser_is_the_fused_one(config: TrainConfig) -> None:
    """Asked for on every device; here that torch has it."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as of:
        one_step(config)
    ran = {event.key for event in of.key_averages()}
    assert "aten::_fused_adamw_" in ran
    assert not {"aten::_foreach_addcdiv_", "aten::addcdiv_"} & ran
