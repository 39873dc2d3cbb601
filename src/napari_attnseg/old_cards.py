"""Reader of model cards whose protocol and temperature are sentences only.

Cards written before these facts had machine-readable fields say them in English.
`with_machine_fields` reads these sentences once, when such a card is loaded. Only these
old wordings are read; later cards have the fields.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from napari_attnseg.protocols import SplitRule, SplitSource, TrainingProtocol

_ENDINGS = {
    TrainingProtocol.ALL: (
        "; protocol 'all': trained on train and val, the last epoch kept, so that "
        "numbers on val say little"
    ),
    TrainingProtocol.PAPER: (
        "; protocol of the paper: trained on train and val, and the epoch was chosen "
        "on test, so that numbers on test are flattered"
    ),
}


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE | re.DOTALL)


_CARVED_FROM_ALL = _pattern("no (.*)/ folder; val: a tenth of all, seed ([0-9]+)")
_LISTED = _pattern("splits as listed in (.*)/")
_PUBLISHED = _pattern("splits as published")
_CARVED_FROM_TRAIN = _pattern("honest: (.*); val: a tenth of (.*), seed ([0-9]+)")
_TRAIN_LIST = _pattern("(.*)/train[.]txt")
_TEST_LIST = _pattern("test is .*/(test|val)[.]txt")
_TEST_PART = _pattern("test is the published (test|val) part")
_TEMPERATURE = _pattern("(.*), split ([^,]*), n = ([0-9]+)(?:, of the weights (.*))?")


def with_machine_fields(training: Mapping[str, Any]) -> dict[str, Any]:
    """Add the fields that an earlier version did not write to a card's ``training``.

    The fields are ``protocol_name`` and ``split_rule`` beside ``protocol``, and
    ``temperature_from`` beside ``temperature``. They are added to this record and to
    those of all earlier runs inside it. Records that have these fields are not changed.
    """
    found = dict(training)
    if "protocol" in found and "split_rule" not in found:
        protocol, rule = read_protocol(str(found["protocol"]))
        found["protocol_name"] = protocol
        found["split_rule"] = None if rule is None else rule.to_json()
    if "temperature" in found and "temperature_from" not in found:
        found["temperature_from"] = _temperature(str(found["temperature"]))
    for key in ("average_of", "encoders_from"):
        if key in found:
            found[key] = [with_machine_fields(run) for run in found[key]]
    if found.get("started_from"):
        found["started_from"] = with_machine_fields(found["started_from"])
    return found


def read_protocol(sentence: str) -> tuple[TrainingProtocol | None, SplitRule | None]:
    """Read protocol and split rule from a card's sentence; None if it does not say."""
    for protocol, ending in _ENDINGS.items():
        if sentence.casefold().endswith(ending.casefold()):
            return protocol, _rule(sentence[: -len(ending)])
    rule = _rule(sentence)
    known = rule is not None and rule.source is not SplitSource.OTHER
    return (TrainingProtocol.HONEST if known else None), rule


def _rule(sentence: str) -> SplitRule | None:
    if not sentence:
        return None
    if found := _CARVED_FROM_ALL.fullmatch(sentence):
        return SplitRule(
            SplitSource.CARVED_FROM_ALL, lists=found[1], seed=int(found[2])
        )
    if found := _LISTED.fullmatch(sentence):
        return SplitRule(SplitSource.GIVEN, lists=found[1])
    if _PUBLISHED.fullmatch(sentence):
        return SplitRule(SplitSource.GIVEN)
    if found := _CARVED_FROM_TRAIN.fullmatch(sentence):
        test, train = found[1], _TRAIN_LIST.fullmatch(found[2])
        given = _TEST_LIST.fullmatch(test) or _TEST_PART.fullmatch(test)
        return SplitRule(
            SplitSource.CARVED_FROM_TRAIN,
            lists=train[1] if train else "",
            test=given[1] if given else "",
            seed=int(found[3]),
        )
    return SplitRule(SplitSource.OTHER, text=sentence)


def _temperature(sentence: str) -> dict[str, Any]:
    """Data set, split and number of images that a temperature was fitted on."""
    found = _TEMPERATURE.fullmatch(sentence)
    if not found:
        return {}
    images = {"dataset": found[1], "split": found[2], "n": int(found[3])}
    return {**images, "weights_sha256": found[4]} if found[4] else images
