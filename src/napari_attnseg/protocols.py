"""Training protocols and split rules, as data. No torch.

A protocol says which images a run trained on and which chose its epoch; a split rule
says where a data set's training, validation and test images come from. Cards and
results store both as machine-readable fields, and code uses only these. The sentences
of this module are made from the fields, for people, and are never read back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class TrainingProtocol(StrEnum):
    """Which images are trained on, and which choose the epoch that is kept."""

    #: Validation images choose the epoch; test images are left alone.
    HONEST = "honest"
    #: Validation images are trained on too; the last epoch is kept.
    ALL = "all"
    #: All but the test images are trained on, and these choose the epoch.
    PAPER = "paper"

    @property
    def trains_on_validation(self) -> bool:
        """Whether the run trains on the validation images."""
        return self is not TrainingProtocol.HONEST


class SplitSource(StrEnum):
    """Protocol by which the splits of a data set are chosen."""

    #: Training, validation and perhaps test images are given.
    GIVEN = "given"
    #: Validation images are a seeded tenth of the given training images.
    CARVED_FROM_TRAIN = "carved_from_train"
    #: No split is given: validation images are a seeded tenth of all.
    CARVED_FROM_ALL = "carved_from_all"
    #: Described by a card of an earlier version in words that are not known.
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class SplitRule:
    """Rule that says which images each split has; equal rules give equal splits.

    Attributes
    ----------
    source : SplitSource
        Kind of the rule.
    lists : str
        Folder of the lists of names; empty: the splits are folders.
    test : str
        Given split that is the test set, ``"test"`` or ``"val"``; empty: none, or the
        splits are used as they are given.
    seed : int or None
        Random seed of the validation part; None: it is given.
    text : str
        For `SplitSource.OTHER`: the text in the card.
    """

    source: SplitSource
    lists: str = ""
    test: str = ""
    seed: int | None = None
    text: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary for JSON; fields without a value are left out."""
        return {k: v for k, v in asdict(self).items() if v not in ("", None)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SplitRule:
        """Inverse of `to_json`; raises an error for an unknown source or key."""
        return cls(**{**data, "source": SplitSource(data["source"])})


def rule_sentence(rule: SplitRule) -> str:
    """Describe a split rule to a reader."""
    if rule.source is SplitSource.OTHER:
        return rule.text
    if rule.source is SplitSource.GIVEN:
        where = f"listed in {rule.lists}/" if rule.lists else "published"
        return f"splits as {where}"
    if rule.source is SplitSource.CARVED_FROM_ALL:
        return f"no {rule.lists}/ folder; val: a tenth of all, seed {rule.seed}"

    def given(split: str) -> str:
        if rule.lists:
            return f"{rule.lists}/{split}.txt"
        return f"the published {split} part"

    test = f"test is {given(rule.test)}" if rule.test else "no test split"
    return f"honest: {test}; val: a tenth of {given('train')}, seed {rule.seed}"


#: What a protocol adds to the sentence of the data set's split rule.
_ADDED = {
    TrainingProtocol.ALL: (
        "; protocol 'all': trained on train and val, the last epoch kept, so that "
        "numbers on val say little"
    ),
    TrainingProtocol.PAPER: (
        "; protocol of the paper: trained on train and val, and the epoch was chosen "
        "on test, so that numbers on test are flattered"
    ),
}


def protocol_sentence(rule: SplitRule, protocol: TrainingProtocol | None) -> str:
    """Describe to a reader where the splits come from, and what chose the epoch.

    `protocol` is None if it is not recorded.
    """
    added = "" if protocol is None else _ADDED.get(protocol, "")
    return rule_sentence(rule) + added
