"""Every kind of model trains, and frozen means frozen for each."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from stand_ins import STAND_INS
from torch import nn

from attnseg_training.config import TrainConfig
from attnseg_training.datasets import load_dataset
from attnseg_training.evaluation.evaluate import evaluate
from attnseg_training.fit.fit import fit
from attnseg_training.fit.initial_weights import build_network, run_spec
from attnseg_training.fit.trainer import Trainer, _train_mode
from attnseg_training.gates.columns import column_name
from attnseg_training.gates.faithfulness import faithfulness
from napari_attnseg.checkpoints import load_checkpoint, save_checkpoint
from napari_attnseg.errors import AttnSegError, CheckpointError, InputError
from napari_attnseg.models.catalog import model_spec
from napari_attnseg.models.fusion import FUSIONS
from napari_attnseg.models.network import SegmentationNetwork

pytestmark = pytest.mark.usefixtures("plain_curves")


@pytest.fixture
def config(data_folder: Path) -> TrainConfig:
    return TrainConfig(str(data_folder), epochs=1, batch=4, device="cpu")


@pytest.mark.usefixtures("small_suite")
@pytest.mark.parametrize("name", STAND_INS)
def test_one_epoch_and_an_evaluation(
    name: str, config: TrainConfig, tmp_path: Path
) -> None:
    result = fit(dataclasses.replace(config, model=name), tmp_path / "run")
    data = load_dataset(Path(config.data))
    best = result.folder / "best.safetensors"
    summary = evaluate(best, data, "test", "cpu").summary()
    assert summary["model"] == name and summary["n"] == 3


@pytest.mark.parametrize("name", ["tiny-cnn", "tiny-swin", "tiny-no-attention"])
def test_deep_supervision_and_layer_rates(
    name: str, config: TrainConfig, tmp_path: Path
) -> None:
    settings = {"model": name, "layer_decay": 0.5}
    runs = [
        fit(dataclasses.replace(config, **settings, deep_supervision=w), tmp_path / n)
        for n, w in (("plain", 0.0), ("deep", 1.0))
    ]
    plain, deep = (load_checkpoint(r.folder / "last.safetensors")[0] for r in runs)
    changed = [
        not torch.equal(a, b)
        for a, b in zip(plain.parameters(), deep.parameters(), strict=True)
    ]
    assert any(changed)


@pytest.mark.parametrize("fusion", ["tiny", "tiny-double-attention"])
def test_any_two_encoders_of_timm(
    fusion: str, config: TrainConfig, tmp_path: Path
) -> None:
    names = {"cnn": "test_efficientnet", "transformer": "test_vit"}
    config = dataclasses.replace(config, model=fusion, **names)
    spec = load_checkpoint(fit(config, tmp_path / "run").folder / "last.safetensors")[
        1
    ].spec
    assert (spec.cnn.name, spec.transformer.name) == tuple(names.values())
    assert spec.fusion == model_spec(fusion).fusion and spec.name.startswith(fusion)
    assert spec.transformer.mean == (0.5, 0.5, 0.5)  # its own


@pytest.mark.parametrize("fusion", FUSIONS)
def test_any_fusion_of_the_encoders(fusion: str, config: TrainConfig) -> None:
    spec = run_spec(dataclasses.replace(config, model="tiny", fusion=fusion))
    assert (spec.name, spec.fusion) == (f"tiny-{fusion}", fusion)
    network = SegmentationNetwork(spec).eval()
    assert network.gates == FUSIONS[fusion].gates
    image = torch.rand(1, 3, spec.size, spec.size)
    assert network(image).logits.shape == (1, 1, spec.size, spec.size)


def test_exchanging_encoders_is_refused_in_words(config: TrainConfig) -> None:
    for settings, words in (
        ({"model": "tiny-cnn", "cnn": "resnet18"}, "two"),
        ({"model": "tiny", "cnn": "resnet_18"}, "resnet18"),
        ({"model": "tiny-cnn", "fusion": "none"}, "two"),
        ({"model": "tiny", "fusion": "double_atention"}, "double_attention"),
    ):
        with pytest.raises(AttnSegError, match=words):
            run_spec(dataclasses.replace(config, **settings))


@pytest.mark.parametrize(
    ("name", "encoder"),
    [
        ("tiny", "cnn"),
        ("tiny-double-weighted", "cnn"),
        ("tiny-no-attention", "transformer"),
        ("tiny-cnn", "cnn"),
        ("tiny-swin", "transformer"),
        ("tiny-vit", "transformer"),
        ("tiny-deeplabv3plus", "cnn"),
    ],
)
def test_frozen_means_frozen(name: str, encoder: str, config: TrainConfig) -> None:
    config = dataclasses.replace(config, model=name, freeze=(encoder,), init="x")
    network = SegmentationNetwork(model_spec(name))
    Trainer(network, config, steps=1)
    _train_mode(network, config)
    frozen = network.get_submodule(encoder)
    before = {n: t.clone() for n, t in frozen.state_dict().items()}
    # Eval mode throughout: no stochastic depth, no dropout, BatchNorm as stored.
    assert not any(module.training for module in frozen.modules())
    network(torch.rand(2, 3, 64, 64)).logits.mean().backward()
    assert all(p.grad is None for p in frozen.parameters())
    assert all(torch.equal(t, before[n]) for n, t in frozen.state_dict().items())
    rest = [p for n, p in network.named_parameters() if not n.startswith(encoder)]
    assert rest and all(p.grad is not None for p in rest)
    assert any(isinstance(m, nn.BatchNorm2d) and m.training for m in network.modules())


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("tiny-cnn", {"freeze": ("transformer",), "init": "x"}, "has no transformer"),
        ("tiny-duck-net", {"freeze": ("cnn",), "init": "x"}, "has no cnn"),
        ("tiny-cnn", {"one_sided": 0.5}, "one encoder"),
        ("tiny-no-attention", {"trust_weight": 0.1}, "no gates"),
        ("tiny-double-attention", {"encoder_dropout": 0.1}, "2 gates per level"),
        ("tiny-duck-net", {"deep_supervision": 0.5}, "no blocks for deep_supervision"),
        ("tiny-unet", {"layer_decay": 0.5}, "no encoder apart"),
    ],
)
def test_settings_that_the_model_has_nothing_for_are_refused(
    name: str, settings: dict, words: str, config: TrainConfig
) -> None:
    config = dataclasses.replace(config, model=name, **settings)
    with pytest.raises(InputError, match=words):
        Trainer(SegmentationNetwork(model_spec(name)), config, steps=1)


@pytest.mark.parametrize(
    ("name", "weights", "words"),
    [
        ("tiny-duck-net", "pretrained", "no pretrained weights"),
        ("tiny-cnn", "transformer=a.safetensors", "no transformer"),
    ],
)
def test_weights_for_what_is_not_there_are_refused(
    name: str, weights: str, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        build_network(model_spec(name), weights)


@pytest.mark.parametrize("name", ["tiny-cnn", "tiny-double-attention"])
def test_the_gate_suite_says_what_it_needs(
    name: str, weights_of: Callable[[str], Path], data_folder: Path
) -> None:
    with pytest.raises(InputError, match="one gate per level"):
        faithfulness(weights_of(name), load_dataset(data_folder), "test", device="cpu")


@pytest.mark.usefixtures("small_suite")  # rows are compared, not their intervals
def test_exchanged_ends_give_the_same_suite(
    weights_of: Callable[[str], Path], data_folder: Path, tmp_path: Path
) -> None:
    """The same function with the gate's roles exchanged is the same to the suite."""
    network, card, _ = load_checkpoint(weights_of("tiny"))
    state = network.state_dict()
    other = {}
    for name, value in state.items():
        if ".gate.w_" in name:
            turned = name.replace("w_x", "w_?").replace("w_g", "w_x")
            name = turned.replace("w_?", "w_g")
        # sigmoid(−z) = 1 − sigmoid(z): psi is the transformer's weight now.
        other[name] = -value if ".gate.psi.0" in name else value
    spec = dataclasses.replace(card.spec, fusion="cnn_guided")
    save_checkpoint(tmp_path / "o", other, dataclasses.replace(card, spec=spec))
    data = load_dataset(data_folder)
    (first, rows), (second, others) = (
        faithfulness(weights, data, "test", device="cpu")
        for weights in (weights_of("tiny"), tmp_path / "o")
    )
    assert first["ends"] == second["ends"] == ("transformer", "CNN")
    # Shuffled weights are others; all else is the same but for rounding.
    for key in rows[0]:
        name = column_name(key)
        if name != "image" and "shuffled" not in name:
            np.testing.assert_allclose(
                rows[0][key], others[0][key], atol=2e-3, err_msg=name
            )


def test_encoder_weights_are_refused_in_words(tmp_path: Path) -> None:
    spec = model_spec("tiny")
    with pytest.raises(InputError, match="'scratch', 'pretrained' or"):
        build_network(spec, "imagenet")
    with pytest.raises(CheckpointError, match="check the path"):
        build_network(spec, f"cnn={tmp_path / 'none.safetensors'}")
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(CheckpointError, match="tensors are missing"):
        build_network(spec, f"transformer={tmp_path / 'other.safetensors'}")
