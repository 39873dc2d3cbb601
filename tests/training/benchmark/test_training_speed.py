"""The speed benchmark: that both loops train, and what it writes. No time is judged."""

import dataclasses
import json
import os
import statistics
import sys
from pathlib import Path

import forked
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from attnseg_training.benchmark.textbook_loop import AugmentedFiles, TextbookLoop
from attnseg_training.benchmark.training_speed import (
    FILLING,
    LOADING,
    OURS,
    TEXTBOOK,
    benchmark_training,
)
from attnseg_training.config import TrainConfig
from attnseg_training.datasets import load_dataset
from attnseg_training.fit.initial_weights import build_network
from napari_attnseg.errors import InputError
from napari_attnseg.models import catalog
from napari_attnseg.spec import EncoderSpec


def test_the_command_writes_what_it_prints(data_folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "speed.json"
    arguments = ("--data", data_folder, "--model", "tiny", "--device", "cpu")
    short = ("--steps", "1", "--rounds", "2", "--threads", "1", "--json", file)
    program = (sys.executable, "-m", "attnseg_training.cli", "benchmark", "training")
    done = forked.run(
        [*program, *map(str, arguments), *map(str, short)],
        env={**os.environ, "COLUMNS": "80"},
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(file.read_text())
    assert found["device"] == "cpu" and found["threads"] == 1
    assert {"python", "torch", "timm", "napari-attnseg"} == set(found["versions"])
    assert set(found["seconds_per_round"]) == {TEXTBOOK, OURS, LOADING}
    assert set(found["images_per_s"]) == {TEXTBOOK, OURS}
    loading = found["seconds_per_round"].pop(LOADING)
    parts = zip(loading, found["seconds_per_round"][OURS])
    assert found["loader_share"] == statistics.median(p / whole for p, whole in parts)
    assert 0 < found["loader_share"] < 1
    assert f"take {found['loader_share']:.1%} of a step" in " ".join(
        done.stderr.split()
    )
    for way, seconds in found["seconds_per_round"].items():
        assert len(seconds) == found["rounds"] == 2
        speed = found["images_per_s"][way]
        assert speed == pytest.approx(8 / statistics.median(seconds))
        assert f"{speed:.2f}" in done.stderr
    slow, fast = (found["seconds_per_round"][way] for way in (TEXTBOOK, OURS))
    ratio = statistics.median(s / f for s, f in zip(slow, fast))
    assert found["ratio_whole_run"] == found["ratio"][OURS] == pytest.approx(ratio)


def test_a_frozen_vit_is_cached_and_the_whole_run_counts(
    data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = dataclasses.replace(
        catalog.MODELS["tiny"],
        name="mixed",
        transformer=EncoderSpec("test_vit", 80, blocks=(1, 2, 2, 2)),
        size=80,
        head=(16,),
    )
    monkeypatch.setitem(catalog.MODELS, "mixed", spec)
    vit = tmp_path / "vit.safetensors"
    save_file(build_network(spec, "scratch").transformer.backbone.state_dict(), vit)
    config = TrainConfig(
        str(data_folder),
        model="mixed",
        epochs=10,
        views=4,
        batch=2,
        device="cpu",
        encoder_weights=f"transformer={vit}",
        freeze=("transformer",),
        freeze_norm=True,
    )
    speed = benchmark_training(config, steps=2, rounds=1, bf16=False)
    filling, cached = speed.ratio(FILLING), speed.ratio(OURS)
    assert speed.whole_run() == pytest.approx(10 / (4 / filling + 6 / cached))
    with pytest.raises(InputError, match="at least 10 training images for 5 steps"):
        benchmark_training(config, steps=5)


def test_the_textbook_loop_leaves_ignored_pixels_out(data_folder: Path) -> None:
    """Turned with the mask, and in no loss: else that would be NaN."""
    (data_folder / "dataset.toml").write_text("ignore = 255")
    for path in (data_folder / "masks").iterdir():
        mask = np.asarray(Image.open(path)) > 0
        numbers = mask.astype(np.uint8)
        numbers[mask & (np.indices(mask.shape)[1] % 8 < 4)] = 255
        Image.fromarray(numbers).save(path)
    samples = load_dataset(data_folder).split("train")
    torch.manual_seed(0)
    (mask,) = AugmentedFiles(samples, 64)[0][1]
    void = torch.isnan(mask)
    assert 0 < void.sum() < (64 * 64) / 2
    assert set(mask[~void].tolist()) == {0.0, 1.0}
    network = build_network(catalog.model_spec("tiny"), "scratch")
    config = TrainConfig(str(data_folder), batch=4)
    loss = next(TextbookLoop(network, samples, config, workers=0).epoch())
    assert 0 < loss < 10


def test_the_textbook_loop_learns_and_leaves_alone_what_is_frozen(
    data_folder: Path,
) -> None:
    samples = load_dataset(data_folder).split("train")
    torch.manual_seed(0)
    images = AugmentedFiles(samples, 64)
    for image, mask in (images[i] for i in range(len(samples))):
        # Image and mask are moved alike: the disc is the bright part of both.
        inside, outside = image.mean(0)[mask[0] == 1], image.mean(0)[mask[0] == 0]
        assert inside.mean() > outside.mean() + 0.15
    network = build_network(catalog.model_spec("tiny"), "scratch")
    network.cnn.requires_grad_(False)
    before = {name: value.clone() for name, value in network.cnn.state_dict().items()}
    loop = TextbookLoop(
        network, samples, TrainConfig(str(data_folder), batch=4, lr=3e-3), workers=0
    )
    losses = [loss for _ in range(15) for loss in loop.epoch()]
    assert statistics.mean(losses[-4:]) < 0.7 * statistics.mean(losses[:4])
    after = network.cnn.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
