"""Choices of the Train widget, as options of ``attnseg-train fit``. No Qt."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from napari_attnseg.cards import read_card
from napari_attnseg.errors import InputError
from napari_attnseg.models.catalog import MODELS
from napari_attnseg.weights import bundled_weights


@dataclass(frozen=True, slots=True)
class Recipe:
    """Recipe of a training run: a bundled one, or a model with default settings.

    Attributes
    ----------
    name : str
        Name of the recipe or of the model.
    about : str
        Description in one sentence.
    option : str
        Option that chooses it: ``--config`` or ``--model``.
    model : str
        Catalog name of the model.
    epochs : int
        Default number of epochs.
    """

    name: str
    about: str
    option: str
    model: str
    epochs: int

    @property
    def bundled(self) -> str | None:
        """Name of bundled weights of the same model, from which a run may start."""
        for name, path in bundled_weights().items():
            if read_card(path).spec.name == self.model:
                return name
        return None


def recipes() -> dict[str, Recipe]:
    """Return all bundled recipes, then the models without a recipe of their name."""
    found = {path.stem: _recipe(path) for path in _recipe_files()}
    for name, spec in MODELS.items():
        if name not in found:
            found[name] = Recipe(name, spec.about, "--model", name, 50)
    return found


def _recipe_files() -> list[Path]:
    # Looked up, not imported: what a user runs does not depend on what trains it.
    package = find_spec("attnseg_training")
    folders = list(package.submodule_search_locations or []) if package else []
    found = (path for f in folders for path in Path(f, "recipes").glob("*.toml"))
    return sorted(found, key=lambda path: path.stem)


def _recipe(path: Path) -> Recipe:
    text = path.read_text(encoding="utf-8")
    settings = tomllib.loads(text)
    comment = " ".join(
        line.lstrip("# ") for line in text.splitlines() if line.startswith("#")
    )
    about = comment.split(". ")[0].rstrip(".") + "."
    return Recipe(path.stem, about, "--config", settings["model"], settings["epochs"])


@cache
def declared_settings() -> dict[str, dict[str, Any]]:
    """Ask the trainer for its settings: name → range, unit, default and help.

    The trainer runs in a process of its own, as for a run, and is not imported. The
    result is empty if it does not answer.
    """
    command = [sys.executable, "-Pm", "attnseg_training.cli", "settings", "--json"]
    try:
        answer = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            env={**os.environ, "PYTHONUTF8": "1"},
        )
        return {one["name"]: one for one in json.loads(answer.stdout)}
    except (OSError, subprocess.SubprocessError, ValueError):
        return {}


def why_no_data(folder: str) -> str:
    """Sentence on what a data folder lacks at first sight, or an empty text.

    The trainer looks closer, and knows other layouts than images/ and masks/.
    """
    path = Path(folder)
    if not path.is_dir():
        # A data set may be named before it, as in "kvasir-seg:/data".
        elsewhere = Path(folder.partition(":")[2])
        known = folder.partition(":")[2] and elsewhere.is_dir()
        return "" if known else f"There is no folder {folder}."
    parts = {name: path / name for name in ("images", "masks")}
    lacking = [name for name, part in parts.items() if not part.is_dir()]
    if len(lacking) == 1:
        return f"This folder has no {lacking[0]}/ in it."
    if lacking:
        inside = any(one.is_dir() for one in path.iterdir())
        return "" if inside else "This folder has no images/ and no masks/ in it."
    empty = [name for name, part in parts.items() if not any(part.iterdir())]
    named = " and ".join(f"{name}/" for name in empty)
    verb = "is" if len(empty) == 1 else "are"
    return f"{named} {verb} empty." if empty else ""


@dataclass(frozen=True, slots=True)
class Choices:
    """Choices for a run.

    Attributes
    ----------
    data, out : Path
        Data folder and run folder.
    recipe : Recipe
        Model and settings.
    start : tuple of str
        Options for the initial weights; empty for random ones.
    epochs, batch : int
        Passes over the images, and images per step. A batch of 0 stands for that of the
        recipe.
    device : str
        Compute device: ``auto``, ``cpu``, ``cuda:0`` …
    more : str
        Further options as on a command line.
    """

    data: Path
    out: Path
    recipe: Recipe
    start: tuple[str, ...] = ()
    epochs: int = 50
    batch: int = 0
    device: str = "auto"
    more: str = ""

    def options(self) -> list[str]:
        """Options for the command line.

        Raises
        ------
        InputError
            If the further options cannot be split into words.
        """
        try:
            more = shlex.split(self.more, posix=os.name != "nt")
        except ValueError as error:
            raise InputError(
                f"Expected further options as on a command line, got {self.more!r} "
                f"({error}); close the quotation marks."
            ) from error
        return [
            *("--data", str(self.data.absolute()), "--out", str(self.out.absolute())),
            *(self.recipe.option, self.recipe.name, *self.start),
            *("--epochs", str(self.epochs), "--device", self.device),
            *(("--batch", str(self.batch)) if self.batch else ()),
            *more,
        ]


def encoder_files(cnn: str, transformer: str) -> tuple[str, ...]:
    """Return the option for the weights files of one or both encoders.

    Raises
    ------
    InputError
        If no file is given.
    """
    given = {"cnn": cnn, "transformer": transformer}
    parts = [f"{name}={file}" for name, file in given.items() if file]
    if not parts:
        raise InputError(
            "Expected a weights file of at least one encoder; choose one, or start "
            "from something else."
        )
    return ("--encoder-weights", ",".join(parts))


def suggest_folder(data: Path, recipe: str) -> Path:
    """Return a new run folder beside a data folder."""
    return _free(data.parent / f"{data.name}-{recipe}")


def suggest_next_folder(finished: Path) -> Path:
    """Return a new run folder beside that of a finished run, to train it further."""
    return _free(finished.with_name(f"{finished.name}-on"))


def _free(first: Path) -> Path:
    folder, number = first, 2
    while folder.exists():
        folder, number = first.with_name(f"{first.name}-{number}"), number + 1
    return folder
