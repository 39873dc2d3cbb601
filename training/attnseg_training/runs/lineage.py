"""How measured images relate to those of the training: only what the card tells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attnseg_training.datasets import DATASETS, Dataset
from napari_attnseg.cards import ModelCard

IN, OUT, UNKNOWN = "in domain", "out of domain", "domain not known"

#: Follows a data set's own split rule where `fit` trained on the validation images too.
TRAINED_ON_ALL = (
    "; protocol 'all': trained on train and val, the last epoch kept, so that numbers "
    "on val say little"
)

#: The same where it chose the epoch on the test images.
CHOSEN_ON_TEST = (
    "; protocol of the paper: trained on train and val, and the epoch was chosen on "
    "test, so that numbers on test are flattered"
)

#: What `fit` does with a split.
_ROLES = {
    "train": "These images were trained on, so the numbers say little of new ones.",
    "val": "The weights were chosen on these images, so the numbers are flattering.",
    "test": "These images were neither trained on nor used by fit to choose weights.",
    "all": "Most of these images were trained on, so the numbers say little of new "
    "ones.",
}


def domain(card: ModelCard, data: Dataset, split: str) -> dict[str, str]:
    """``label``, the ``reason`` for it, and the card's own ``trained_on``.

    Data sets are told apart by their names (without a ``dataset.toml`` or a known
    layout: the folder's), which is all that a card records: the label is a hint to the
    reader, not a proof.
    """
    runs = set(_runs(card.training))
    name = data.name
    names = sorted({known for known, _ in runs})
    if not names:
        label = UNKNOWN
        reason = "The card does not record on which data folder these weights trained."
    elif name not in names and (kin := _same_images(name, names)):
        label = IN
        reason = (
            f"{name} and {kin}, on which these weights were trained, are the same "
            "images, so the numbers say little of new ones."
        )
    elif name not in names:
        label = OUT
        reason = (
            f"By the data sets' names: trained on {' and '.join(names)}, measured on "
            f"{name}. Images that both share would not be noticed."
        )
    else:
        label = IN
        same = {protocol for known, protocol in runs if known == name}
        unknown = "Whether these images were trained on is not recorded."
        rules = ("", TRAINED_ON_ALL, CHOSEN_ON_TEST)
        alike = same <= {data.protocol + rule for rule in rules}
        part = split
        if split == "val" and trained_on(card, data):
            part = "train"
        elif split == "test" and data.protocol + CHOSEN_ON_TEST in same:
            part = "val"  # their part in such a run
        role = _ROLES.get(part, unknown) if alike else unknown
        reason = f"By the data set's name ({name}) and split ({split}): {role}"
    return {"label": label, "reason": reason, "trained_on": card.data}


def trained_on(card: ModelCard, data: Dataset) -> bool:
    """Whether the weights were trained on this data set's validation images too.

    So they were, most likely, where they know its images by another name: what was held
    out then has nothing to do with what is now.
    """
    return any(
        protocol.endswith((TRAINED_ON_ALL, CHOSEN_ON_TEST))
        if name == data.name
        else bool(_same_images(data.name, [name]))
        for name, protocol in _runs(card.training)
    )


def trained_under(card: ModelCard, data: Dataset) -> str:
    """Other split rules than the data's under which the weights were trained.

    For a result's protocol: of weights whose epoch the test images chose, numbers on
    these are flattered, whatever the data set's own rule is. Empty: none.
    """
    others = {rule for _, rule in _runs(card.training)} - {"", data.protocol}
    return "".join(f"; these weights were trained under: {r}" for r in sorted(others))


def split_seed(card: ModelCard) -> int:
    """Seed by which the validation images of a card's (first) run were carved out."""
    return next(_seeds(card.training), 0)


def _seeds(training: Mapping[str, Any]) -> Iterator[int]:
    if "config" in training:
        yield int(training["config"].get("split_seed", 0))
    for part in training.get("average_of", ()):
        yield from _seeds(part)


def _same_images(name: str, names: Iterable[str]) -> str:
    """One of `names` that is a known data set with the images of `name`; or empty."""

    def source(known: str) -> str:
        return DATASETS[known].images_of or known if known in DATASETS else known

    return next((known for known in names if source(known) == source(name)), "")


def _runs(training: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Data set and split rule of every run that these weights come from."""
    if "config" in training:
        folder = training["config"]["data"]  # all that older cards say
        yield training.get("dataset", folder), training.get("protocol", "")
    earlier = training.get("started_from")
    parts = [*training.get("average_of", ()), *training.get("encoders_from", ())]
    for part in [*parts, *([earlier] if earlier else ())]:
        yield from _runs(part)
