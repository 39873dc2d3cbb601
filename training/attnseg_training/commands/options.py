"""Options that several commands share, and options made from declared settings."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from attnseg_training.config import TrainConfig, read_toml, recipe_path
from attnseg_training.settings import Declared, settings_of
from napari_attnseg.errors import InputError
from napari_attnseg.usage import App, Command, output_file

if TYPE_CHECKING:
    from attnseg_training.datasets import Dataset

Data = Annotated[
    Path,
    typer.Option(
        "--data",
        help="Folder with images/, masks/ and, optionally, splits/*.txt, or in "
        "another layout that `datasets` lists; NAME:FOLDER if it holds "
        "several data sets.",
    ),
]
Device = Annotated[
    str, typer.Option(help=settings_of(TrainConfig)["device"].setting.help)
]
Allow = Annotated[
    list[str] | None, typer.Option(help=settings_of(TrainConfig)["allow"].setting.help)
]
Weights = Annotated[str, typer.Argument(help="Weights file or bundled name.")]
Split = Annotated[
    str | None,
    typer.Option(help="Split to use. Default: test, or all if there are no splits."),
]
SummaryFile = Annotated[
    Path | None,
    typer.Option(
        "--json", help="JSON file to write the summary to.", callback=output_file
    ),
]
#: Settings that were given as options: name → value. See `with_settings`.
Given = dict[str, Any]


class TrainingCommand(Command):
    """Command that knows all settings of training, also those without an option."""

    def may_repeat(self, parameter: Any) -> bool:
        """Whether an option may be given again.

        A setting may be given twice: the last value counts, as an option overrides a
        recipe. Folders may not.
        """
        setting = parameter.name != "data" and parameter.name in settings_of(
            TrainConfig
        )
        return setting or super().may_repeat(parameter)

    def other_option(self, ctx: Any, option: str) -> str:
        """Sentence on a setting without an option here that is set elsewhere."""
        name = option.removeprefix("--")
        found = settings_of(TrainConfig).get(name.replace("-", "_"))
        if found is None:
            found = settings_of(TrainConfig).get(
                name.removeprefix("no-").replace("-", "_")
            )
        if found is None:
            return ""
        if any(parameter.name == "config" for parameter in self.params):
            return (
                f"{option} is no option of `{ctx.command_path}`, where it is a setting "
                f"for the TOML file only: put `{found.name} = …` there and give it "
                "with --config."
            )
        return (
            f"{option} is no option of `{ctx.command_path}` but a setting of a "
            "training run, for the options or the TOML file of `attnseg-train fit`; "
            "leave it out."
        )


class TrainingApp(App):
    """Commands of `attnseg-train`, or a group of them."""

    command_class = TrainingCommand


def with_settings(
    *names: str, fixed: Sequence[str] = (), of: type[TrainConfig] = TrainConfig
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command an option for each named setting.

    The options replace the parameter `given` of the command, which gets the settings
    that the user gave, as a `Given`. A setting for TOML files only is refused with a
    sentence that says where it is set.

    Parameters
    ----------
    *names : str
        Settings that get an option; without names, all settings that are declared to
        have one.
    fixed : sequence of str
        Settings whose value the command itself sets.
    of : type
        Class that declares the settings.
    """
    declared = settings_of(of)
    with_option = [name for name, one in declared.items() if one.setting.option]
    offered = [declared[name] for name in names or with_option if name != "data"]
    toml_only = [
        one
        for name, one in declared.items()
        if not one.setting.option and name not in fixed
    ]
    options = [*map(_option, offered), *map(_refused_option, toml_only)]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command, eval_str=True)

        @functools.wraps(command)
        def run(**values: Any) -> None:
            given: Given = {}
            for one in offered:
                value = values.pop(one.name)
                if value not in (None, []):
                    given[one.name] = tuple(value) if one.kind is tuple else value
            for one in toml_only:
                values.pop(one.name)
            command(given=given, **values)

        parameters: list[inspect.Parameter] = []
        for parameter in signature.parameters.values():
            parameters += options if parameter.name == "given" else [parameter]
        run.__signature__ = signature.replace(  # type: ignore[attr-defined]
            # By name only: so one without a default may follow one that has it.
            parameters=[p.replace(kind=p.KEYWORD_ONLY) for p in parameters]
        )
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        return run

    return decorate


def _option(one: Declared) -> inspect.Parameter:
    """Option of a setting; its own default is None: a recipe's value may hold."""
    limits = "" if one.kind is tuple else one.setting.range
    default = one.default if one.default not in ("", ()) else "none"
    option = typer.Option(
        *one.flags,
        help=f"{one.setting.help} ({limits})" if limits else one.setting.help,
        show_default=str(default),
    )
    kind = list[str] if one.kind is tuple else one.kind
    return _parameter(one.name, kind, option)


def _refused_option(one: Declared) -> inspect.Parameter:
    """Hidden option that says that the setting is for TOML files only."""

    def refuse(value: Any) -> None:
        if value in (None, []):
            return
        shown = str(value).lower() if one.kind is bool else value
        raise InputError(
            f"{one.option} is a setting for the TOML file only: put "
            f"`{one.toml(shown)}` there and give it with --config."
        )

    option = typer.Option(*one.flags, hidden=True, callback=refuse)
    return _parameter(one.name, bool if one.kind is bool else str, option)


def _parameter(name: str, kind: Any, option: Any) -> inspect.Parameter:
    annotation = Annotated[kind | None, option]
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
    )


def data_for(data: Path, weights: str | Path) -> Dataset:
    """Load data with the split of the run that trained these weights.

    Raises
    ------
    AttnSegError
        If weights or data cannot be read.
    """
    from attnseg_training.datasets import load_dataset
    from attnseg_training.runs.lineage import split_seed
    from napari_attnseg.cards import read_card
    from napari_attnseg.weights import weights_path

    return load_dataset(data, split_seed(read_card(weights_path(weights))))


def allowed_rules(given: list[str] | None) -> tuple[str, ...]:
    """Rules that ``--allow`` names.

    Raises
    ------
    InputError
        If a name is not a rule, or the rule cannot be allowed.
    """
    rules = tuple(given or ())
    settings_of(TrainConfig)["allow"].check(rules)
    return rules


def configured(
    recipe: str | Path | None,
    given: Given,
    of: type[TrainConfig] = TrainConfig,
    **defaults: Any,
) -> TrainConfig:
    """Settings of a run: given values, then those of the recipe, then defaults.

    Raises
    ------
    InputError
        If the recipe cannot be read or a value does not fit its setting.
    """
    read = {} if recipe is None else read_toml(recipe_path(str(recipe)), of)
    return of(**{**defaults, **read, **given})


def settings_line(settings: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """List settings that differ from the defaults, and the data, on one line."""
    return ", ".join(
        f"{name} {value}"
        for name, value in settings.items()
        if name not in defaults or value != defaults[name]
    )
