"""Measurements, tables and a release of version 0.1.0 are read as they were then."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from old_code import card_in, evaluation_table, gate_card, speed_table
from old_files import (
    FILES,
    TINY,
    assert_holds,
    command,
    expected,
    expected_of,
    reworded,
    without_intervals,
)


def rendered(table: Any) -> str:
    """A rich table as it stands on a wide terminal."""
    from rich.console import Console

    text = io.StringIO()
    Console(file=text, width=120).print(table)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines())


def picture_texts(draw: Callable[[], Any]) -> list[str]:
    """What a figure that `draw` saves has to say, without its short labels."""
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    texts: list[str] = []

    def read(figure: Figure, *given: Any, **options: Any) -> None:
        texts.extend(one.get_text() for one in figure.findobj(Text))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", read)
        draw()
    return [text for text in texts if len(text) > 20]


def measured_answer(file: Path) -> dict[str, Any]:
    """Tables and words that are made of one JSON file with measurements."""
    found = json.loads(file.read_text("utf-8"))
    if "gates" in found:
        return {"texts": picture_texts(lambda: gate_card(found))}
    if "steps_per_round" in found:
        table, words = speed_table(found)
        return {"table": rendered(table), "words": words}
    return {"table": rendered(evaluation_table(found))}


MEASURED = (
    *("test", "val", "flip", "medsam", "classes", "all", "paper", "look-1", "look-2"),
    *("suite/faithfulness", "benchmark", "../release/gates"),
)


def all_measured() -> dict[str, Any]:
    folder = FILES / "measured"
    return {name: measured_answer(folder / f"{name}.json") for name in MEASURED}


COMPARE = "attnseg-train compare measured/test.csv measured/flip.csv --json {}"


def compared_answer(folder: Path) -> dict[str, Any]:
    """Two evaluations' CSV files, compared image by image."""
    with contextlib.chdir(FILES), pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "120")
        done = command(COMPARE.format(folder / "compare.json"))
    assert done.code == 0, done.err
    lines = [line.rstrip() for line in done.err.splitlines()]
    return {"said": lines, "found": expected_of(folder / "compare.json")}


TABLE_3 = (
    "attnseg-train table 3 --family tiny --data data/listed --out table-3 --config "
    f"table-3/base.toml --encoder-weights scratch --seeds 2 {TINY} "
    "--rows 'No attention' --rows 'Double Weighted' --rows 'Weighted Double'"
)


TABLE_GATES = (
    "attnseg-train table gates --data data/listed --out table-gates --config "
    f"table-gates/base.toml --encoder-weights scratch --seeds 2 {TINY} --split test "
    "--rows plain --rows 'encoder dropout'"
)


RELEASE = (
    "attnseg-train release --data data/listed --config release/base.toml "
    f"--texts release/texts.toml --out release {TINY} --seeds {{}}"
)


def release_answer(files: Path) -> dict[str, Any]:
    """A release that is done, called once more in a copy of ``files/``."""
    out = files / "release"
    (out / "release.json").unlink()
    # The same tensors, of which the release kept two files.
    weights = files / "weights" / "tiny.safetensors"
    shutil.copy(weights, out / "seed-0" / "calibrated.safetensors")
    with contextlib.chdir(files):
        done = command(RELEASE.format(1))
    assert done.code == 0, done.err
    lines = [line.rstrip() for line in done.err.splitlines()]
    return {"said": lines, "release": expected_of(out / "release.json")}


@pytest.mark.parametrize("name", MEASURED)
def test_measurements_are_shown_in_the_same_words(name: str) -> None:
    found = measured_answer(FILES / "measured" / f"{name}.json")
    assert_holds(reworded(found), expected("measured")[name], name)


def test_evaluations_are_compared_as_before(tmp_path: Path) -> None:
    found = compared_answer(tmp_path)
    wanted = expected("compared")
    assert found["said"][0].split() == wanted["said"][0].split()
    assert_holds(without_intervals(found["found"]), without_intervals(wanted["found"]))
    before = expected_of(FILES / "measured" / "compare.json")
    assert_holds(without_intervals(found["found"]), without_intervals(before))


@pytest.mark.usefixtures("no_pictures")
@pytest.mark.parametrize("line", [TABLE_3, TABLE_GATES], ids=["3", "gates"])
def test_a_table_that_is_done_is_not_done_again(files: Path, line: str) -> None:
    (out,) = (files / word for word in ("table-3", "table-gates") if word in line)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    tables = [path for path in before if path.name.startswith("table.")]
    assert {path.suffix for path in tables} >= {".json", ".md"}
    for path in tables:
        path.unlink()
    done = command(line)
    assert done.code == 0, done.err
    assert not list(out.rglob("*.safetensors")), "something was trained"
    for path, data in before.items():
        if path.name == "table.json":
            found, wanted = map(
                without_intervals, (expected_of(path), json.loads(data))
            )
            assert_holds(found, wanted)
        elif path in tables:  # with other intervals
            assert path.is_file(), path.name
        else:
            assert path.read_bytes() == data, path.name


@pytest.mark.usefixtures("no_pictures")
def test_a_release_that_is_done_is_not_done_again(files: Path) -> None:
    out, weights = files / "release", files / "weights" / "tiny.safetensors"
    before = expected_of(out / "release.json")
    found, wanted = release_answer(files), expected("release")
    assert_holds(found, wanted)
    assert wanted["release"] == before
    assert not (out / "seed-0" / "best.safetensors").exists(), "something was trained"
    assert len(expected_of(out / "seed-0" / "evaluations.json")) == 1
    cards = [card_in(path).to_json() for path in (out / "tiny.safetensors", weights)]
    assert_holds(*map(json.loads, cards))
    two = expected_of(out / "two-seeds.json")
    assert set(two) == set(before) and len(two["seeds"]) == 2
