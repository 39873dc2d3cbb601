"""Names of the gate suite's results in files: each is written and read back alike."""

import json
from pathlib import Path
from typing import Any

import pytest

from attnseg_training.experiments.gate_headings import (
    AgreementOf,
    AtLevel,
    Mean,
    every_heading,
    heading_of,
    name_of,
)
from attnseg_training.gates.columns import (
    OTHER_MEASURES,
    column_key,
    column_name,
    damage_name,
    damage_of,
    every_key,
)
from attnseg_training.gates.controls import CONTROLS
from attnseg_training.gates.damage import COPIES
from attnseg_training.gates.keys import CHANGES, ENCODERS, LEVELS, PLACES, Key, Measure
from attnseg_training.gates.sanity import PARTS
from napari_attnseg.explanations.interventions import INTERVENTIONS

RESULTS = Path(__file__).parents[3] / "training" / "results"
#: Numbers and texts beside the headings in a row of a table.
_FACTS = {"seeds", "training", "device"}


def results_of(*keys: str) -> list[Any]:
    """Stored results of the gate suite that have these keys."""
    found = [
        pytest.param(content, id=path.stem)
        for path in sorted(RESULTS.glob("*gates*.json"))
        if set(keys) <= (content := json.loads(path.read_text())).keys()
    ]
    assert found
    return found


def test_every_name_is_of_one_key_and_leads_back_to_it() -> None:
    keys = list(every_key())
    assert len(set(keys)) == len(keys) == len(set(map(column_name, keys)))
    assert [column_key(column_name(key)) for key in keys] == keys
    assert {key.measure for key in keys} == set(Measure)
    headings = list(every_heading())
    assert len(set(map(name_of, headings))) == len(headings)
    assert [heading_of(name_of(heading)) for heading in headings] == headings
    assert column_key("a column of another version") is None
    assert heading_of("training") is None and damage_of("n") is None


def test_names_of_columns_are_a_file_format() -> None:
    """Columns that were ever written can be read; new measures add others."""
    path = Path(__file__).parent / "per_image_columns.txt"
    names = path.read_text(encoding="utf-8").splitlines()
    assert len(names) > 600
    for name in names:
        key = column_key(name)
        assert key is not None and column_name(key) == name


@pytest.mark.parametrize("found", results_of("gates", "damage"))
def test_names_in_stored_results_are_known(found: dict[str, Any]) -> None:
    assert list(found["interventions"]) == list(INTERVENTIONS)
    assert tuple(found["gates"]) == LEVELS
    damaged = [name for name in found["damage"] if name != "n"]
    # The first results had one kind of damage only, named by its encoder.
    kinds = [name for name in damaged if name not in ENCODERS]
    assert kinds or "suite" not in found
    for name in kinds:
        damage = damage_of(name)
        assert damage is not None and damage_name(damage) == name
    for gate in found["gates"].values():
        assert list(gate["moved"]) == damaged
        assert tuple(gate["follows"]) == tuple(gate["follows_only"]) == CONTROLS
        assert set(gate["psi"]) == set(PLACES)
        assert set(gate["stable"]) <= set(CHANGES)
        assert set(gate.get("shuffled", PARTS)) == set(PARTS)
    assert set(found.get("copies", {})) - {"n"} <= set(COPIES)
    for name, other in found.get("rivals", {"n": 0}).items():
        if name != "n":
            assert tuple(other) == tuple(OTHER_MEASURES.values())
            assert column_key(column_name(Key(Measure.OTHER_STABLE, "", name)))


@pytest.mark.parametrize("found", results_of("rows"))
def test_headings_of_stored_tables_are_known(found: dict[str, Any]) -> None:
    for row in found["rows"].values():
        for name in row.keys() - _FACTS:
            heading = heading_of(name)
            assert heading is not None and name_of(heading) == name
    assert heading_of("agreement, damaged (noise) 1/8") != heading_of("agreement 1/8")
    assert isinstance(heading_of("Dice"), Mean)
    all_gates = heading_of("agreement, like mask, damaged (noise) all")
    assert isinstance(all_gates, AtLevel) and isinstance(all_gates.what, AgreementOf)
