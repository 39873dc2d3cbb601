"""``attnseg-train`` as a user runs it: files, printed numbers, messages, exit codes."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import forked
import numpy as np
import pytest
from PIL import Image

from attnseg_training.config import RECIPES, TrainConfig, read_toml
from napari_attnseg.metrics import dice

Command = Callable[..., subprocess.CompletedProcess[str]]


ENV = {**os.environ, "COLUMNS": "80", "HF_HUB_OFFLINE": "1"}


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "attnseg_training.cli", *map(str, arguments)]


def train(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command as a shell does: takes seconds, so once per exit code."""
    return subprocess.run(command(*arguments), capture_output=True, text=True, env=ENV)


def test_fit_then_evaluate(
    fit: list[str | Path], data_folder: Path, tmp_path: Path, call: Command
) -> None:
    run = tmp_path / "run"
    # From a shell it is run in the test of the wheel.
    done = forked.run(command(*fit, "--out", run), env=ENV)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(run / "best.safetensors")
    (line,) = re.findall("epoch 1/2: .*", done.stderr)
    assert "validation Dice" in line and "images/s, 0:00:" in line
    assert TrainConfig(**read_toml(run / "config.toml")).seed == 3

    page = tmp_path / "report" / "report.html"
    files = ["--json", tmp_path / "r.json", "--csv", tmp_path / "r.csv"]
    files += ["--report", page.parent]
    best = run / "best.safetensors"
    done = call("evaluate", best, "--data", data_folder, "--split", "test", *files)
    assert done.returncode == 0, done.stderr
    summary = json.loads((tmp_path / "r.json").read_text())
    assert summary["n"] == 3 and summary["protocol"]
    for metric in ("dice", "iou", "precision", "recall"):
        assert set(summary[metric]) == {
            *("mean", "sd", "low", "high", "n", "method", "enough")
        }
        assert not summary[metric]["enough"]  # three images
    with (tmp_path / "r.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == ["disc09", "disc10", "disc11"]
    assert np.mean([float(r["dice"]) for r in rows]) == pytest.approx(
        summary["dice"]["mean"]
    )
    assert f"{summary['dice']['mean']:.4f}" in done.stderr
    assert sum(int(r["lesions"]) for r in rows) == summary["detection"]["lesions"]
    assert summary["domain"]["label"] == "in domain"
    assert "neither trained on" in " ".join(done.stderr.split())
    assert done.stdout.strip() == str(page)
    assert f"{summary['dice']['mean']:.3f}" in page.read_text()
    assert (page.parent / "contact_sheet.png").is_file()
    # One of them again, the way a user of the plugin would get it.
    from napari_attnseg import Segmenter

    image = np.asarray(Image.open(data_folder / "images" / "disc09.png"))
    truth = np.asarray(Image.open(data_folder / "masks" / "disc09.png"))
    mask = Segmenter.from_checkpoint(best, "cpu")(image).mask
    assert float(rows[0]["dice"]) == pytest.approx(dice(truth, mask), abs=1e-6)


def test_a_folder_without_splits_is_evaluated_whole(
    data_folder: Path, tiny_weights: Path, tmp_path: Path, call: Command
) -> None:
    for file in (data_folder / "splits").iterdir():
        file.unlink()
    (data_folder / "splits").rmdir()
    done = call(
        *("evaluate", tiny_weights, "--data", data_folder),
        *("--json", tmp_path / "r.json"),
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads((tmp_path / "r.json").read_text())
    assert summary["n"] == 12 and summary["split"] == "all"


def test_interrupted_runs_can_be_resumed(
    fit: list[str | Path], tmp_path: Path, call: Command
) -> None:
    run = tmp_path / "run"
    fit[fit.index("--epochs") + 1] = "8"
    running = forked.Popen(
        command(*fit, "--out", run), stderr=subprocess.PIPE, text=True, env=ENV
    )
    deadline = time.monotonic() + 120
    while not (run / "curves.png").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, stderr = running.communicate(timeout=60)
    assert running.returncode == 130, stderr
    assert "Traceback" not in stderr
    before = len((run / "log.csv").read_text().splitlines())
    assert 1 < before < 9
    done = call("fit", "--data", fit[2], "--out", run, "--resume")
    assert done.returncode == 0, done.stderr
    assert len((run / "log.csv").read_text().splitlines()) == 9


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"--model": "dual-swin-gided"}, "mean dual-swin-guided"),
        ({"--data": "/nowhere"}, "images/ and masks/"),
        ({"--device": "cuda:9"}, "no device 'cuda:9'"),
        ({"--epochs": "0"}, "at least 1"),
        ({"--loss": "dyce"}, "bce_dice"),
        ({"--tracker": "tensorbored"}, "mean tensorboard?"),
        ({"--epochs": "many"}, "string as an integer"),
        ({"--encoder-weights": "imagenet"}, "'scratch', 'pretrained' or"),
        ({"--config": "no-such"}, "TOML file"),
        ({"--cnn": "test_vit"}, "is a plain ViT"),
        ({"--cnn": "swin_tiny"}, "mean swin_tiny_patch4_window7_224?"),
        ({"--cnn": "resnet34.tv"}, "mean tv_in1k"),
        ({"--model": "tiny-deeplabv3plus", "--batch": "1"}, "give --batch 2"),
        ({"--threads": "100000"}, "between 0 and 1024"),
        ({"--seed": str(2**32)}, "between 0 and 4294967295"),
        ({"--init": "no.safetensors"}, "there is no file no.safetensors"),
        ({"--encoder-weights": "cnn=no.safetensors"}, "is not there"),
    ],
)
def test_wrong_use_is_one_sentence(
    fit: list[str | Path],
    tmp_path: Path,
    change: dict[str, str],
    words: str,
    call: Command,
) -> None:
    for name, value in change.items():
        if name in fit:
            fit[fit.index(name) + 1] = value
        else:
            fit += [name, value]
    execute = train if "--epochs" in change else call  # as a process too
    done = execute(*fit, "--out", tmp_path / "run")
    assert done.returncode == 2, done.stderr
    assert words in " ".join(done.stderr.split())
    # No settings and no empty bars before it.
    assert len(done.stderr.splitlines()) == 1 and done.stdout == ""


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("encoder.pth", b"PK\x03\x04", "is a pickle"),
        ("encoder.pkl", b"\x80\x04\x95", "is a pickle"),
        ("encoder.h5", b"\x89HDF\r\n\x1a\n", "is an HDF5 file"),
        ("encoder.onnx", b"\x08\x07\x12\x07", "is another kind of file"),
        ("folder", None, "is a folder"),
    ],
)
def test_other_kinds_of_encoder_weights_are_told_apart(
    fit: list[str | Path],
    tmp_path: Path,
    name: str,
    content: bytes | None,
    words: str,
    call: Command,
) -> None:
    file = tmp_path / name
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
    given = ["--encoder-weights", f"transformer={file}"]
    done = call(*fit, "--out", tmp_path / "run", *given)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert f"{file} {words}" in line


