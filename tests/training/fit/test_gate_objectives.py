"""One-sided damage, encoder dropout and the trust loss do what they say, no more."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from attnseg_training.config import TrainConfig, read_toml
from attnseg_training.datasets import load_dataset
from attnseg_training.fit.fit import fit
from attnseg_training.fit.gate_objectives import (
    damage,
    draw_damage,
    dropped_encoder,
    labelled_trust_loss,
    random_gates,
    trust_loss,
    with_damage,
)
from attnseg_training.fit.start import training_splits, without_fold
from attnseg_training.fit.trust_labels import read_trust_labels, write_trust_labels
from attnseg_training.gates.faithfulness import faithfulness
from attnseg_training.release.calibration import calibrate
from attnseg_training.release.export import average, export
from napari_attnseg.cards import read_card
from napari_attnseg.checkpoints import load_checkpoint, save_checkpoint
from napari_attnseg.errors import InputError
from napari_attnseg.models.catalog import model_spec
from napari_attnseg.models.network import SegmentationNetwork
from napari_attnseg.spec import STRIDES


def seeds(n: int) -> list[tuple[int, ...]]:
    return [(0, i) for i in range(n)]


@pytest.mark.parametrize("shape", [(16, 3, 64, 64), (16, 2, 5, 8, 8)])
def test_each_image_is_damaged_for_one_encoder_only(shape: tuple[int, ...]) -> None:
    drawn = draw_damage(seeds(16), 64, share=0.7)
    maps = torch.rand(shape)
    hurt = {e: damage(maps, drawn, e) != maps for e in ("cnn", "transformer")}
    hit = {e: h.flatten(1).any(1) for e, h in hurt.items()}
    assert not (hit["cnn"] & hit["transformer"]).any()
    damaged = hit["cnn"] | hit["transformer"]
    assert torch.equal(damaged, drawn.where.flatten(1).any(1))
    assert hit["cnn"].any() and hit["transformer"].any() and not damaged.all()
    if shape[-1] == 64:
        for h in hurt.values():  # nothing outside the rectangle
            assert not (h.any(1, keepdim=True) & (drawn.where == 0)).any()


def test_draws_repeat_and_follow_their_share() -> None:
    drawn = draw_damage(seeds(400), 64, share=0.3)
    again = draw_damage(seeds(400), 64, share=0.3)
    assert all(torch.equal(a, b) for a, b in zip(drawn[:4], again[:4]))
    assert drawn.seed == again.seed
    severity = drawn.severity.flatten()
    assert severity.min() >= 0.5 and severity.max() == 1
    assert (severity == 1).float().mean() == pytest.approx(0.5, abs=0.08)
    assert drawn.where.flatten(1).any(1).float().mean() == pytest.approx(0.3, abs=0.07)
    forced = [dropped_encoder(np.random.default_rng(i), 0.5) for i in range(400)]
    assert np.mean([bool(f) for f in forced]) == pytest.approx(0.5, abs=0.08)
    values = {float(f[4]) for f in forced if f}
    assert values == {0.0, 1.0} and set(next(filter(None, forced))) == set(STRIDES)


def test_random_gates_give_regions_to_either_encoder() -> None:
    sizes = [(16, 16), (8, 8), (4, 4), (2, 2)]
    drawn = [
        random_gates(np.random.default_rng(i), sizes, 6, rate=0.5) for i in range(200)
    ]
    used = [fields for fields in drawn if fields]
    assert np.mean([bool(f) for f in drawn]) == pytest.approx(0.5, abs=0.1)
    for fields in used:
        assert tuple(fields) == STRIDES
        for field, size in zip(fields.values(), sizes, strict=True):
            assert field.shape == (6, 1, *size)
            assert set(field.unique().tolist()) <= {0.0, 1.0}
    finest = torch.cat([fields[4] for fields in used])
    mixed = (finest.mean((1, 2, 3)) % 1 > 0).float().mean()
    assert 0.5 < mixed < 0.95  # else one encoder has all of the image
    assert finest.mean() == pytest.approx(0.5, abs=0.05)


def test_labelled_trust_turns_psi_to_the_encoder_that_errs_less() -> None:
    logits = torch.zeros(2, 1, 8, 8, requires_grad=True)
    difference = torch.zeros(2, 1, 16, 16)
    difference[:, :, :8] = -0.5  # the CNN errs less in the upper half …
    difference[0, :, 8:, :8] = 0.2  # … the transformer in a quarter of one image
    loss = labelled_trust_loss({4: logits.sigmoid()}, difference)
    loss.backward()
    push = -logits.grad.sign()
    assert (push[:, :, :4] == 1).all() and (push[0, :, 4:, :4] == -1).all()
    assert (push[1, :, 4:] == 0).all()  # where both err alike, nothing is learnt
    assert labelled_trust_loss({4: logits.detach().sigmoid()}, 0 * difference) == 0
    drawn = draw_damage(seeds(16), 64, share=1.0)
    known = with_damage(torch.zeros(16, 1, 16, 16), drawn)
    for i in range(16):  # whoever is damaged errs there
        assert set(known[i].unique().tolist()) == {
            0.0,
            1.0 if drawn.cnn[i] else -1.0,
        }


@pytest.mark.usefixtures("plain_curves")
def test_trust_labels_come_from_runs_that_left_the_image_out(
    data_folder: Path, tmp_path: Path
) -> None:
    config = TrainConfig(
        str(data_folder), "tiny", epochs=1, batch=4, device="cpu", snapshot_every=0
    )
    runs = []
    for fold in range(2):
        runs.append(tmp_path / f"fold-{fold}")
        found = fit(dataclasses.replace(config, folds=2, fold=fold), runs[-1])
        assert (found.train, found.val) == (4, 1)
    train, _ = training_splits(load_dataset(data_folder))
    names = [
        {
            sample.name
            for sample in without_fold(
                train, TrainConfig(**read_toml(run / "config.toml"))
            )[0]
        }
        for run in runs
    ]
    assert not names[0] & names[1]
    assert names[0] | names[1] == {sample.name for sample in train}
    labels = tmp_path / "labels.safetensors"
    assert write_trust_labels(runs, labels, "cpu") == 8
    found = read_trust_labels(labels, sorted(names[0]))
    assert found.shape == (4, 1, 96, 96) and found.abs().sum() > 0
    for wrong, words in (
        ([runs[0], runs[0]], "left out what another one did"),
        ([tmp_path / "learnt"], "left no images out"),
    ):
        if words == "left no images out":
            learnt = dataclasses.replace(
                config, trust_weight=1.0, trust_labels=str(labels), gate_fields=0.5
            )
            fit(learnt, wrong[0])
            card = read_card(wrong[0] / "best.safetensors")
            assert card.training["config"]["trust_labels"] == labels.name
        with pytest.raises(InputError, match=words):
            write_trust_labels(wrong, tmp_path / "no", "cpu")
    with pytest.raises(InputError, match="1 of 2 training images have no trust label"):
        read_trust_labels(labels, [next(iter(names[0])), "elsewhere"])
    with pytest.raises(InputError, match="Expected trust labels"):
        read_trust_labels(tmp_path / "none", [])
    with pytest.raises(InputError, match="folds = 2, fold = 2"):
        TrainConfig("d", folds=2, fold=2)


@pytest.mark.parametrize("together", [True, False])
def test_the_trust_loss_reaches_the_gate_and_leaves_the_decoder_alone(
    together: bool,
) -> None:
    torch.manual_seed(0)
    network = SegmentationNetwork(model_spec("tiny")).train()
    pairs = network.align(network.encode(torch.rand(4, 3, 64, 64)))
    fused, attention = network.fuse(pairs)
    masks = (torch.rand(4, 1, 64, 64) > 0.5).float()
    before = {k: v.clone() for k, v in network.decoder.state_dict().items()}
    rng = np.random.default_rng(0)
    for _ in range(1 if together else 32):  # every gate is drawn at some time
        loss = trust_loss(network, pairs, fused, attention, masks, rng, together)
        loss.backward(retain_graph=True)
    assert all(module.training for module in network.modules())
    for name, value in network.decoder.state_dict().items():
        assert torch.equal(value, before[name])
    assert all(p.grad is None for p in network.decoder.parameters())
    for fusion in network.fusion:
        assert fusion.gate.psi[0].weight.grad.abs().sum() > 0


@pytest.mark.usefixtures("plain_curves", "small_suite")
def test_fit_goes_on_from_weights_with_all_options(
    data_folder: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    config = TrainConfig(
        str(data_folder),
        "tiny",
        epochs=1,
        batch=4,
        device="cpu",
        init=str(tiny_weights),
        one_sided=0.5,
        encoder_dropout=0.3,
        trust_weight=0.2,
    )
    fit(config, tmp_path / "run")
    card = read_card(tmp_path / "run" / "best.safetensors")
    assert card.training["config"]["init"] == tiny_weights.name
    assert card.training["config"]["trust_weight"] == 0.2
    _, _, sha256 = load_checkpoint(tiny_weights)
    assert card.training["started_from"]["weights_sha256"] == sha256
    both, run = tmp_path / "both.safetensors", tmp_path / "run" / "best.safetensors"
    average([tiny_weights, run], both)
    parts = [load_checkpoint(path)[0].state_dict() for path in (tiny_weights, run)]
    mean = load_checkpoint(both)[0].state_dict()
    name = "decoder.logits.weight"
    assert not torch.equal(parts[0][name], parts[1][name])
    torch.testing.assert_close(mean[name], (parts[0][name] + parts[1][name]) / 2)
    assert read_card(both).data == "discs: 8 training, 1 validation image"
    network, card, _ = load_checkpoint(run)
    elsewhere = dataclasses.replace(card, data="other: 5 training, 1 test image")
    save_checkpoint(tmp_path / "o", network.state_dict(), elsewhere)
    average([both, tmp_path / "o", run], tmp_path / "three")
    said = "discs: 8 training, 1 validation image; other: 5 training, 1 test image"
    assert read_card(tmp_path / "three").data == said
    history = read_card(both).training["average_of"]
    assert history[0]["weights_sha256"] == sha256
    assert history[1]["config"]["trust_weight"] == 0.2
    # A temperature was fitted for one of them; their mean has none.
    dataset, warm = load_dataset(data_folder), tmp_path / "warm.safetensors"
    calibrate(run, warm, dataset, "train", "cpu")
    assert read_card(warm).temperature != 1
    average([warm, run], both)
    assert read_card(both).temperature == 1
    # Tensors alone do not say what was measured.
    numbers, _ = faithfulness(run, dataset, "test", device="cpu")
    (tmp_path / "numbers.json").write_text(json.dumps(numbers))
    with pytest.raises(InputError, match="measured at temperature 1"):
        export(warm, both, gates=tmp_path / "numbers.json")
    export(run, both, gates=tmp_path / "numbers.json")
    with pytest.raises(InputError, match="one model"):
        average([tiny_weights, Path("compact")], both)
    with pytest.raises(InputError, match="at least two"):
        average([run], both)
    with pytest.raises(InputError, match="'compact-norm'"):
        fit(
            TrainConfig(str(data_folder), "tiny", init="compact", device="cpu"),
            tmp_path / "other",
        )
    with pytest.raises(InputError, match="one_sided between 0 and 1"):
        TrainConfig("d", one_sided=1.5)


@pytest.mark.parametrize(
    ("option", "content", "words"),
    [
        ("metrics", [{"dice": {}}], "attnseg-train evaluate"),
        ("metrics", {"dice": {}, "gates": {}}, "attnseg-train evaluate"),
        ("gates", {"dice": {}, "threshold_curve": {}}, "attnseg-train faithfulness"),
        ("combination", {"gates": {}}, "attnseg-train faithfulness"),
        ("combination", {"combination": {}, "split": "test"}, "--split val"),
    ],
)
def test_export_takes_only_what_it_asks_for(
    option: str, content: object, words: str, tiny_weights: Path, tmp_path: Path
) -> None:
    (tmp_path / "r.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=words):
        export(tiny_weights, tmp_path / "no", **{option: tmp_path / "r.json"})
    assert not (tmp_path / "no").exists()
