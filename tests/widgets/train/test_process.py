"""A training run from its folder: real runs of seconds, started as the widget does."""

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from napari_attnseg._widgets.base.pace import time_words
from napari_attnseg._widgets.train.options import (
    Choices,
    declared_settings,
    encoder_files,
    recipes,
    suggest_folder,
)
from napari_attnseg._widgets.train.process import KILLED, TrainingRun, end_children
from napari_attnseg._widgets.train.status import (
    NOTHING,
    Look,
    sentence,
)
from napari_attnseg.cards import read_card
from napari_attnseg.errors import InputError
from napari_attnseg.run_files import (
    EndReason,
    LogRow,
    RunFiles,
    RunState,
    RunStatus,
)
from napari_attnseg.weights import DEFAULT_WEIGHTS

LONG = 500


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "run"
    end_children()


def choices(data: Path, out: Path, epochs: int, more: str = "") -> Choices:
    device = "cpu"
    return Choices(data, out, recipes()["tiny"], (), epochs, 4, device, more)


def wait(run: TrainingRun, happened: Callable[[Look], bool]) -> Look:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        look = run.look()
        if happened(look):
            return look
        time.sleep(0.1)
    pytest.fail(f"never happened: {run.look()}")


def ended(look: Look) -> bool:
    return not look.state.active


def test_a_run_is_watched_to_its_end(data_folder: Path, folder: Path) -> None:
    run = TrainingRun(folder)
    assert run.look() == NOTHING
    run.start(choices(data_folder, folder, 3, "--seed 5").options())
    assert run.look().state == "starting"
    with pytest.raises(InputError, match="in progress"):
        run.start(choices(data_folder, folder, 3).options())
    place = wait(run, lambda look: look.place is not None or ended(look)).place
    assert place is not None and place.epochs == 3 and place.steps == 2
    done = wait(run, ended)
    assert done.state == "done", done
    assert [epoch.epoch for epoch in done.epochs] == [1, 2, 3]
    assert all(0 <= e.val_dice <= 1 and e.loss > 0 for e in done.epochs)
    best = max(done.epochs, key=lambda epoch: epoch.val_dice)
    measured = read_card(folder / "best.safetensors").training["data"]["val"]
    assert done.said == (
        f"Done: 3 epochs. Best validation Dice {best.val_dice:.3f} on {measured} "
        f"image{'s' if measured > 1 else ''}, in epoch {best.epoch}."
    )
    assert "epoch 3/3" in done.log and "\x1b" not in done.log
    assert done.weights == folder / "best.safetensors"
    assert read_card(done.weights).training["config"]["seed"] == 5
    assert not done.resumable and done.data == str(data_folder)


@pytest.mark.usefixtures("forked_runs")
def test_reconnect_stop_and_resume(data_folder: Path, folder: Path) -> None:
    TrainingRun(folder).start(choices(data_folder, folder, LONG).options())
    run = TrainingRun(folder)  # as after napari was closed and opened again
    place = wait(run, lambda look: len(look.epochs) >= 2).place
    assert place is not None and place.seconds_left and place.seconds_left > 0
    run.stop()
    assert run.look().state == "stopping"
    stopped = wait(run, ended)
    assert stopped.state == "stopped" and stopped.resumable
    status = RunStatus.read(folder)
    assert status is not None and status.reason is EndReason.INTERRUPT
    assert "what was finished is kept" in stopped.log
    assert 2 <= len(stopped.epochs) < LONG
    run.resume(data_folder, "cpu")
    wait(run, lambda look: len(look.epochs) > len(stopped.epochs) + 1)
    # The way there is where no signal can be sent.
    (folder / "stop").touch()
    again = wait(TrainingRun(folder), ended)
    assert again.state == "stopped" and not (folder / "stop").exists()
    assert len(again.epochs) > len(stopped.epochs)


