"""What cards of earlier versions say in sentences is understood as it was by these.

``lineage_of_old_cards.json`` holds what version 0.1.0 said of the bundled weights, of
every stored result, and of made-up training records.
"""

import ast
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

import napari_attnseg.old_cards
from attnseg_training.datasets import Dataset
from attnseg_training.runs import lineage
from attnseg_training.runs.lineage import (
    Domain,
    Role,
    domain,
    protocol_fields,
    split_seed,
    trained_on,
    trained_under,
)
from napari_attnseg import protocols
from napari_attnseg.cards import ModelCard
from napari_attnseg.old_cards import read_protocol, with_machine_fields
from napari_attnseg.protocols import (
    SplitRule,
    TrainingProtocol,
    protocol_sentence,
    rule_sentence,
)

RESULTS = Path(__file__).parents[3] / "training" / "results"
BEFORE = json.loads(
    (Path(__file__).parent / "lineage_of_old_cards.json").read_text(encoding="utf-8")
)
RULES: dict[str, str] = BEFORE["rules"]
STORED = {name: group["said"] for group in BEFORE["stored"] for name in group["of"]}


def data_of(name: str, rule: str) -> Dataset:
    split_rule = read_protocol(RULES[rule])[1]
    assert split_rule is not None
    return Dataset(Path(name), {}, split_rule, name, ("lesion",))


def said_of(card: ModelCard, before: dict[str, Any]) -> dict[str, Any]:
    """The same questions as in the recorded answers `before`."""
    answers = []
    for asked in before["data"]:
        data = data_of(asked["name"], asked["rule"])
        answers.append(
            {
                "name": asked["name"],
                "rule": asked["rule"],
                "trained_on": trained_on(card, data),
                "trained_under": trained_under(card, data),
                "domain": {
                    split: {
                        key: domain(card, data, split)[key]
                        for key in ("label", "reason")
                    }
                    for split in asked["domain"]
                },
            }
        )
    return {"split_seed": split_seed(card), "data": answers}


@pytest.fixture(scope="module")
def bundled() -> ModelCard:
    """The card of the weights that came with version 0.1.0."""
    files = Path(__file__).parents[2] / "compatibility" / "files"
    cards = json.loads((files / "cards.json").read_text(encoding="utf-8"))
    return ModelCard.from_json(json.dumps(cards["kvasir-seg, bundled compact"]))


def protocol_sentences(facts: Any) -> set[str]:
    """Every sentence of a protocol in the training records of a result."""
    if isinstance(facts, dict):
        own = {facts["protocol"]} if "config" in facts and "protocol" in facts else ()
        return set(own).union(*map(protocol_sentences, facts.values()))
    if isinstance(facts, list):
        return set().union(*map(protocol_sentences, facts))
    return set()


def test_every_stored_result_is_understood_as_before(bundled: ModelCard) -> None:
    trainings = {
        path.name: found["training"]
        for path in RESULTS.glob("*.json")
        if path.name in STORED  # later ones are written by what reads them
        and "training" in (found := json.loads(path.read_text(encoding="utf-8")))
    }
    assert set(STORED) == {*trainings, "compact.safetensors"} and len(STORED) > 25
    for name, training in trainings.items():
        card = dataclasses.replace(bundled, training=training)
        assert said_of(card, STORED[name]) == STORED[name], name
        for sentence in protocol_sentences(training):
            protocol, rule = read_protocol(sentence)
            assert protocol is not None and rule is not None
            assert protocol_sentence(rule, protocol) == sentence
    assert (
        said_of(bundled, STORED["compact.safetensors"]) == STORED["compact.safetensors"]
    )
    assert bundled.training["temperature_from"] == {
        "dataset": "kvasir-seg",
        "split": "val",
        "n": 88,
    }


@pytest.mark.parametrize("made", BEFORE["made"], ids=lambda made: str(made["rule"]))
def test_every_split_rule_and_protocol_is_understood_as_before(
    bundled: ModelCard, made: dict[str, Any]
) -> None:
    card = dataclasses.replace(bundled, training=made["training"])
    assert said_of(card, made["said"]) == made["said"]
    again = ModelCard.from_json(card.to_json())
    assert again.training == card.training
    assert said_of(again, made["said"]) == made["said"]
    if made["rule"]:
        rule = SplitRule.from_json(card.training["split_rule"])
        protocol = TrainingProtocol(card.training["protocol_name"])
        assert protocol == made["protocol"]
        assert rule_sentence(rule) == RULES[made["rule"]]
        assert protocol_sentence(rule, protocol) == made["training"]["protocol"]


def test_fields_decide_and_not_the_sentence(
    bundled: ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = data_of("discs", "official")
    run = {
        "dataset": "discs",
        "config": {"data": "discs"},
        "protocol": "told in other words",
        "protocol_name": "all",
        "split_rule": data.rule.to_json(),
    }
    card = dataclasses.replace(bundled, training=run)
    assert trained_on(card, data)
    found = domain(card, data, "val")
    assert (found["id"], found["role"]) == (Domain.IN, Role.TRAINED_ON)
    assert protocol_fields(card, data)["trained_under"] == [
        {"protocol_name": "all", "split_rule": data.rule.to_json()}
    ]
    monkeypatch.setitem(protocols._ADDED, TrainingProtocol.ALL, "; REWORDED")
    monkeypatch.setitem(lineage._ROLE_SENTENCES, Role.TRAINED_ON, "REWORDED")
    assert trained_under(card, data).endswith("; REWORDED") and trained_on(card, data)
    assert domain(card, data, "val")["role"] == Role.TRAINED_ON
    paper = dataclasses.replace(card, training={**run, "protocol_name": "paper"})
    assert domain(paper, data, "test")["role"] == Role.CHOSE_WEIGHTS
    honest = dataclasses.replace(card, training={**run, "protocol_name": "honest"})
    assert domain(honest, data, "test")["role"] == Role.HELD_OUT
    assert not trained_on(honest, data)
    assert protocol_fields(honest, data)["trained_under"] == []
    # Another random seed is another split.
    other = dataclasses.replace(data, rule=dataclasses.replace(data.rule, seed=1))
    assert domain(honest, other, "test")["role"] == Role.UNKNOWN
    assert domain(honest, data_of("else", "official"), "test")["id"] == Domain.OUT


class _UpperCase(ast.NodeTransformer):
    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        if isinstance(node.value, str) and " " in node.value:
            return ast.copy_location(ast.Constant(node.value.upper()), node)
        return node


def test_the_reader_does_not_depend_on_the_case_of_its_sentences() -> None:
    path = Path(napari_attnseg.old_cards.__file__)
    tree = _UpperCase().visit(ast.parse(path.read_text(encoding="utf-8")))
    changed: dict[str, Any] = {"__name__": "changed"}
    exec(compile(ast.fix_missing_locations(tree), str(path), "exec"), changed)
    for made in BEFORE["made"]:
        training = {**made["training"], "temperature": "discs, split val, n = 3"}
        assert changed["with_machine_fields"](training) == with_machine_fields(training)