def test_a_file_is_no_data_folder_and_a_folder_no_weights(
    tmp_path: Path, tiny_weights: Path, data_folder: Path, call: Command
) -> None:
    volume = tmp_path / "volume.h5"
    volume.write_bytes(b"\x89HDF\r\n\x1a\n")
    for words in (
        ["fit", "--data", volume, "--out", tmp_path / "run"],
        ["check", volume],
        ["evaluate", tiny_weights, "--data", volume],
    ):
        done = call(*words)
        assert done.returncode == 2
        (line,) = done.stderr.splitlines()
        assert f"{volume} is a file (.h5) and no folder" in line
    done = call("evaluate", tiny_weights.parent, "--data", data_folder)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2 and "it holds" in line and tiny_weights.name in line


def test_settings_and_bars_appear_with_the_first_step(
    fit: list[str | Path],
    tmp_path: Path,
    call: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from attnseg_training.fit.trainer import Trainer
    from napari_attnseg.errors import DeviceError

    def out_of_memory(*args: object) -> float:
        raise DeviceError("Out of memory.")

    assert "Training settings" in call(*fit, "--out", tmp_path / "run").stderr
    monkeypatch.setattr(Trainer, "step", out_of_memory)
    done = call(*fit, "--out", tmp_path / "other")
    assert done.returncode == 2 and "Training settings" in done.stderr
    monkeypatch.setattr(Trainer, "__init__", out_of_memory)
    done = call(*fit, "--out", tmp_path / "third")
    assert (done.returncode, done.stderr) == (2, "Out of memory.\n")


def test_pretrained_says_what_it_downloads_and_what_else_there_is(
    fit: list[str | Path],
    tmp_path: Path,
    call: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The hub's client is told to stay offline, as on a machine without a network.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    fit[fit.index("--model") + 1] = "dual-swin-guided"
    done = call(*fit, "--out", tmp_path / "run", "--encoder-weights", "pretrained")
    assert done.returncode == 2
    said = " ".join(done.stderr.split())
    assert "About to download" in said and "resnet34" in said
    assert "--encoder-weights scratch" in said and "cnn=FILE,transformer=FILE" in said


def test_a_dry_run_says_what_it_would_cost_and_writes_nothing(
    fit: list[str | Path], tmp_path: Path, call: Command
) -> None:
    done = call(*fit, "--out", tmp_path / "run", "--dry-run")
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stderr.split())
    assert "8 training and 1 validation image at 64×64 px" in said
    assert "2 steps, " in said and "for 2 epochs" in said and "GiB" in said
    done = call(*fit, "--out", tmp_path / "run", "--dry-run", "--json")
    found = json.loads(done.stdout)
    assert found["train"] == 8 and found["steps"] == 2 and found["size"] == 64
    assert found["seconds_per_step"] > 0 and found["memory_bytes"] > 2**20
    assert not (tmp_path / "run").exists()
    done = call(*fit, "--out", tmp_path / "run", "--json")
    assert done.returncode == 2 and "add --dry-run" in done.stderr


def test_a_finished_run_is_trained_on(
    fit: list[str | Path], data_folder: Path, tmp_path: Path, call: Command
) -> None:
    from napari_attnseg.cards import read_card, weights_hash

    run, more = tmp_path / "run", tmp_path / "more"
    fit[fit.index("--epochs") + 1] = "1"
    assert call(*fit, "--out", run).returncode == 0
    files = {path: path.read_bytes() for path in run.iterdir() if path.is_file()}
    on = ("fit", "--data", data_folder, "--train-on", run, "--out", more)
    done = call(*on, "--epochs", "2", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert "not those that the earlier run" not in " ".join(done.stderr.split())
    own = TrainConfig(**read_toml(more / "config.toml"))
    assert (own.model, own.batch, own.epochs, own.seed) == ("tiny", 4, 2, 4)
    assert own.init == str(run / "best.safetensors")
    earlier = read_card(more / "best.safetensors").training["started_from"]
    assert earlier["weights_sha256"] == weights_hash(run / "best.safetensors")
    assert earlier["epoch"] == 1 and earlier["config"]["seed"] == 3
    assert files == {path: path.read_bytes() for path in files}

    for wrong, words in (
        (("--out", tmp_path / "x", "--config", "compact"), "leave out --config"),
        (("--out", more), "There is already a run"),
        (("--out", tmp_path / "x", "--train-on", tmp_path), "no config.toml"),
    ):
        options = dict(zip(on[1::2], on[2::2], strict=True))
        options |= dict(zip(wrong[::2], wrong[1::2], strict=True))
        done = call("fit", *(word for pair in options.items() for word in pair))
        assert done.returncode == 2 and words in done.stderr
    (run / "log.csv").unlink()
    done = call(*on[:-1], tmp_path / "x")
    assert done.returncode == 2 and "finished 0 of 1 epochs" in done.stderr
    (run / "log.csv").write_bytes(files[run / "log.csv"])

    # With other images it is said that validation may be flattered.
    (data_folder / "splits" / "train.txt").write_text(
        "\n".join(f"disc0{i}" for i in range(8))
    )
    done = call(*on[:-1], tmp_path / "other", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert "not those that the earlier run" in " ".join(done.stderr.split())


def test_recipes_are_valid() -> None:
    found = list(RECIPES.glob("*.toml"))
    names = {"compact", "compact-gates", "compact-tuned", "compact-trust"}
    names |= {"compact-352", "compact-frozen", "compact-gpu", "compact-all"}
    names |= {"compact-vit", "compact-norm", "compact-norm-tuned"}
    names |= {"paper-tables", "published"}
    assert {path.stem for path in found} == names
    for path in found:
        settings = read_toml(path)
        assert "data" not in settings and "encoder_weights" not in settings
        TrainConfig("data", encoder_weights="pretrained", **settings)
