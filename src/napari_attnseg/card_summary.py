"""A model card in two lines, and its Dice in a few words. No torch, no Qt."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from napari_attnseg.cards import ModelCard
from napari_attnseg.how_many import how_many
from napari_attnseg.protocols import TrainingProtocol
from napari_attnseg.run_files import BEST_WEIGHTS, CONFIG_FILE

#: What is said of weights whose Dice nobody measured.
NO_DICE = "not measured"
#: Where a card has no warning of its own. True of all weights of this plugin.
NOT_FOR_DIAGNOSIS = "Not for diagnosis."
#: Split → what its images are called.
_IMAGES = {"train": "training", "val": "validation"}


def card_lines(card: ModelCard) -> tuple[str, str]:
    """Intended use, measured quality and limits of weights.

    The numbers come from what the card measured; the words are its ``summary`` and
    ``warning``. If the card has no summary, the first line names the classes. If it has
    no warning, the second line is `NOT_FOR_DIAGNOSIS`. The lines say nothing that is
    not in the card.
    """
    what = card.summary or f"Finds: {', '.join(card.classes)}."
    return f"{what} {_measured(card)}", card.warning or NOT_FOR_DIAGNOSIS


def dice_words(card: ModelCard) -> str:
    """Dice for a list of weights: ``Dice 0.88``, or `NO_DICE`.

    ``Dice 0.61 in training`` is that of the kept epoch, on the images that chose it.
    """
    measured = _mean(card.metrics)
    if measured is not None:
        return f"Dice {measured:.2f}"
    training = _while_training(card)
    return NO_DICE if training is None else f"Dice {training:.2f} in training"


def weights_name(path: Path) -> str:
    """Name of a weights file in lists: that of its run, or else of the file.

    For example, ``polyps-compact`` stands for the best weights of the run in the folder
    ``polyps-compact``, and ``polyps-compact/mean`` for the file ``mean.safetensors`` in
    the same folder.
    """
    if not (path.parent / CONFIG_FILE).is_file():
        return path.stem
    run = path.resolve().parent.name
    return run if path.name == BEST_WEIGHTS else f"{run}/{path.stem}"


def _measured(card: ModelCard) -> str:
    measured, found = _mean(card.metrics), card.metrics
    if measured is not None:
        split = str(found.get("split", "test"))
        images = how_many(found["n"], f"{_IMAGES.get(split, split)} image")
        return f"Dice {measured:.2f} on {images}."
    training = _while_training(card)
    if training is None:
        return "Its Dice was not measured."
    return (
        f"Dice {training:.2f} on the {images_of(card) or 'images'} that chose its "
        "epoch; not measured on others."
    )


def images_of(card: ModelCard) -> str:
    """Number of images that chose the epoch, ``88 images``; empty if unknown."""
    data = card.training.get("data")
    number = data.get("val") if isinstance(data, dict) else None
    if number is None:
        return ""
    return how_many(number, "image")


def _mean(metrics: dict[str, Any]) -> float | None:
    return _number(metrics.get("dice", {}).get("mean"))


def _while_training(card: ModelCard) -> float | None:
    """Dice on the images that chose the epoch; None where these were trained on."""
    if card.training.get("protocol_name") == TrainingProtocol.ALL:
        return None
    return _number(card.training.get("val_dice"))


def _number(value: Any) -> float | None:
    return None if value is None or math.isnan(value) else float(value)
