"""Export of weights: averaged, in half precision, with a complete model card."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from napari_attnseg.cards import ModelCard, read_card, weights_hash
from napari_attnseg.checkpoints import (
    checkpoint_bytes,
    expect_weights_name,
    load_checkpoint,
    save_checkpoint,
)
from napari_attnseg.click_heads import PREFIX, carry_click_head
from napari_attnseg.errors import InputError
from napari_attnseg.io.atomic import write_bytes
from napari_attnseg.io.text_files import read_utf_8
from napari_attnseg.reader_record import READERS
from napari_attnseg.weights import weights_path

TEXTS = (
    *("classes", "data", "licence", "use", "limits"),
    *("summary", "warning", "image_colours"),
)


def export(
    weights: Path,
    out: Path,
    half: bool = False,
    texts: Path | None = None,
    metrics: Path | None = None,
    gates: Path | None = None,
    combination: Path | None = None,
) -> str:
    """Write weights again with texts and results in their card.

    Returns the SHA-256 of the tensors.

    Parameters
    ----------
    weights, out : Path
        Weights file to read, and to write.
    half : bool
        Whether to store float16. If so, evaluate the written weights, not the original
        ones.
    texts : Path, optional
        TOML file with any of `TEXTS`.
    metrics : Path, optional
        JSON of ``attnseg-train evaluate`` on exactly these tensors.
    gates : Path, optional
        JSON of ``attnseg-train faithfulness`` on exactly these tensors; the record of
        the readers is taken from it too.
    combination : Path, optional
        The same kind of JSON, measured on the validation split, which chooses the "at a
        glance" map. Its record of the readers is used if `gates` has none.

    Raises
    ------
    CheckpointError
        If the weights cannot be read.
    InputError
        If a file cannot be read or is of another command, its numbers are of other
        weights, or `out` is named as another kind of file.
    """
    expect_weights_name(out)
    network, card, measured_on = load_checkpoint(weights)
    said = read_texts(texts, card.spec.classes) if texts else {}
    measured = _results(metrics, "evaluate", "dice", "threshold_curve")
    if "medsam" in measured:
        raise InputError(
            f"{metrics} was measured of masks that MedSAM refined, which is not what "
            "these weights find; evaluate again without --medsam."
        )
    found = _results(gates, "faithfulness", "gates")
    chosen = _results(combination, "faithfulness", "combination")
    if chosen.get("split") == "test":
        raise InputError(
            f"{combination} was measured on test images, which must not choose "
            "anything; give the result of `attnseg-train faithfulness --split val`."
        )
    card = dataclasses.replace(
        card,
        **said,
        metrics=measured,
        gates=_gates(found),
        combination=chosen.get("combination", {}),
        readers=found.get(READERS, chosen.get(READERS, {})),
    )
    data, digest = checkpoint_bytes(network.state_dict(), card, half)
    if card.expected_dice and digest != measured_on:
        # It is of the tensors as they were.
        card = dataclasses.replace(card, expected_dice={})
        data, digest = checkpoint_bytes(network.state_dict(), card, half)
    for path, numbers in (
        (metrics, measured),
        (gates, found),
        (combination, chosen),
    ):
        if numbers and numbers.get("weights_sha256") != digest:
            raise InputError(
                f"{path} was measured on other weights "
                f"({numbers.get('weights_sha256')}); measure these ({digest}) and "
                "export again."
            )
        measured_at = numbers.get("temperature", card.temperature)
        if numbers and measured_at != card.temperature:
            raise InputError(
                f"{path} was measured at temperature {measured_at:g}, these weights "
                f"have {card.temperature:g}; measure them again."
            )
    write_bytes(out, carry_click_head(weights, data))
    return digest


def average(files: list[Path], out: Path) -> str:
    """Write the mean of the weights of runs with a common start.

    Returns the SHA-256 of the tensors.

    If runs continued from the same weights, the mean of their weights works as a model,
    and is often better than each of them (Wortsman et al. 2022, Model soups). Compare
    it on validation images.

    Raises
    ------
    CheckpointError
        If a file cannot be read.
    InputError
        If there are fewer than two, they are not of one model, or `out` is named as
        another kind of file.
    """
    expect_weights_name(out)
    if len(files) < 2:
        raise InputError(f"Expected at least two weights files, got {len(files)}.")
    loaded = [load_checkpoint(weights_path(file)) for file in files]
    cards = [card for _, card, _ in loaded]
    for file, card in zip(files, cards, strict=True):
        # "lesion" may be another's "polyp", but never square, disc disc, square.
        alike = sorted(card.classes) == sorted(cards[0].classes)
        moved = alike and card.classes != cards[0].classes
        if card.spec != cards[0].spec or moved:
            raise InputError(
                f"Expected weights of one model, but {files[0]} is "
                f"{cards[0].spec.name!r} and {file} {card.spec.name!r} or another "
                "version of it; choose other files."
            )
    states = [network.state_dict() for network, _, _ in loaded]
    mean = {
        name: torch.stack([state[name] for state in states]).mean(0)
        if value.is_floating_point()
        else value
        for name, value in states[0].items()
    }
    parts = [{"weights_sha256": sha256, **card.training} for _, card, sha256 in loaded]
    data = [part for card in cards for part in card.data.split("; ") if part]
    # What was measured of one of them says nothing of their mean.
    card = dataclasses.replace(
        cards[0],
        data="; ".join(dict.fromkeys(data)),
        temperature=1.0,
        metrics={},
        gates={},
        combination={},
        readers={},
        expected_dice={},
        training={"average_of": parts},
    )
    return save_checkpoint(out, mean, card)


def read_texts(path: Path, classes: int) -> dict[str, Any]:
    """Read the fields of a card that a person writes, from a TOML file.

    Raises
    ------
    InputError
        If the file cannot be read, has other fields than `TEXTS`, or does not name as
        many classes as the model has.
    """
    said = _read(path, tomllib.loads)
    unknown = sorted(set(said) - set(TEXTS))
    if unknown:
        raise InputError(f"Expected only {', '.join(TEXTS)}, got also {unknown}.")
    if "classes" in said:
        said["classes"] = tuple(said["classes"])
        if len(said["classes"]) != classes:
            raise InputError(
                f"Expected names of {classes} classes in {path}, got "
                f"{len(said['classes'])}; name each of them."
            )
    return said


def rewrite_texts(weights: Path, texts: Path) -> str:
    """Put new texts into the card of a weights file; the rest stays byte for byte.

    This is for texts that are no longer true, or fields that an earlier card lacks. The
    measured numbers stay. Returns the SHA-256 of the tensors.

    Parameters
    ----------
    weights : Path
        Weights file, which is replaced.
    texts : Path
        TOML file with any of `TEXTS`.

    Raises
    ------
    CheckpointError
        If the weights cannot be read.
    InputError
        If the texts cannot be read.
    """
    card = read_card(weights)
    texts_read = read_texts(texts, card.spec.classes)
    return with_card(weights, dataclasses.replace(card, **texts_read), weights)


def rewrite_readers(weights: Path, measured: Path) -> str:
    """Put the measured record of the readers into the card of a weights file.

    All other bytes stay unchanged. Returns the SHA-256 of the tensors.

    Parameters
    ----------
    weights : Path
        Weights file, which is replaced.
    measured : Path
        JSON of ``attnseg-train faithfulness`` on exactly these tensors, or a part of
        it that has the readers.

    Raises
    ------
    CheckpointError
        If the weights cannot be read.
    InputError
        If the JSON cannot be read, has no such record, or belongs to other weights.
    """
    found = _results(measured, "faithfulness", READERS)
    if found["weights_sha256"] != weights_hash(weights):
        raise InputError(
            f"{measured} was measured on other weights ({found['weights_sha256']}); "
            f"measure these ({weights_hash(weights)})."
        )
    card = dataclasses.replace(read_card(weights), readers=found[READERS])
    return with_card(weights, card, weights)


def with_card(weights: Path, card: ModelCard, out: Path) -> str:
    """Write weights with another card; tensors and click head stay byte for byte.

    Returns the SHA-256 of the network's tensors, which stays the same.
    """
    loaded = safetensors.torch.load(weights.read_bytes())
    tensors = {name: t for name, t in loaded.items() if not name.startswith(PREFIX)}
    data, digest = checkpoint_bytes(tensors, card)
    assert digest == weights_hash(weights)
    write_bytes(out, carry_click_head(weights, data))
    return digest


def _gates(found: dict[str, Any]) -> dict[str, Any]:
    """Results of each gate and of all together, as a card has them."""
    if not found:
        return {}
    # Results of before all gates were measured together have no such part.
    together = {"all": found["together"]} if "together" in found else {}
    return {**found["gates"], **together}


def _results(path: Path | None, command: str, *keys: str) -> dict[str, Any]:
    """Read the JSON of a command, recognised by `keys`; empty without a path."""
    found = _read(path, json.loads) if path else {}
    if path and not (isinstance(found, dict) and set(keys) <= set(found)):
        raise InputError(
            f"Expected the JSON of `attnseg-train {command}` in {path}, but it is "
            "another kind of file; choose the right one, or measure these weights "
            "by that command."
        )
    return found


def _read(path: Path, parse: Any) -> dict[str, Any]:
    try:
        found: dict[str, Any] = parse(read_utf_8(path))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}); check the file.") from error
    return found
