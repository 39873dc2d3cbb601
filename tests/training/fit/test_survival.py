"""A run that is killed, stopped or damaged goes on and ends as if nothing had been."""

import dataclasses
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import forked
import numpy as np
import pytest
import torch
from PIL import Image

from attnseg_training.config import TrainConfig
from attnseg_training.datasets import load_dataset
from attnseg_training.datasets.image_store import ImageStore
from attnseg_training.fit.callbacks import FitCallbacks
from attnseg_training.fit.fit import fit
from attnseg_training.fit.token_cache import TokenCache
from attnseg_training.runs.folder import RunFolder
from napari_attnseg.checkpoints import load_checkpoint
from napari_attnseg.errors import CheckpointError, InputError
from napari_attnseg.models.encoders import PlainViTEncoder, build_encoder
from napari_attnseg.run_files import STATE_FILES, EndReason, RunState, RunStatus
from napari_attnseg.spec import EncoderSpec

if sys.platform != "win32":
    import resource

Process = subprocess.Popen[str] | forked.ForkedPopen


@pytest.fixture
def config(data_folder: Path) -> TrainConfig:
    # A state after every step; stochastic depth and all that draws is on.
    return TrainConfig(
        str(data_folder),
        model="tiny",
        epochs=4,
        batch=2,
        device="cpu",
        threads=1,
        save_every=0,
        one_sided=0.5,
        encoder_dropout=0.3,
        trust_weight=0.1,
    )


def start(config: TrainConfig, out: Path) -> Process:
    """Start ``attnseg-train fit`` in a process of its own."""
    file = out.parent / "settings.toml"
    file.write_text(config.to_toml())
    words = [sys.executable, "-m", "attnseg_training.cli", "fit", "--out", str(out)]
    words += ["--config", str(file), "--data", config.data]
    return forked.Popen(words, stderr=subprocess.PIPE, text=True)


def wait_for(process: Process, happened: Callable[[], bool]) -> None:
    for _ in range(1200):
        if happened():
            return
        assert process.poll() is None, process.stderr and process.stderr.read()
        time.sleep(0.05)
    pytest.fail("the run never came that far")


def second_epoch(out: Path) -> Callable[[], bool]:
    log = out / "log.csv"
    return lambda: log.is_file() and "\n1," in log.read_text()


SameEnd = Callable[[TrainConfig, Path], None]


@pytest.fixture
def assert_same_end(
    trained: Callable[[str, Callable[[Path], object]], Path], plain_curves: None
) -> SameEnd:
    """Resume a run: it ends as one that was never stopped, which is trained once."""

    def check(config: TrainConfig, resumed: Path) -> None:
        # Where the images lie changes nothing of what is learned.
        name = f"whole-{config.epochs}-{config.save_every:g}"
        whole = trained(name, lambda folder: fit(config, folder))
        expect_same_end(config, resumed, whole)

    return check


def expect_same_end(config: TrainConfig, resumed: Path, whole: Path) -> None:
    fit(config, resumed, resume=True)
    states = [
        load_checkpoint(out / "last.safetensors")[0].state_dict()
        for out in (whole, resumed)
    ]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    logs = [(out / "log.csv").read_text().splitlines() for out in (whole, resumed)]
    assert len(logs[0]) == len(logs[1]) == 1 + config.epochs
    for one, other in zip(*logs):  # but for how long it took
        assert one.split(",")[:6] == other.split(",")[:6]


def test_killed_within_an_epoch(
    config: TrainConfig, tmp_path: Path, assert_same_end: SameEnd
) -> None:
    out = tmp_path / "killed"
    process = start(config, out)
    wait_for(process, second_epoch(out))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    status = RunStatus.read(out)
    assert status is not None and status.state is RunState.RUNNING
    state = RunFolder(out).load_state("cpu")
    assert state is not None and state["epoch"] < config.epochs
    assert_same_end(config, out)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_by_a_signal(
    config: TrainConfig,
    tmp_path: Path,
    number: signal.Signals,
    assert_same_end: SameEnd,
) -> None:
    # States at the ends of epochs only, but for the one that the signal asks for.
    config = dataclasses.replace(config, save_every=60, epochs=8)
    out = tmp_path / "stopped"
    process = start(config, out)
    wait_for(process, second_epoch(out))
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Stopping after this step" in said and "what was finished is kept" in said
    assert "Traceback" not in said
    status = RunStatus.read(out)
    assert status is not None and status.state is RunState.STOPPED
    assert status.reason is EndReason.INTERRUPT and status.place is not None
    state = RunFolder(out).load_state("cpu")
    assert state is not None and 1 <= state["epoch"] < config.epochs
    assert_same_end(config, out)


