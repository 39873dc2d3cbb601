"""Wrong use of both command lines is refused in one sentence, with exit code 2."""

import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import attnseg

from attnseg_training.commands.options import TrainingApp
from attnseg_training.config import TrainConfig
from attnseg_training.settings import settings_of
from napari_attnseg.errors import InputError
from napari_attnseg.usage import App

Command = Callable[..., subprocess.CompletedProcess[str]]


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """The one sentence of a command that was refused."""
    assert done.returncode == 2 and done.stdout == "", done
    (line,) = done.stderr.splitlines()
    return line


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("fit --data a --data b --out c", "--data takes one value and was given 2"),
        ("evaluate w --data a --data b", "--data takes one value and was given 2"),
        ("fit --data a --out b --out c", "--out takes one value and was given 2"),
        ("fit --data a --config b --config c --out d", "--config takes one value"),
        ("evaluate w --data a --split b --split c", "--split takes one value"),
        ("export a.safetensors b.onnx", "ends in .safetensors"),
        ("average a b --out c.pt", "ends in .safetensors"),
        ("calibrate a b.pth --data d", "ends in .safetensors"),
        ("calibrate a b.h5 --like d", "choose b.safetensors"),
        ("table gates --lr 0.1", "put `lr = …` there and give it with --config"),
        ("two-stage --data a --out b --no-augment", "put `augment = …` there"),
        ("two-stage --data a --out b --ema 1", "put `ema = 1` there"),
        ("benchmark training --data a --ema 1", "setting of a training run"),
        ("evaluate w --data a --lr 1", "setting of a training run"),
        ("fit --data a --out b --learning 1", "No such option: --learning"),
        ("fit --data", "--data"),
        ("fit --data a", "Missing option '--out'"),
        ("fit --data a --out b --lr x", "Invalid value for '--lr'"),
        ("check a b", "extra"),
        ("impotr a", "'impotr'"),
        ("benchmark trianing", "'trianing'"),
        ("--nope", "--nope"),
    ],
)
def test_a_training_command(line: str, words: str, in_process: Command) -> None:
    assert words in refused(in_process(*shlex.split(line)))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("segment a --out b --out c", "--out takes one value and was given 2"),
        ("segment a --out b --threshold x", "Invalid value for '--threshold'"),
        ("segment --out b", "Missing argument"),
        ("explain a --out b", "Missing option '--method'"),
        ("segmnet a", "'segmnet'"),
        ("models --jsn", "--json"),
        ("--nope", "--nope"),
    ],
)
def test_a_command_on_images(line: str, words: str) -> None:
    assert words in refused(attnseg(*shlex.split(line)))


def test_what_may_be_repeated_may_be_repeated(
    in_process: Command, tmp_path: Path
) -> None:
    twice = ["--freeze", "cnn", "--freeze", "transformer", "--freeze-norm"]
    twice += ["--freeze-norm", "--init", tmp_path / "no.safetensors"]
    twice += ["--epochs", "2", "--epochs", "3"]  # a setting overrides one before
    done = in_process("fit", "--data", "no", "--out", tmp_path / "run", *twice)
    assert "a data folder" in done.stderr and "takes one value" not in done.stderr


@pytest.mark.parametrize("name", sorted(settings_of(TrainConfig)))
def test_no_setting_is_unheard_of(name: str, in_process: Command) -> None:
    """Every command that has no option for a setting says where it is set."""
    option = settings_of(TrainConfig)[name].option
    for command in ("two-stage", "compare"):
        line = in_process(command, option, "1").stderr
        assert "No such option" not in line


def test_a_new_command_refuses_wrong_use_without_a_word_about_it() -> None:
    for kind in (App, TrainingApp):
        app = kind()

        @app.command()
        def first(out: str = "") -> None:
            """Do nothing."""

        @app.command("second")
        def other() -> None:
            """Do nothing."""

        with pytest.raises(InputError, match="--out takes one value and was given 2"):
            app(["first", "--out", "a", "--out", "b"], standalone_mode=False)
        with pytest.raises(InputError, match="No such command 'third'"):
            app(["third"], standalone_mode=False)
