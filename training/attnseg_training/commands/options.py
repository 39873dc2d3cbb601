"""Options that several commands share."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from attnseg_training.config import TrainConfig, read_toml, recipe_path

if TYPE_CHECKING:
    from attnseg_training.datasets import Dataset

Data = Annotated[
    Path,
    typer.Option(
        "--data",
        help="Folder with images/, masks/ and, optionally, splits/*.txt, or another "
        "that `datasets` lists; NAME:FOLDER where it holds several.",
    ),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda:0, mps …")]
Weights = Annotated[str, typer.Argument(help="Weights file or bundled name.")]
Split = Annotated[
    str | None, typer.Option(help="Default: test, or all without splits/.")
]


def setting(name: str, text: str, *flags: str) -> Any:
    """Option of `fit` that shows the default of `TrainConfig`.

    Its own default is None, so that a recipe's value is told from a given one.
    """
    default = _DEFAULTS[name]
    shown = str(default) if default not in ("", ()) else "none"
    return typer.Option(*flags, help=text, show_default=shown)


_DEFAULTS = {field.name: field.default for field in fields(TrainConfig)}
Protocol = Annotated[
    str | None,
    setting(
        "protocol",
        "honest: validation images choose the epoch; all: they are trained on too, the "
        "last epoch is kept; paper: as published, the test images choose.",
    ),
]


def data_for(data: Path, weights: str | Path) -> Dataset:
    """Data as the run of these weights split it: its validation images are these.

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


def configured(
    recipe: str | Path | None, given: dict[str, Any], **defaults: Any
) -> TrainConfig:
    """Settings of a run: what was given (not None), else the recipe's, else defaults.

    Raises
    ------
    InputError
        If the recipe cannot be read or a value is none of its setting's.
    """
    read = {} if recipe is None else read_toml(recipe_path(str(recipe)))
    chosen = {name: value for name, value in given.items() if value is not None}
    return TrainConfig(**{**defaults, **read, **chosen})


def words(settings: dict[str, Any]) -> str:
    """Settings on one line."""
    return ", ".join(f"{name} {value}" for name, value in settings.items())
