"""Continue training after a finished run: a new run from its best weights.

The same run cannot simply get more epochs: its learning rate has fallen to 0 over its
planned epochs, and a run with more epochs would not pass through the same weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attnseg_training.config import read_toml
from attnseg_training.model_settings import MAX_SEED
from napari_attnseg.errors import InputError
from napari_attnseg.run_files import BEST_WEIGHTS, CONFIG_FILE, RunFiles

OTHER_DATA = (
    "The images, masks or splits are not those that the earlier run was trained on: "
    "images that it learned from may be among the validation images now, whose Dice "
    "then says too much."
)


def continued(run: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    """Make the settings of a run that continues training after a finished one.

    They are those of the finished run, except the given settings, the initial weights
    and the random seed. The seed is increased by 1, because the same seed would repeat
    the same order and augmentation.

    Parameters
    ----------
    run : Path
        Folder of the finished run; nothing in it is changed.
    given : mapping
        Settings that are given for the new run.

    Raises
    ------
    InputError
        If the folder holds no finished run, or its weights are gone.
    """
    best = run / BEST_WEIGHTS
    if not (run / CONFIG_FILE).is_file():
        raise InputError(
            f"Expected the folder of a finished run to train on, but {run} has no "
            f"{CONFIG_FILE}; choose a run folder of `attnseg-train fit`."
        )
    files = RunFiles.read(run)
    if not files.complete:
        raise InputError(
            f"The run in {run} has finished {len(files.epochs)} of "
            f"{files.settings.get('epochs', 0)} epochs; finish it with --resume first."
        )
    if not best.is_file():
        raise InputError(
            f"The run in {run} has no {best.name}, from which to "
            "continue training; choose another run folder."
        )
    before = read_toml(run / CONFIG_FILE)
    seed = (before.get("seed", 0) + 1) % (MAX_SEED + 1)
    return {**before, "seed": seed, **given, "init": str(best.absolute())}


def learned_from_other_data(
    before: Mapping[str, Any], origin: Mapping[str, Any]
) -> bool:
    """Whether training continues on other files of a data set of the same name.

    Parameters
    ----------
    before : mapping
        ``started_from`` of a card; empty for weights that were not trained.
    origin : mapping
        ``training`` in the card of the run that continues.
    """
    earlier = before.get("data", {}).get("sha256")
    same_name = before.get("dataset") == origin["dataset"]
    return same_name and earlier not in (None, origin["data"]["sha256"])
