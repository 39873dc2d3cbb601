"""Columns of the table of gate options, as typed headings with names in files.

The names of the headings are keys of ``table.json`` and column titles of ``table.md``.
Only this module writes and reads these names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from attnseg_training.gates.damage import COPIES
from attnseg_training.gates.keys import (
    ALL,
    DICE,
    ENCODERS,
    LEVELS,
    Damage,
    Key,
    Measure,
)
from attnseg_training.gates.suites import SUITES

#: Kinds of one-sided damage in the table: those of the quick suite.
DAMAGED = SUITES["quick"].kinds


class Agreement(StrEnum):
    """Kinds of agreement with measured trust, by name in ``faithfulness.json``."""

    #: Over all regions.
    AUROC = "auroc"
    #: Among regions that are alike in the model's own mask.
    ALIKE = "alike"


class PerGate(StrEnum):
    """Measurements of each gate, other than its agreement."""

    PATTERN_VALUE = "pattern_value"
    #: How clearly the gate draws the lesion: psi inside of it minus outside.
    CONTRAST = "contrast"


@dataclass(frozen=True, slots=True)
class Mean:
    """Mean over images of a measurement, or of a measurement minus another one."""

    key: Key
    minus: Key | None = None


@dataclass(frozen=True, slots=True)
class AgreementOf:
    """Agreement with measured trust, without damage or with one kind of it."""

    agreement: Agreement
    kind: str = ""


@dataclass(frozen=True, slots=True)
class AtLevel:
    """A measurement of the gate of one level, or of all gates together."""

    what: AgreementOf | PerGate
    level: str


Heading = Mean | AtLevel

PATTERN_VALUE = Mean(DICE, Key(Measure.DICE, ALL, "mean"))
MEANS: tuple[Mean, ...] = (
    Mean(DICE),
    PATTERN_VALUE,
    *(
        Mean(Key(Measure.DICE, "", Damage(encoder, kind)))
        for kind in DAMAGED
        for encoder in ENCODERS
    ),
    *(Mean(Key(Measure.DICE_COPY, "", name), DICE) for name in COPIES),
)
AGREEMENTS = tuple(
    AgreementOf(agreement, kind) for agreement in Agreement for kind in ("", *DAMAGED)
)

_AGREEMENT_NAMES = {
    Agreement.AUROC: "agreement",
    Agreement.ALIKE: "agreement, like mask",
}
_PER_GATE_NAMES = {
    PerGate.PATTERN_VALUE: "worth of this gate's pattern",
    PerGate.CONTRAST: "psi inside minus outside",
}


def name_of(heading: Heading | AgreementOf | PerGate) -> str:
    """Name of a heading in ``table.json`` and ``table.md``."""
    match heading:
        case AtLevel(what, level):
            return f"{name_of(what)} {level}"
        case AgreementOf(agreement, kind):
            damaged = f", damaged ({kind})" if kind else ""
            return f"{_AGREEMENT_NAMES[agreement]}{damaged}"
        case PerGate():
            return _PER_GATE_NAMES[heading]
        case Mean(Key(Measure.DICE_COPY, _, name)):
            return f"{name} copies"
        case Mean(Key(_, _, Damage(encoder, kind, _))):
            return f"Dice, {encoder} damaged ({kind})"
    return "Dice" if heading.minus is None else "worth of the gates' pattern"


def heading_of(name: str) -> Heading | None:
    """Inverse of `name_of`; None for another name."""
    return _headings_by_name().get(name)


def every_heading() -> Iterator[Heading]:
    """Every heading that a table may have."""
    yield from MEANS
    for what in AGREEMENTS:
        yield from (AtLevel(what, level) for level in (*LEVELS, ALL))
    for measure in PerGate:
        yield from (AtLevel(measure, level) for level in LEVELS)


@cache
def _headings_by_name() -> dict[str, Heading]:
    return {name_of(heading): heading for heading in every_heading()}
