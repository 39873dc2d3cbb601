"""Weights and model cards that version 0.1.0 wrote say what they said then."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from old_code import (
    card_in,
    card_words,
    dataset_in,
    domain_module,
    explanation,
    segmenter_of,
)
from old_files import (
    FILES,
    assert_holds,
    command,
    expected,
    expected_of,
    listed,
    reworded,
    with_card,
    without_paths,
    without_words,
)

#: Explanations that read the card, and some that do not.
MAPS = ("gate, recalibrated", "gates at a glance", "measured trust", "entropy")


def weights_answer(weights: Path) -> dict[str, Any]:
    """A weights file: its card, and what it makes of an image."""
    card = card_in(weights)
    segmenter = segmenter_of(weights)
    image = picture("polyp.png")
    found = segmenter(image)
    maps = {}
    for method in MAPS:
        seen = explanation(segmenter, image, method)
        maps[method] = seen if isinstance(seen, str) else map_facts(seen)
    return {
        "words": card_words(card),
        "verdicts": [card.verdict(stride) for stride in (4, 8, 16, 32)],
        "sha256": segmenter.sha256,
        "provenance": {
            key: value
            for key, value in found.provenance.items()
            if key not in ("date", "versions", "mask_sha256")
        },
        "mask": int((found.mask > 0).sum()),
        "probability": [float(p) for p in np.quantile(found.probability, (0, 0.5, 1))],
        "gates": [
            [gate.name, gate.finding, gate.decorative, float(gate.values.mean())]
            for gate in found.attention
        ],
        "maps": maps,
    }


def map_facts(seen: Any) -> dict[str, Any]:
    return {
        "level": seen.level,
        "scale": seen.scale,
        "finding": seen.finding,
        "shape": list(seen.values.shape),
        "mean": float(seen.values.mean()),
    }


def glance_answer(folder: Path) -> dict[str, Any]:
    """The map "at a glance" by the card of the weights that came with 0.1.0."""
    card = expected_of(FILES / "cards.json")["kvasir-seg, bundled compact"]
    weights = folder / "glance.safetensors"
    with_card(FILES / "weights" / "tiny.safetensors", weights, card, "combination")
    seen = explanation(segmenter_of(weights), picture("polyp.png"), "gates at a glance")
    return map_facts(seen)


def picture(name: str) -> Any:
    from PIL import Image

    return np.asarray(Image.open(FILES / "images" / name))


def card_file(folder: Path, card: dict[str, Any]) -> Path:
    """A weights file with this card and no tensors, enough to read the card from."""
    facts = {"__metadata__": {"attnseg_card": json.dumps(card), "attnseg_sha256": "0"}}
    head = json.dumps(facts).encode()
    path = folder / "card.safetensors"
    path.write_bytes(len(head).to_bytes(8, "little") + head)
    return path


def build_data(folder: Path) -> dict[str, Path]:
    """Name → data folder of each layout in ``layouts.json``; its images are one pixel.

    The folders of the real images had the same files.
    """
    from PIL import Image

    pixel = io.BytesIO()
    Image.new("L", (1, 1)).save(pixel, "PNG")
    found = {}
    for name, layout in expected_of(FILES / "layouts.json").items():
        for file, text in layout["files"].items():
            path = folder / layout["root"] / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(pixel.getvalue() if text is None else text.encode())
        prefix = layout["prefix"]
        found[name] = Path(f"{prefix}{folder / layout['root']}")
    return found


def card_answer(card: Any, data: dict[str, Any]) -> dict[str, Any]:
    """What a card says of itself, and of images by the words of its protocol."""
    domain = domain_module()
    answer: dict[str, Any] = {
        "words": card_words(card),
        "split_seed": domain.split_seed(card),
    }
    for name, dataset in data.items():
        said = {split: domain.domain(card, dataset, split) for split in dataset.splits}
        answer[f"on {name}"] = {
            "trained_on": domain.trained_on(card, dataset),
            "trained_under": domain.trained_under(card, dataset),
            **{part: f"{one['label']}: {one['reason']}" for part, one in said.items()},
        }
        answer["data"] = next(iter(said.values()))["trained_on"]
    return answer


def asked_of(card: str, layouts: dict[str, Any]) -> list[str]:
    """Data that a card is asked about: its own, and some that are always asked."""
    always = ("polyps", "renamed", "relisted", "listed", "hyperkvasir")
    own = [name for name in layouts if card.split(",")[0] == name]
    return list(dict.fromkeys([*own, *always]))


def cards_answer(folder: Path) -> dict[str, Any]:
    data = {name: dataset_in(path) for name, path in build_data(folder).items()}
    return {
        name: card_answer(
            card_in(card_file(folder, card)),
            {one: data[one] for one in asked_of(name, data)},
        )
        for name, card in expected_of(FILES / "cards.json").items()
    }


#: Histories whose weights are asked for a temperature, or to lend theirs.
CALIBRATED = (
    *("polyps, honest", "polyps, all", "polyps, encoders of paper"),
    *("polyps, calibrated on test", "polyps, all, borrowed temperature"),
)


def calibration_answer(folder: Path) -> dict[str, Any]:
    """Of each history: whether validation images may be fitted, and it may lend."""
    cards = expected_of(FILES / "cards.json")
    weights, out = folder / "weights.safetensors", folder / "out.safetensors"
    found = {}
    for name in CALIBRATED:
        with_card(
            FILES / "weights" / "tiny.safetensors",
            *(weights, cards[name], "training", "temperature"),
        )
        fit = command(
            f"attnseg-train calibrate {weights} {out} --device cpu "
            f"--data {FILES / 'data' / 'polyps'}"
        )
        lend = command(
            f"attnseg-train calibrate {FILES / 'weights' / 'tiny.safetensors'} {out} "
            f"--like {weights}"
        )
        found[name] = {
            "fits": fit.code,
            "lends": lend.code,
            "said": without_paths([fit.err, lend.err], folder, FILES),
        }
    return found


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folders = build_data(tmp_path_factory.mktemp("data"))
    return {name: dataset_in(path) for name, path in folders.items()}


def test_weights_make_the_same_of_an_image() -> None:
    found = weights_answer(FILES / "weights" / "tiny.safetensors")
    wanted = expected("weights")
    assert found.pop("mask") == pytest.approx(wanted.pop("mask"), abs=5)
    assert_holds(reworded(found), wanted, rough=2e-3)


def test_a_card_that_earned_a_map_at_a_glance_gives_it(tmp_path: Path) -> None:
    assert_holds(glance_answer(tmp_path), expected("glance"), rough=2e-3)


@pytest.mark.parametrize("name", listed(FILES / "cards.json"))
def test_a_card_tells_what_its_weights_were_trained_on(
    tmp_path: Path, data: dict[str, Any], name: str
) -> None:
    card = card_in(card_file(tmp_path, expected_of(FILES / "cards.json")[name]))
    asked = {one: data[one] for one in asked_of(name, data)}
    found = without_words(card_answer(card, asked))
    assert_holds(found, without_words(expected("cards")[name]), name)


def test_cards_tell_it_in_the_same_words(tmp_path: Path) -> None:
    """Which part an image had in a run is in these sentences only."""
    assert_holds(reworded(cards_answer(tmp_path)), expected("cards"))


def test_a_temperature_is_refused_and_lent_as_before(tmp_path: Path) -> None:
    found, wanted = calibration_answer(tmp_path), expected("calibration")
    assert_holds(without_words(found), without_words(wanted))
    assert_holds(reworded(found), wanted)  # in the same words
    assert {one["fits"] for one in wanted.values()} == {0, 2}
    assert {one["lends"] for one in wanted.values()} == {0, 2}


def test_weights_are_exported_with_what_was_measured_of_them(files: Path) -> None:
    before = files / "weights" / "tiny.safetensors"
    done = command(
        f"attnseg-train export {before} again.safetensors --half "
        "--texts release/texts.toml --metrics release/seed-0/test.json "
        "--gates release/gates.json --combination release/gates-val.json"
    )
    assert done.code == 0, done.err
    assert done.out.strip() == expected("weights")["sha256"]
    again, wanted = (
        json.loads(card_in(path).to_json())
        for path in (files / "again.safetensors", before)
    )
    assert wanted["metrics"]["dice"] and wanted["gates"]["all"]["verdict"]
    assert_holds(again, wanted)
