"""What the Train widget lets one choose, as options of ``attnseg-train fit``. No Qt."""

from __future__ import annotations

import os
import shlex
import tomllib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from napari_attnseg.cards import read_card
from napari_attnseg.errors import InputError
from napari_attnseg.models.catalog import MODELS
from napari_attnseg.weights import bundled_weights


@dataclass(frozen=True, slots=True)
class Recipe:
    """What can be trained: a bundled recipe, or a model with the default settings.

    Attributes
    ----------
    name : str
        Of the recipe or the model.
    about : str
        One sentence.
    option : str
        ``--config`` or ``--model``.
    model : str
        Catalog name.
    epochs : int
        Unless somebody wants more or fewer.
    """

    name: str
    about: str
    option: str
    model: str
    epochs: int

    @property
    def bundled(self) -> str | None:
        """Bundled weights of the same model, from which a run may start."""
        for name, path in bundled_weights().items():
            if read_card(path).spec.name == self.model:
                return name
        return None


def recipes() -> dict[str, Recipe]:
    """Every bundled recipe, then every model that has none of its name."""
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


@dataclass(frozen=True, slots=True)
class Choices:
    """A run to start.

    Attributes
    ----------
    data, out : Path
        Data folder and run folder.
    recipe : Recipe
        What is trained, and how.
    start : tuple of str
        Options that say from which weights; empty for random ones.
    epochs, batch : int
        Passes over the images, and images per step; a batch of 0 is the recipe's.
    device : str
        ``auto``, ``cpu``, ``cuda:0`` …
    more : str
        Further options, as one would type them.
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
        """For the command line.

        Raises
        ------
        InputError
            If the further options cannot be taken apart.
        """
        try:
            more = shlex.split(self.more, posix=os.name != "nt")
        except ValueError as error:
            raise InputError(
                f"Expected further options as on a command line, got {self.more!r} "
                f"({error}); close what is quoted."
            ) from error
        return [
            *("--data", str(self.data.absolute()), "--out", str(self.out.absolute())),
            *(self.recipe.option, self.recipe.name, *self.start),
            *("--epochs", str(self.epochs), "--device", self.device),
            *(("--batch", str(self.batch)) if self.batch else ()),
            *more,
        ]


def encoder_files(cnn: str, transformer: str) -> tuple[str, ...]:
    """Option for one or both encoders' weights files.

    Raises
    ------
    InputError
        If there is neither.
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
    """Run folder beside a data folder that is not there yet."""
    first = data.parent / f"{data.name}-{recipe}"
    folder, number = first, 2
    while folder.exists():
        folder, number = first.with_name(f"{first.name}-{number}"), number + 1
    return folder