def break_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


def test_a_damaged_state_gives_way_to_the_one_before(
    config: TrainConfig,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    assert_same_end: SameEnd,
) -> None:
    class KilledError(Exception):
        pass

    def kill(progress: object) -> None:
        if (progress.epoch, progress.step) == (3, 3):  # type: ignore[attr-defined]
            raise KilledError

    out = tmp_path / "damaged"
    with pytest.raises(KilledError):
        fit(config, out, callbacks=FitCallbacks(watch=kill))
    whole = RunFolder(out).load_state("cpu")
    assert whole is not None and (whole["epoch"], whole["step"]) == (2, 2)
    break_byte(out / STATE_FILES[0])
    found = RunFolder(out).load_state("cpu")
    assert found is not None and (found["epoch"], found["step"]) == (2, 1)
    assert "state.pt (BadZipFile: wrong checksum" in caplog.text
    assert "epoch 3, step 1" in caplog.text
    (out / STATE_FILES[0]).write_bytes((out / STATE_FILES[0]).read_bytes()[:1000])
    assert_same_end(config, out)
    for name in STATE_FILES:
        break_byte(out / name)
    with pytest.raises(CheckpointError, match=r"state\.pt .* and state-before\.pt"):
        fit(dataclasses.replace(config), out, resume=True)


@pytest.mark.skipif(sys.platform == "win32", reason="has no such limit")
def test_a_full_disk_keeps_what_is_good(
    config: TrainConfig,
    tmp_path: Path,
    assert_same_end: SameEnd,
    in_process: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    class KilledError(Exception):
        pass

    def kill(progress: object) -> None:
        if (progress.epoch, progress.step) == (2, 2):  # type: ignore[attr-defined]
            raise KilledError

    out = tmp_path / "full"
    with pytest.raises(KilledError):
        fit(config, out, callbacks=FitCallbacks(watch=kill))
    before = (out / "best.safetensors").read_bytes()
    # As on a full disk: weights still fit, a state does not.
    limit = (len(before) + (out / STATE_FILES[0]).stat().st_size) // 2
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        done = in_process("fit", "--out", out, "--data", config.data, "--resume")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
    assert "state.pt cannot be written (File too large)" in done.stderr
    status = RunStatus.read(out)
    assert status is not None and status.state is RunState.FAILED
    assert status.reason is EndReason.ERROR
    assert status.message == done.stderr.strip().splitlines()[-1]
    assert not list(out.glob(".*"))  # no half-written file takes the last space
    assert (out / "best.safetensors").read_bytes() == before
    state = RunFolder(out).load_state("cpu")
    assert state is not None and (state["epoch"], state["step"]) == (1, 1)
    assert_same_end(config, out)


@pytest.mark.skipif(sys.platform == "win32", reason="has no such limit")
def test_a_cache_that_does_not_fit_is_refused_at_once(
    tmp_path: Path, data_folder: Path
) -> None:
    store = ImageStore(load_dataset(data_folder).split("test")[:2], 80)
    folder = tmp_path / "cache"
    spec = EncoderSpec("test_vit", 80, blocks=(1, 2, 2, 2))
    encoder = build_encoder(spec)
    assert isinstance(encoder, PlainViTEncoder)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
        with pytest.raises(InputError, match=r"tokens in .* File too large"):
            TokenCache(folder, encoder, store, views=50)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(folder.rglob("*.*"))
    cache = TokenCache(folder, encoder, store, views=50)
    image = torch.rand(1, 3, 80, 80)
    tokens = cache.tokens(image, [1], 49)
    again = TokenCache(folder, encoder, store, views=50)
    # Views that are drawn otherwise are other images, and so are other pixels.
    other = TokenCache(folder, encoder, store, views=50, drawn=(1, True, 1.4))
    assert not other.complete([1], 49)
    for path in (data_folder / "images").iterdir():
        Image.fromarray(255 - np.asarray(Image.open(path))).save(path)
    changed = ImageStore(load_dataset(data_folder).split("test")[:2], 80)
    assert changed.names == store.names
    assert not TokenCache(folder, encoder, changed, views=50).complete([1], 49)
    assert again.complete([1], 49) and not again.complete([0], 49)
    assert torch.equal(again.tokens(image, [1], 49), tokens)