@pytest.mark.usefixtures("forked_runs")
def test_a_stop_while_it_starts_is_kept(
    data_folder: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The signal may be lost while Python imports; the wish is not."""
    monkeypatch.setattr(psutil.Process, "send_signal", lambda *_: None)
    run = TrainingRun(folder)
    run.start(choices(data_folder, folder, LONG).options())
    run.stop()
    assert run.look().state == "stopping"
    # Whoever looks says so, not only the one that asked.
    assert TrainingRun(folder).look().state == "stopping"
    stopped = wait(run, ended)
    assert stopped.state == "stopped" and not stopped.epochs
    assert not stopped.resumable and not (folder / "stop").exists()
    run.start(choices(data_folder, folder, 1).options())
    assert wait(run, ended).state == "done"


def test_a_second_stop_ends_it_at_once(data_folder: Path, folder: Path) -> None:
    run = TrainingRun(folder)
    run.start(choices(data_folder, folder, LONG).options())
    written = RunStatus.read(folder)
    assert written is not None and written.state is RunState.STARTING
    # Once the run has recorded itself, Python handles signals.
    wait(run, lambda look: RunStatus.read(folder) != written)
    process = psutil.Process(written.process.pid)
    process.suspend()  # no step is ever finished
    run.stop()
    assert run.look().state == "stopping"
    run.stop()
    stopped = wait(run, ended)
    assert stopped.state == "stopped" and KILLED in stopped.log
    status = RunStatus.read(folder)
    assert status is not None and status.reason is EndReason.KILLED
    assert not process.is_running()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("--encoder-weights cnn=nowhere.safetensors", "Expected encoder weights as a"),
        ("--batch many", "Invalid value for '--batch'"),
    ],
)
def test_what_is_wrong_is_said_in_the_run_s_own_words(
    data_folder: Path, folder: Path, more: str, words: str
) -> None:
    run = TrainingRun(folder)
    run.start(choices(data_folder, folder, 2, more).options())
    failed = wait(run, ended)
    assert failed.state == "failed" and words in failed.said, failed
    assert not failed.resumable


@pytest.mark.parametrize(
    ("protocol", "words"),
    [
        ("honest", "Best validation Dice 0.900, in epoch 1."),
        ("all", "Dice on validation, trained on, of the last epoch 0.800."),
        ("paper", "Best test Dice 0.900, in epoch 1."),
    ],
)
def test_it_is_said_on_which_images_a_dice_was_measured(
    protocol: str, words: str
) -> None:
    epochs = (
        LogRow(1, 0.5, 0.5, 0.9, 0.8, 1e-3, 1.0, 8.0),
        LogRow(2, 0.4, 0.4, 0.8, 0.7, 1e-3, 1.0, 8.0),
    )
    files = RunFiles(None, {"protocol": protocol}, epochs)
    assert sentence(RunState.DONE, files, False) == f"Done: 2 epochs. {words}"
    on = sentence(RunState.DONE, files, False, images="88 images")
    assert on.count(" on 88 images") == 1


@pytest.mark.usefixtures("forked_runs")
def test_a_wrong_data_folder_then_the_right_one(
    data_folder: Path, tmp_path: Path, folder: Path
) -> None:
    run = TrainingRun(folder)
    run.start(choices(tmp_path, folder, 2).options())
    failed = wait(run, ended)
    assert failed.state == "failed"
    assert failed.said.startswith("Expected a data folder with images/ and masks/")
    run.start(choices(data_folder, folder, 2).options())
    assert wait(run, ended).state == "done"


def test_another_process_with_the_number_is_not_the_run(folder: Path) -> None:
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        long_ago = psutil.Process(other.pid).create_time() - 3600
        facts = {"pid": other.pid, "host": platform.node(), "time": long_ago}
        folder.mkdir()
        (folder / "progress.json").write_text(json.dumps(facts))
        run = TrainingRun(folder)
        assert run.look().state == "stopped"
        run.stop()
        assert other.poll() is None
        # A run on another machine is told by what it wrote last.
        facts |= {"host": "elsewhere", "time": time.time(), "pid": os.getpid()}
        (folder / "progress.json").write_text(json.dumps(facts))
        assert run.look().state == "starting"
        run.stop()
        assert (folder / "stop").is_file() and run.look().state == "stopping"
    finally:
        other.kill()
        other.wait()


def test_the_trainer_says_what_can_be_set() -> None:
    found = declared_settings()
    assert found["epochs"]["minimum"] == 1 and found["batch"]["default"] == 8
    assert all(one["help"] for one in found.values())
    assert declared_settings() is found  # asked once


def test_choices_become_options(tmp_path: Path) -> None:
    found = recipes()
    assert found["compact"].option == "--config" and found["compact"].epochs == 40
    # Weights are found by the model of their card, whatever their name is.
    assert found["compact-norm"].bundled == DEFAULT_WEIGHTS
    assert found["compact"].bundled is None and found["tiny"].bundled is None
    assert found["tiny"].option == "--model"
    assert all(recipe.about.endswith(".") for recipe in found.values())
    start = encoder_files("", "a b/vit.safetensors")
    assert start == ("--encoder-weights", "transformer=a b/vit.safetensors")
    with pytest.raises(InputError, match="at least one encoder"):
        encoder_files("", "")
    out = tmp_path / "run"
    chosen = Choices(tmp_path, out, found["compact"], start, more="--seed 1 --bf16")
    options = chosen.options()
    assert options[-3:] == ["--seed", "1", "--bf16"] and "--batch" not in options
    assert options[options.index("--config") + 1] == "compact"
    wrong = Choices(tmp_path, out, found["compact"], start, more="--config 'my")
    with pytest.raises(InputError, match="close the quotation marks"):
        wrong.options()
    first = suggest_folder(tmp_path / "data", "compact")
    assert first == tmp_path / "data-compact"
    first.mkdir()
    assert suggest_folder(tmp_path / "data", "compact").name == "data-compact-2"
    said = [time_words(s) for s in (40, 600, 7300)]
    assert said == ["40 s", "10 min", "2 h 2 min"]
