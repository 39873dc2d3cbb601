"""The code that old files are tested with: where it moves, these lines follow."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def segmenter_of(weights: Path) -> Any:
    from napari_attnseg import Segmenter

    return Segmenter.from_checkpoint(weights, "cpu")


def explanation(segmenter: Any, image: Any, method: str) -> Any:
    """Of the gate at 1/8; a text where it is refused."""
    from napari_attnseg import explain
    from napari_attnseg.errors import AttnSegError

    try:
        return explain(segmenter, image, method, 8)
    except AttnSegError as error:
        return str(error)


def card_in(weights: Path) -> Any:
    from napari_attnseg.cards import read_card

    return read_card(weights)


def card_words(card: Any) -> str:
    from napari_attnseg._widgets.base.model_card import describe_card as card_words

    return card_words(card)


def dataset_in(folder: Path) -> Any:
    from attnseg_training.datasets import load_dataset

    return load_dataset(folder)


def domain_module() -> Any:
    """``domain``, ``trained_on``, ``trained_under`` and ``split_seed``."""
    from attnseg_training.runs import lineage as domain

    return domain


def command_again(facts: dict[str, Any], saved: Path) -> str:
    from napari_attnseg.reproduce import command_text

    return command_text(facts, None, saved)


def look_at(run: Path) -> Any:
    from napari_attnseg._widgets.train.process import TrainingRun

    return TrainingRun(run).look()


def evaluation_table(summary: dict[str, Any]) -> Any:
    from attnseg_training.commands.console import report_table

    return report_table(summary)


def speed_table(summary: dict[str, Any]) -> tuple[Any, str]:
    from attnseg_training.commands.console import speed_table, speed_words

    return speed_table(summary), speed_words(summary)


def gate_card(summary: dict[str, Any]) -> bytes:
    from attnseg_training.gates.card import gate_card_png

    return gate_card_png(summary)
