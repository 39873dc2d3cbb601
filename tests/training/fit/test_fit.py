"""A small real training run: it learns, resumes exactly, and its files open."""

import csv
import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from attnseg_training.config import TrainConfig, read_toml
from attnseg_training.datasets import load_dataset
from attnseg_training.evaluation.evaluate import evaluate
from attnseg_training.fit.batches import Batch
from attnseg_training.fit.callbacks import FitCallbacks
from attnseg_training.fit.fit import fit
from attnseg_training.fit.initial_weights import build_network
from attnseg_training.fit.parameter_groups import parameter_groups
from attnseg_training.fit.trainer import Trainer
from napari_attnseg.cards import read_card
from napari_attnseg.checkpoints import load_checkpoint
from napari_attnseg.errors import (
    CheckpointError,
    DeviceError,
    InputError,
    UnknownNameError,
)
from napari_attnseg.models import catalog
from napari_attnseg.models.network import SegmentationNetwork
from napari_attnseg.run_files import Progress
from napari_attnseg.spec import EncoderSpec, ModelSpec

pytestmark = pytest.mark.usefixtures("plain_curves")


@pytest.fixture
def config(data_folder: Path) -> TrainConfig:
    return TrainConfig(
        str(data_folder),
        model="tiny",
        epochs=2,
        batch=4,
        device="cpu",
        lr=5e-3,
        encoder_lr=5e-3,
        ema=0.8,
    )


def test_learns_discs(config: TrainConfig, tmp_path: Path) -> None:
    seen: list[Progress] = []
    config = dataclasses.replace(config, epochs=25)
    result = fit(config, tmp_path / "run", callbacks=FitCallbacks(watch=seen.append))
    assert result.best_dice > 0.8
    assert {p.name for p in result.folder.iterdir()} == {
        "best.safetensors",
        "last.safetensors",
        "log.csv",
        "curves.png",
        "config.toml",
        "run.json",
        "snapshots",
        "state.pt",
        "state-before.pt",
    }
    pictures = sorted(p.name for p in (result.folder / "snapshots").iterdir())
    assert pictures == [f"epoch-{n:04d}.png" for n in (5, 10, 15, 20, 25)]
    with (result.folder / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(r["epoch"]) for r in rows] == list(range(1, 26))
    assert float(rows[-1]["loss"]) < 0.7 * float(rows[0]["loss"])
    assert [p.epoch for p in seen if p.dice is not None] == list(range(1, 26))
    assert all(p.images_per_s > 0 for p in seen)
    card = read_card(result.folder / "best.safetensors")
    assert card.image_colours in ("colour", "grey")
    assert card.training["epoch"] == result.best_epoch
    assert str(tmp_path) not in card.to_json()  # no path of the machine travels

    report = evaluate(
        result.folder / "best.safetensors", load_dataset(Path(config.data)), "test"
    )
    summary = report.summary()
    assert summary["n"] == 3 and "95 % interval" in summary["protocol"]
    assert summary["dice"]["n"] == 3 and not summary["dice"]["enough"]
    assert summary["dice"]["mean"] > 0.8
    assert summary["dice"]["low"] <= summary["dice"]["mean"] <= summary["dice"]["high"]
    assert report.to_csv().splitlines()[1].startswith("disc09,")


RECIPE = {
    "loss": "structure",
    "deep_supervision": 0.4,
    "accumulate": 2,
    "layer_decay": 0.7,
    "auxiliary_heads": 0.3,
    "gate_fields": 0.5,
}


@pytest.mark.parametrize("options", [{}, RECIPE])
def test_resume_ends_with_the_same_weights(
    config: TrainConfig, tmp_path: Path, options: dict[str, Any]
) -> None:
    config = dataclasses.replace(config, **options)

    class KilledError(Exception):
        pass

    def kill(progress: Progress) -> None:
        if progress.epoch == 2 and progress.step == 1:
            raise KilledError

    fit(config, tmp_path / "whole")
    with pytest.raises(KilledError):
        fit(config, tmp_path / "killed", callbacks=FitCallbacks(watch=kill))
    fit(config, tmp_path / "killed", resume=True)
    whole = load_checkpoint(tmp_path / "whole" / "last.safetensors")[0].state_dict()
    killed = load_checkpoint(tmp_path / "killed" / "last.safetensors")[0].state_dict()
    assert all(torch.equal(whole[name], killed[name]) for name in whole)
    # Whatever it was trained with, it is the model of its card.
    fresh = list(build_network(catalog.MODELS["tiny"], "scratch").state_dict())
    assert list(whole) == fresh


