"""A setting is declared once: check, option, TOML and reference come from its field."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from attnseg_training.cli import app
from attnseg_training.commands.options import Given, configured, with_settings
from attnseg_training.config import TrainConfig, read_toml
from attnseg_training.fit.fit import fit
from attnseg_training.learning_settings import LOSS_NAMES
from attnseg_training.settings import (
    reference,
    reference_markdown,
    setting,
    settings_of,
)
from napari_attnseg.errors import InputError, UnknownNameError


@dataclass(frozen=True, slots=True)
class WithFocus(TrainConfig):
    """One more field: all that a new setting takes, besides its use."""

    focus: float = setting(1.5, "Width of the focus.", minimum=0, maximum=9, unit="px")
    sharp: bool = setting(False, "Sharpen images.", option=False)


def given_by(*words: str, config: str | None = None) -> TrainConfig:
    """What a command with an option for every setting makes of some words."""
    found: list[TrainConfig] = []

    def command(*, given: Given) -> None:
        found.append(configured(config, {"data": "d", **given}, WithFocus))

    own = typer.Typer()
    own.command()(with_settings(of=WithFocus)(command))
    own(list(words), standalone_mode=False)
    return found[0]


def test_a_new_field_is_an_option_a_range_a_toml_key_and_a_row(
    tmp_path: Path,
) -> None:
    assert given_by() == WithFocus("d")
    assert given_by("--focus", "3") == WithFocus("d", focus=3.0)
    file = tmp_path / "c.toml"
    file.write_text("focus = 2.5\nsharp = true\n")
    assert read_toml(file, WithFocus) == {"focus": 2.5, "sharp": True}
    with pytest.raises(InputError, match=r"unknown settings \['focus', 'sharp'\]"):
        read_toml(file)
    # An option that is not given leaves the recipe's value.
    found = given_by("--epochs", "3", config=str(file))
    assert found == WithFocus("d", focus=2.5, sharp=True, epochs=3)
    assert WithFocus(**read_toml(file, WithFocus), data="d").to_toml().count("focus")
    with pytest.raises(InputError, match=r"focus between 0 and 9, got 10\.0\."):
        given_by("--focus", "10")
    with pytest.raises(InputError, match="a number for focus, got 'wide'"):
        WithFocus("d", focus="wide")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="put `sharp = true` there and give it with"):
        given_by("--sharp")
    row = next(one for one in reference(WithFocus) if one["name"] == "focus")
    assert (row["minimum"], row["maximum"], row["unit"]) == (0, 9, "px")
    (line,) = (
        line
        for line in reference_markdown(reference(WithFocus)).splitlines()
        if "`focus`" in line
    )
    assert line == (
        "| `focus` | number | 0 to 9 | px | `1.5` | `--focus` | Width of the focus. |"
    )


def test_the_command_lists_every_setting_once() -> None:
    done = CliRunner().invoke(app, ["settings", "--json"])
    rows = json.loads(done.stdout)
    names = [field.name for field in dataclasses.fields(TrainConfig)]
    assert done.exit_code == 0 and [row["name"] for row in rows] == names
    assert all(row["help"].endswith(".") or "…" in row["help"] for row in rows)
    table = CliRunner().invoke(app, ["settings"]).stdout
    assert len(table.splitlines()) == len(names) + 2
    for row in rows:
        assert f"| `{row['name']}` | {row['type']} |" in table


#: Options of each command before they were made from the fields. More may come.
OPTIONS = {
    "fit": "accumulate augment batch bf16 cnn device encoder_dropout encoder_lr "
    "encoder_weights epochs freeze freeze_norm init loss lr model one_sided protocol "
    "save_every seed threads tracker transformer trust_gates trust_weight",
    "release": "batch bf16 device encoder_weights epochs init threads",
    "table": "device encoder_weights epochs protocol threads",
    "two-stage": "batch device encoder_weights epochs model protocol seed threads",
}


@pytest.mark.parametrize("name", OPTIONS)
def test_commands_offer_the_same_settings(name: str) -> None:
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    shown = {
        one.name
        for one in command.params
        if one.name in settings_of(TrainConfig) and not getattr(one, "hidden", False)
    }
    before = set(OPTIONS[name].split())
    assert before <= shown
    later = shown - before - {"data"}
    # Only `fit` offers a setting by itself; the others name those that they offer.
    declared = settings_of(TrainConfig).items()
    offered = {key for key, one in declared if one.setting.option}
    assert later == (offered - before - {"data"} if name == "fit" else set())
    flags = {
        flag for one in command.params for flag in (*one.opts, *one.secondary_opts)
    }
    if name == "fit":
        assert {"--freeze-norm", "--live-norm", "--augment", "--no-augment"} <= flags
        assert {"--bf16", "--no-bf16", "--encoder-weights", "--resume"} <= flags


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--views", "6"], "put `views = 6` there"),
        (["--layer-decay", "0.7"], "put `layer_decay = 0.7` there"),
        (["--cache", "a b"], 'put `cache = "a b"` there'),
        (["--unit-input"], "put `unit_input = true` there"),
    ],
)
@pytest.mark.parametrize("name", ["fit", "two-stage", "release"])
def test_settings_for_toml_files_only_say_so(
    name: str, words: list[str], line: str, tmp_path: Path
) -> None:
    arguments = [name, "--data", "d", "--out", str(tmp_path / "run"), *words]
    done = CliRunner().invoke(app, arguments)
    assert isinstance(done.exception, InputError)
    said = str(done.exception)
    assert said.startswith(f"{words[0]} is a setting for the TOML file only: {line}")
    assert not (tmp_path / "run").exists()
    shown = CliRunner().invoke(app, [name, "--help"]).stdout
    assert words[0] not in shown


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"epochs": 0}, "Expected epochs of at least 1, got 0."),
        ({"scale": 5.0}, "Expected scale between 1 and 4, got 5.0."),
        ({"lr": float("nan")}, "Expected lr of at least 0, got nan."),
        ({"protocol": "x"}, "Expected protocol honest, all or paper, got 'x'."),
        ({"trust_gates": "x"}, "Expected trust_gates together or one, got 'x'."),
        ({"freeze": ("x",)}, "Expected freeze to name cnn or transformer, got ['x']."),
        ({"bf16": 1}, "Expected true or false for bf16, got 1."),
    ],
)
def test_a_bad_value_is_one_sentence(values: dict, words: str) -> None:
    with pytest.raises(InputError) as error:
        TrainConfig("d", **values)
    assert str(error.value) == words


def test_losses_are_those_that_the_settings_name() -> None:
    from attnseg_training.losses import LOSSES

    assert tuple(LOSSES) == LOSS_NAMES


def test_a_config_is_a_value() -> None:
    one, other = TrainConfig("d", freeze=()), TrainConfig("d")
    assert one == other and hash(one) == hash(other)
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.epochs = 3  # type: ignore[misc]
    changed = dataclasses.replace(one, epochs=3)
    assert dataclasses.asdict(changed) == {**dataclasses.asdict(one), "epochs": 3}


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
