"""Names of the gate suite's measurements in files, and back.

Only this module writes and reads the names of the columns of ``per_image.csv`` and of
the damages in ``faithfulness.json``. A name is not parsed, but looked up among all
names that can be written.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from functools import cache
from itertools import product

import numpy as np

from attnseg_training.gates.controls import CONTROLS
from attnseg_training.gates.damage import COPIES, KINDS
from attnseg_training.gates.keys import (
    ALL,
    CHANGES,
    DICE,
    ENCODERS,
    IMAGE,
    LEVELS,
    PLACES,
    REGIONS,
    Damage,
    Key,
    Measure,
    Row,
    damages,
)
from attnseg_training.gates.sanity import PARTS
from napari_attnseg.explanations import EXPLAINERS
from napari_attnseg.explanations.interventions import INTERVENTIONS
from napari_attnseg.reader_record import BOTH

#: Measures of other explanations → their names in files.
OTHER_MEASURES = {
    Measure.OTHER_LOCALISES: "localises",
    Measure.OTHER_STABLE: "stable mirrored",
    Measure.OTHER_SHUFFLED: "shuffled decoder",
}


def damage_name(damage: Damage) -> str:
    """Name of a damage in ``faithfulness.json``."""
    return f"{damage.encoder} damaged ({damage.kind} {damage.severity:.2f})"


def damage_of(name: str) -> Damage | None:
    """Inverse of `damage_name`; None for another name."""
    return _damages_by_name().get(name)


def column_name(key: Key) -> str:
    """Name of a measurement's column in ``per_image.csv``."""
    measure, level, condition = key
    if measure in OTHER_MEASURES:
        return f"rival {condition}: {OTHER_MEASURES[measure]}"
    if measure is Measure.DICE_COPY:
        return f"dice, {condition} copy"
    if measure is Measure.PSI_SHUFFLED_GATES:
        return f"psi, shuffled gates {level}"
    name = measure.replace("_", " ")
    if isinstance(condition, Damage):
        name += f", {damage_name(condition)}"
    elif condition:
        name += f" {condition}"
    return f"{name} {level}" if level else name


def column_key(name: str) -> Key | None:
    """Inverse of `column_name`; None for a column of another version."""
    return _keys_by_name().get(name)


def rows_csv(rows: list[Row]) -> str:
    """Write the numbers of each image as CSV; a missing number is empty."""
    keys = dict.fromkeys(key for row in rows for key in row)
    numbers = {
        key: column_name(key)
        for key in keys
        if not any(isinstance(row.get(key), np.ndarray) for row in rows)
    }
    text = io.StringIO()
    writer = csv.DictWriter(text, list(numbers.values()))
    writer.writeheader()
    for row in rows:
        own = {name: row[key] for key, name in numbers.items() if key in row}
        writer.writerow(own)
    return text.getvalue()


def every_key() -> Iterator[Key]:
    """Every measurement of an image that any suite can make."""
    everywhere = (ALL, *LEVELS)
    hurt = tuple(damages(tuple(KINDS)))
    yield from (IMAGE, DICE)
    yield from (Key(Measure.ATTENTION, level) for level in LEVELS)
    for measure, level in product((Measure.DICE, Measure.FLIPPED), everywhere):
        yield from (Key(measure, level, name) for name in INTERVENTIONS)
    for measure, level in product(REGIONS, everywhere):
        yield Key(measure, level)
        yield from (Key(measure, level, damage) for damage in hurt)
    for level in LEVELS:
        yield from (Key(Measure.PSI, level, place) for place in PLACES)
        yield from (Key(Measure.FOLLOWS, level, name) for name in CONTROLS)
        yield from (Key(Measure.FOLLOWS_ONLY, level, name) for name in CONTROLS)
        yield from (Key(Measure.STABLE, level, change) for change in CHANGES)
        yield from (Key(Measure.SHUFFLED, level, part) for part in PARTS)
        yield from (Key(Measure.MOVED_INSIDE, level, damage) for damage in hurt)
        yield from (Key(Measure.MOVED_OUTSIDE, level, damage) for damage in hurt)
        yield Key(Measure.LOCALISES, level)
        yield Key(Measure.EFFECTIVE_SHARE, level)
        yield Key(Measure.PSI_SHUFFLED_GATES, level)
    yield from (Key(Measure.DICE, "", damage) for damage in hurt)
    yield from (Key(Measure.DICE_MEAN_ALL, "", damage) for damage in hurt)
    yield from (Key(Measure.DICE_COPY, "", copied) for copied in COPIES)
    for measure in (
        Measure.READERS_AGREE,
        Measure.READERS_DIFFER,
        Measure.DISAGREEMENTS,
    ):
        yield Key(measure)
    yield from (Key(Measure.READER_RIGHT, "", who) for who in (BOTH, *ENCODERS))
    yield from (Key(Measure.DRAWN_ALONE_RIGHT, "", who) for who in ENCODERS)
    for measure in OTHER_MEASURES:
        yield from (Key(measure, "", name) for name in EXPLAINERS)


@cache
def _keys_by_name() -> dict[str, Key]:
    return {column_name(key): key for key in every_key()}


@cache
def _damages_by_name() -> dict[str, Damage]:
    return {damage_name(damage): damage for damage in damages(tuple(KINDS))}