def test_a_run_is_not_resumed_from_another_start(
    config: TrainConfig, tmp_path: Path, tiny_weights: Path
) -> None:
    given = dataclasses.replace(config, init=str(tiny_weights), epochs=1)
    fit(given, tmp_path / "run")
    for other in ({"init": ""}, {"init": "other.safetensors"}):
        with pytest.raises(InputError, match="init was"):
            fit(dataclasses.replace(given, **other), tmp_path / "run", resume=True)
    # The same file at another place is the same start.
    moved = tmp_path / "moved" / tiny_weights.name
    moved.parent.mkdir()
    moved.write_bytes(tiny_weights.read_bytes())
    moved_run = dataclasses.replace(given, init=str(moved))
    assert fit(moved_run, tmp_path / "run", resume=True).best_epoch == 1


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


def test_epochs_that_are_not_measured_leave_no_row(
    config: TrainConfig, tmp_path: Path
) -> None:
    seldom = dataclasses.replace(config, epochs=3, measure_every=2, snapshot_every=0)
    every = fit(dataclasses.replace(seldom, measure_every=1), tmp_path / "every")
    found = fit(seldom, tmp_path / "seldom")
    assert found.best_epoch in (2, 3)
    rows = [
        list(csv.DictReader((run.folder / "log.csv").read_text().splitlines()))
        for run in (every, found)
    ]
    assert [row["epoch"] for row in rows[1]] == ["2", "3"]
    assert [row["val_dice"] for row in rows[0][1:]] == [
        row["val_dice"] for row in rows[1]
    ]


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


def test_run_folders_are_not_mixed_up(config: TrainConfig, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with pytest.raises(InputError, match="Expected a run to resume"):
        fit(config, run, resume=True)
    fit(dataclasses.replace(config, epochs=1), run)
    with pytest.raises(InputError, match="already a run"):
        fit(config, run)
    with pytest.raises(InputError, match="epochs was 1, is 2"):
        fit(config, run, resume=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        fit(config, tmp_path / "file" / "run")


def test_settings_are_checked(tmp_path: Path) -> None:
    config = TrainConfig(
        "d", freeze=("cnn",), encoder_weights="pretrained", epochs=7, lr=0.5
    )
    file = tmp_path / "c.toml"
    file.write_text(config.to_toml())
    assert TrainConfig(**read_toml(file)) == config
    file.write_text("epoch = 3\n")
    with pytest.raises(InputError, match="epoch"):
        read_toml(file)
    with pytest.raises(InputError, match="random weights"):
        TrainConfig("d", freeze=("cnn",))
    with pytest.raises(InputError, match="at least 1"):
        TrainConfig("d", epochs=0)
    with pytest.raises(UnknownNameError, match="mean structure"):
        fit(TrainConfig("d", model="tiny", loss="structur"), tmp_path / "run")
    with pytest.raises(InputError, match="decoder"):
        TrainConfig("d", freeze=("decoder",), encoder_weights="pretrained")


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ('epochs = "5"', "a whole number for epochs, got '5'"),
        ("batch = 4.0", "a whole number for batch"),
        ("seed = true", "a whole number for seed"),
        ('lr = "1e-3"', "a number for lr"),
        ("bf16 = 1", "true or false for bf16"),
        ("model = 3", "text for model"),
        ("freeze = 3", "a list of names for freeze"),
        ('freeze = "cnn"', "a list of names for freeze"),
        ("freeze = [[1]]", "a list of names for freeze"),
        ("seed = -1", "seed between 0 and 4294967295, got -1"),
        ("split_seed = -1", "split_seed between 0 and"),
        ("threads = -1", "threads between 0 and 1024"),
    ],
)
def test_settings_of_another_kind_are_named(
    tmp_path: Path, toml: str, words: str
) -> None:
    file = tmp_path / "c.toml"
    file.write_text(f"lr = 1\n{toml}\n" if "lr" not in toml else toml)
    with pytest.raises(InputError, match=words):
        TrainConfig("d", **read_toml(file))


def test_encoder_weights_are_refused_in_words(tmp_path: Path) -> None:
    spec = catalog.model_spec("tiny")
    with pytest.raises(InputError, match="'scratch', 'pretrained' or"):
        build_network(spec, "imagenet")
    with pytest.raises(CheckpointError, match="check the path"):
        build_network(spec, f"cnn={tmp_path / 'none.safetensors'}")
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match="tensors are missing"):
        build_network(spec, f"transformer={tmp_path / 'other.safetensors'}")
