"""One run in two processes: the same curve, one writer, stopped and resumed."""

import csv
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import forked
import pytest
import torch

from attnseg_training.config import TrainConfig
from attnseg_training.fit.fit import fit
from attnseg_training.fit.initial_weights import build_network
from napari_attnseg.checkpoints import load_checkpoint
from napari_attnseg.models.catalog import model_spec
from napari_attnseg.models.encoders import synchronise_norms

#: As `accelerate launch`, whose own command also imports torchvision.
ACCELERATE = (
    *(sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu"),
    *("--num_processes", "2", "--num_machines", "1", "--main_process_port", "0"),
    *("--mixed_precision", "no", "--dynamo_backend", "no"),
)


@pytest.fixture
def config(data_folder: Path) -> TrainConfig:
    return TrainConfig(
        str(data_folder),
        model="tiny",
        epochs=4,
        batch=4,
        seed=3,
        device="cpu",
        threads=1,
        lr=5e-3,
        encoder_lr=5e-3,
    )


def losses(run: Path) -> list[float]:
    with (run / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    return [float(row[name]) for row in rows for name in ("loss", "val_loss")]


def command(config: TrainConfig, out: Path) -> list[str]:
    file = out.parent / "settings.toml"
    file.write_text(config.to_toml())
    return [
        *(sys.executable, "-m", "attnseg_training.cli", "fit", "--data", config.data),
        *("--config", str(file), "--out", str(out), "--num-processes", "2"),
    ]


def in_a_group(words: list[str], count: int) -> list[Any]:
    """Run a command in `count` processes, which know each other as by torchrun."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    size = {"WORLD_SIZE": str(count), "LOCAL_WORLD_SIZE": str(count)}
    meeting = {"MASTER_ADDR": "localhost", "MASTER_PORT": str(port), **size}
    started = [
        forked.Popen(
            words,
            env={**os.environ, **meeting, "RANK": rank, "LOCAL_RANK": rank},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in map(str, range(count))
    ]
    return [(*process.communicate(), process.returncode) for process in started]


def test_two_processes_take_the_step_of_one(
    config: TrainConfig, tmp_path: Path
) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text(config.to_toml())
    words = [sys.executable, "-m", "without_chance", str(settings)]
    for name, count in (("one", 1), ("two", 2)):
        for _, said, code in in_a_group([*words, str(tmp_path / name)], count):
            assert code == 0, said
    assert losses(tmp_path / "two") == pytest.approx(losses(tmp_path / "one"), rel=1e-3)


@pytest.mark.usefixtures("plain_curves")
def test_one_writes_and_speaks_and_a_signal_stops_both(
    config: TrainConfig, tmp_path: Path
) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    outputs, errors, codes = zip(*in_a_group(command(config, whole), 2))
    assert codes == (0, 0), errors
    assert "".join(outputs).strip() == str(whole / "best.safetensors")
    for said_once in ("Training settings", "epoch 4/4: "):
        assert "".join(errors).count(said_once) == 1
    # With what depends on the share (BatchNorm, noise): about the curve of one process.
    one = tmp_path / "one"
    fit(config, one)
    assert losses(whole) == pytest.approx(losses(one), rel=0.05)
    # The command also says for others where it is.
    written = {p.name for p in one.iterdir()} | {"progress.json"}
    assert {p.name for p in whole.iterdir()} == written

    running = forked.Popen(command(config, stopped), stderr=subprocess.PIPE, text=True)
    for _ in range(2400):
        if (stopped / "log.csv").exists() or running.poll() is not None:
            break
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=120)
    assert running.returncode == 130, said
    assert said.count("Interrupted; what was finished is kept.") == 1
    assert "Traceback" not in said
    # The other way to start several, which also reaches several machines.
    words = [*ACCELERATE, "-m", *command(config, stopped)[2:], "--resume"]
    done = forked.run(words)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(stopped / "best.safetensors")
    assert done.stderr.count("epoch 4/4: ") == 1
    states = [
        load_checkpoint(out / "last.safetensors")[0].state_dict()
        for out in (whole, stopped)
    ]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_the_command_starts_two_and_ends_as_they_do() -> None:
    done = forked.run([sys.executable, "-m", "launched"])
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Train and evaluate the segmentation models") == 2
    assert done.stdout.splitlines()[-1] == "0"


def test_wrong_use_is_said_once(config: TrainConfig, tmp_path: Path) -> None:
    words = [*command(config, tmp_path / "run"), "--batch", "1"]
    done = forked.run(words)
    group = in_a_group(words, 2)  # as by accelerate launch, which does not look at it
    assert [done.returncode, *(code for *_, code in group)] == [2, 2, 2]
    for said in (done.stderr, "".join(said for _, said, _ in group)):
        assert said.count("one image per process and step, got 1 for 2") == 1
        assert "Traceback" not in said


def test_synchronised_norms_keep_names_and_numbers() -> None:
    spec = model_spec("tiny")
    torch.manual_seed(0)
    network = build_network(spec, "scratch").eval()
    image = torch.rand(1, 3, spec.size, spec.size)
    names, before = list(network.state_dict()), network(image).logits
    synchronise_norms(network)
    found = {type(module) for module in network.modules()}
    assert torch.nn.SyncBatchNorm in found and torch.nn.BatchNorm2d not in found
    assert list(network.state_dict()) == names
    assert torch.equal(network(image).logits, before)
