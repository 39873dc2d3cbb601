"""Check machine-written sentences against the measured facts.

A sentence is shown only if all its words are in a closed list, and each of its numbers
is the number of a fact, has the unit of that fact and follows the word that names its
quantity. A sentence therefore cannot state a diagnosis, a judgement, a negation or a
number in words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum

from napari_attnseg.reports.measured import COUNTED, OF_LARGEST, QUANTITIES, Fact

#: Sentences and characters of one that are looked at, at most.
MOST, LONGEST = 12, 300
_SAID = (
    "a an the of is are was were has have with and in on at its it this that by from "
    "to for image mask object segmentation measured expected estimated mean largest "
    "longest lies value predictive model contains shows"
)
#: Everything that may be said besides numbers and units.
_WORDS = frozenset(_SAID.casefold().split()).union(*QUANTITIES.values())
#: Words that name the quantity of the number before them.
_BEHIND = ("wide", "high")
#: Words that mean something else without the other one.
_ONLY_WITH = {"mean": "probability", "longest": "diameter", "predictive": "doubt"}
_ONLY_WITH |= {"expected": "dice", "estimated": "dice"}
_UNITS = frozenset({"%", "px", "mm", "mm²", "µm", "µm²", "cm", "cm²", "bit", "object"})
_TOKEN = re.compile(r"[0-9]+(?:\.[0-9]+)?|[A-Za-z]+²?|µm²?|%")
_BETWEEN = re.compile(r"[ ,:()×]*")
#: Between two numbers only: elsewhere it would be a minus.
_DASHES = ("–", "-")
_END = re.compile(r"(?<=\.)\s+(?=[A-Z])|\n+")


class Dropped(StrEnum):
    """Reasons to drop a sentence."""

    #: It has characters, or a length, that a plain sentence has not.
    FORM = "form"
    #: A word that is not in the closed list.
    WORD = "word"
    #: A number that is no measured one, or has another unit or quantity.
    NUMBER = "number"
    #: It says nothing that was measured, or names a quantity without its number.
    NO_FACT = "no_fact"
    #: There were too many.
    TOO_MANY = "too_many"


def check(
    text: str, facts: Sequence[Fact]
) -> tuple[tuple[str, ...], tuple[Dropped, ...]]:
    """Return the sentences that the facts support, and why others are dropped."""
    kept: list[str] = []
    dropped: list[Dropped] = []
    sentences = [one.strip() for one in _END.split(text) if one.strip()]
    for sentence in sentences[:MOST]:
        why = _fault(sentence, facts)
        if why is None:
            kept.append(sentence)
        else:
            dropped.append(why)
    dropped += [Dropped.TOO_MANY] * len(sentences[MOST:])
    return tuple(kept), tuple(dropped)


def _fault(sentence: str, facts: Sequence[Fact]) -> Dropped | None:
    """Reason not to show a sentence, or None."""
    body = sentence.removesuffix(".")
    tokens, rests = _TOKEN.findall(body), _TOKEN.split(body)
    plain = all(
        _BETWEEN.fullmatch(rest)
        or (rest in _DASHES and at > 0 and tokens[at - 1][0].isdigit())
        for at, rest in enumerate(rests)
    )
    if body == sentence or len(sentence) > LONGEST or not plain:
        return Dropped.FORM
    words = [token.lower() for token in tokens if not token[0].isdigit()]
    if any(word not in _WORDS and not _unit(word) for word in words):
        return Dropped.WORD
    quantities = [_quantity(token) for token in tokens]
    told = set[str]()
    for at, token in enumerate(tokens):
        if token[0].isdigit():
            unit = _unit(tokens[at + 1] if at + 1 < len(tokens) else "")
            quantity = "count" if unit == COUNTED else _named(tokens, at)
            if not _borne_out(token, unit, quantity, facts):
                return Dropped.NUMBER
            told.add(str(quantity))
    if not told or not told >= {one for one in quantities if one}:
        return Dropped.NO_FACT
    return None if _means_that(words, told) else Dropped.WORD


def _means_that(words: Sequence[str], told: set[str]) -> bool:
    """Whether the words fit the quantities whose numbers a sentence gives."""
    alone = any(one in words and of not in told for one, of in _ONLY_WITH.items())
    bare = "dice" in told and not {"expected", "estimated"} & set(words)
    whose = told <= OF_LARGEST if "largest" in words else not told & OF_LARGEST
    return whose and not alone and not bare


def _quantity(token: str) -> str | None:
    found = (name for name, words in QUANTITIES.items() if token.lower() in words)
    return next(found, None)


def _unit(token: str) -> str:
    """Unit that a word stands for, as in facts; empty if it is not a unit."""
    plain = token.lower()
    if plain in ("object", "objects"):
        return COUNTED
    return {"bits": "bit"}.get(plain, plain if plain in _UNITS else "")


def _named(tokens: Sequence[str], at: int) -> str | None:
    """The quantity named last before a number, or else the first one after it."""
    quantities = [_quantity(token) for token in tokens]
    if len(tokens) > at + 2 and tokens[at + 2] in _BEHIND:
        return quantities[at + 2]
    before = (one for one in reversed(quantities[:at]) if one)
    return next(before, next((one for one in quantities[at:] if one), None))


def _borne_out(
    number: str, unit: str, quantity: str | None, facts: Sequence[Fact]
) -> bool:
    """Whether a fact of this quantity has the number and its unit."""
    value = Decimal(number)
    return any(
        (fact.quantity, fact.unit) == (quantity, unit) and Decimal(fact.value) == value
        for fact in facts
    )
