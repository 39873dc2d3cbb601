"""Relate measured images to the training images, as far as the card records them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from attnseg_training.datasets import DATASETS, Dataset
from napari_attnseg.cards import ModelCard
from napari_attnseg.protocols import SplitRule, TrainingProtocol, protocol_sentence


class Domain(StrEnum):
    """Whether the images are from a data set that the weights were trained on."""

    IN = "in_domain"
    OUT = "out_of_domain"
    UNKNOWN = "unknown"


class Role(StrEnum):
    """Role of the images in the training of the weights."""

    TRAINED_ON = "trained_on"
    CHOSE_WEIGHTS = "chose_weights"
    HELD_OUT = "held_out"
    MOSTLY_TRAINED_ON = "mostly_trained_on"
    UNKNOWN = "unknown"


#: What `fit` does with a split, unless the protocol says otherwise.
_ROLES = {
    "train": Role.TRAINED_ON,
    "val": Role.CHOSE_WEIGHTS,
    "test": Role.HELD_OUT,
    "all": Role.MOSTLY_TRAINED_ON,
}

# Sentences for a reader.
IN, OUT, UNKNOWN = "in domain", "out of domain", "domain not known"
_LABELS = {Domain.IN: IN, Domain.OUT: OUT, Domain.UNKNOWN: UNKNOWN}
_ROLE_SENTENCES = {
    Role.TRAINED_ON: "These images were trained on, so the numbers say little of new "
    "ones.",
    Role.CHOSE_WEIGHTS: "The weights were chosen on these images, so the numbers are "
    "flattering.",
    Role.HELD_OUT: "These images were neither trained on nor used by fit to choose "
    "weights.",
    Role.MOSTLY_TRAINED_ON: "Most of these images were trained on, so the numbers say "
    "little of new ones.",
    Role.UNKNOWN: "Whether these images were trained on is not recorded.",
}


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """One of the runs behind some weights, as the card records it.

    Attributes
    ----------
    dataset : str
        Name of the data set, or of its folder in older cards.
    protocol : TrainingProtocol or None
        Protocol of the run; None: not recorded.
    rule : SplitRule or None
        Rule of the data set's splits; None: not recorded.
    """

    dataset: str
    protocol: TrainingProtocol | None
    rule: SplitRule | None


def domain(card: ModelCard, data: Dataset, split: str) -> dict[str, str]:
    """``id``, ``role``, ``label``, ``reason``, and the card's own ``trained_on``.

    ``id`` is a `Domain` and ``role`` a `Role`; ``label`` and ``reason`` are the same as
    sentences for a reader. Data sets are distinguished by name, which is all that a
    card records; without a ``dataset.toml`` or a known layout, it is the name of the
    folder. Therefore the label is a hint to the reader, not a proof.
    """
    runs = set(_runs(card.training))
    name = data.name
    names = sorted({run.dataset for run in runs})
    role = Role.UNKNOWN
    if not names:
        found = Domain.UNKNOWN
        reason = "The card does not record on which data folder these weights trained."
    elif name not in names and (kin := _same_images(name, names)):
        found, role = Domain.IN, Role.TRAINED_ON
        reason = (
            f"{name} and {kin}, on which these weights were trained, are the same "
            "images, so the numbers say little of new ones."
        )
    elif name not in names:
        found, role = Domain.OUT, Role.HELD_OUT
        reason = (
            f"By the data sets' names: trained on {' and '.join(names)}, measured on "
            f"{name}. Images that both share would not be noticed."
        )
    else:
        found = Domain.IN
        role = _role(card, data, split)
        reason = (
            f"By the data set's name ({name}) and split ({split}): "
            f"{_ROLE_SENTENCES[role]}"
        )
    return {
        "id": str(found),
        "role": str(role),
        "label": _LABELS[found],
        "reason": reason,
        "trained_on": card.data,
    }


def _role(card: ModelCard, data: Dataset, split: str) -> Role:
    """Role of a split in the runs that trained on this data set."""
    runs = [run for run in _runs(card.training) if run.dataset == data.name]
    if any(run.rule != data.rule for run in runs):
        return Role.UNKNOWN  # their splits were others
    if split == "val" and trained_on(card, data):
        return Role.TRAINED_ON
    if split == "test" and any(run.protocol is TrainingProtocol.PAPER for run in runs):
        return Role.CHOSE_WEIGHTS
    return _ROLES.get(split, Role.UNKNOWN)


def trained_on(card: ModelCard, data: Dataset) -> bool:
    """Whether the weights were trained on this data set's validation images too.

    This is probably so if the card has the same images under the name of another data
    set, because other images were held out then than now.
    """
    return any(
        _trains_on_validation(run)
        if run.dataset == data.name
        else bool(_same_images(data.name, [run.dataset]))
        for run in _runs(card.training)
    )


def trained_under(card: ModelCard, data: Dataset) -> str:
    """Describe protocols of the weights' training that differ from the data set's own.

    The text is for the protocol of a result: if the test images chose the epoch of the
    weights, numbers on them are too good, whatever the data set's own rule is. Empty if
    there were no other protocols.
    """
    sentences = sorted(protocol_sentence(*other) for other in _others(card, data))
    return "".join(f"; these weights were trained under: {s}" for s in sentences)


def protocol_fields(card: ModelCard, data: Dataset) -> dict[str, Any]:
    """Machine-readable fields of a result, in addition to its ``protocol``.

    ``split_rule`` is that of the data set. ``trained_under`` holds protocol and split
    rule of runs that trained under different ones; see `trained_under`.
    """
    others = [
        {"protocol_name": protocol, "split_rule": rule.to_json()}
        for rule, protocol in _others(card, data)
    ]
    others.sort(key=repr)
    return {"split_rule": data.rule.to_json(), "trained_under": others}


def _others(
    card: ModelCard, data: Dataset
) -> set[tuple[SplitRule, TrainingProtocol | None]]:
    """Split rule and protocol of runs that are not honest ones on these splits."""
    return {
        (run.rule, run.protocol)
        for run in _runs(card.training)
        if run.rule is not None
        and (run.rule != data.rule or run.protocol is not TrainingProtocol.HONEST)
    }


def split_seed(card: ModelCard) -> int:
    """Random seed that drew the validation images of a card's first run."""
    return next(_seeds(card.training), 0)


def _seeds(training: Mapping[str, Any]) -> Iterator[int]:
    if "config" in training:
        yield int(training["config"].get("split_seed", 0))
    for part in training.get("average_of", ()):
        yield from _seeds(part)


def _trains_on_validation(run: TrainingRun) -> bool:
    return run.protocol is not None and run.protocol.trains_on_validation


def _same_images(name: str, names: Iterable[str]) -> str:
    """One of `names` that is a known data set with the images of `name`; or empty."""

    def source(known: str) -> str:
        return DATASETS[known].images_of or known if known in DATASETS else known

    return next((known for known in names if source(known) == source(name)), "")


def _runs(training: Mapping[str, Any]) -> Iterator[TrainingRun]:
    """Every run that these weights come from."""
    if "config" in training:
        folder = training["config"]["data"]  # all that older cards say
        protocol, rule = training.get("protocol_name"), training.get("split_rule")
        yield TrainingRun(
            training.get("dataset", folder),
            TrainingProtocol(protocol) if protocol else None,
            SplitRule.from_json(rule) if rule else None,
        )
    earlier = training.get("started_from")
    parts = [*training.get("average_of", ()), *training.get("encoders_from", ())]
    for part in [*parts, *([earlier] if earlier else ())]:
        yield from _runs(part)
