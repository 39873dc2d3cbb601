"""What people type, import and read keeps its names: ``interface.json`` of 0.1.0.

More may be added; what is in it is still accepted, with the same defaults.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from interface import (
    apps,
    columns,
    commands,
    exit_codes,
    keys,
    main_of,
    manifest,
    names,
    public,
    settings,
)
from old_files import FILES, HERE, TINY, command, expected_of


def few_resamples(patch: pytest.MonkeyPatch) -> None:
    """Regions and bootstrap intervals that are worth little, in no time."""
    from attnseg_training.gates.suites import SUITES
    from napari_attnseg import statistics

    patch.setattr(statistics, "RESAMPLES", 3)
    patch.setitem(SUITES, "quick", dataclasses.replace(SUITES["quick"], regions=2))


@pytest.fixture(scope="module")
def before() -> Any:
    return expected_of(HERE / "interface.json")


def assert_kept(found: Any, wanted: Any, at: str) -> None:
    """Every key, entry and value is still there; others may have come.

    What had to be given may be left out today.
    """
    if at.endswith("/required") and wanted:
        return
    if isinstance(wanted, Mapping):
        gone = sorted(set(wanted) - set(found))
        assert not gone, f"{at}: {gone} gone"
        for key, value in wanted.items():
            assert_kept(found[key], value, f"{at}/{key}")
    elif isinstance(wanted, list) and not any(isinstance(x, dict) for x in wanted):
        gone = [one for one in wanted if one not in found]
        assert not gone, f"{at}: {gone} gone"
    elif isinstance(wanted, list):
        assert_kept(found[0], wanted[0], f"{at}/0")
    elif wanted is not None or at.startswith("napari"):
        assert found == wanted, at


def test_commands_and_options(before: Any) -> None:
    from typer.main import get_command

    for program, wanted in before["commands"].items():
        found = commands(get_command(apps()[program]))
        assert_kept(found, wanted, program)
        for words, given in wanted.items():
            order = [name for name, one in given.items() if one["kind"] == "argument"]
            now = [n for n, one in found[words].items() if one["kind"] == "argument"]
            assert now == order, f"{program} {words}"
            new = set(found[words]) - set(given)
            needed = [name for name in new if found[words][name]["required"]]
            assert not needed, f"{program} {words} needs {needed} now"


def test_python_names(before: Any) -> None:
    found, wanted = public(), before["python"]
    assert_kept(found, wanted, "python")
    for name, given in wanted["parameters"].items():
        now = list(found["parameters"][name])
        assert now[: len(given)] == list(given), f"{name}: another order"
        for new in now[len(given) :]:
            assert " = " in found["parameters"][name][new], f"{name} needs {new} now"


@pytest.mark.parametrize(
    ("part", "now"), [("napari", manifest), ("names", names), ("settings", settings)]
)
def test_names_that_are_typed_or_stored(before: Any, part: str, now: Any) -> None:
    assert_kept(now(), before[part], part)


def test_exit_codes(before: Any, tmp_path: Path) -> None:
    import typer

    codes = before["exit codes"]
    assert exit_codes() == codes
    assert command("attnseg --version").code == codes["DONE"]
    gone = command("attnseg segment gone.png --out out")
    assert gone.code == codes["WRONG_USE"] and "gone.png" in gone.err
    assert command("attnseg segment").code == codes["WRONG_USE"]
    assert command("attnseg-train fit --data gone").code == codes["WRONG_USE"]
    wrong = tmp_path / "wrong"
    shutil.copytree(FILES / "data" / "polyps", wrong)
    (wrong / "masks" / "p03.png").unlink()
    assert command(f"attnseg-train check {wrong}").code == codes["SOME_FAILED"]

    app = typer.Typer()

    @app.command()
    def stopped() -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as stop:
        patch.setattr("sys.argv", ["stopped"])
        main_of(app)()
    assert stop.value.code == codes["INTERRUPTED"]


@pytest.mark.usefixtures("no_pictures")
def test_what_is_written_today_has_the_names_keys_and_columns(
    before: Any, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(files / "results" / "plain")
    for path in [*files.glob("runs/done/*"), *files.rglob("*.json")]:
        path.unlink(missing_ok=True)  # what is left is written today
    few_resamples(monkeypatch)
    (files / "snapshots.toml").write_text("snapshot_every = 1\n")
    weights, on = "weights/tiny.safetensors", "--data data/listed --device cpu"
    done = "runs/done/best.safetensors"
    lines = (
        f"attnseg segment images --objects --out results/plain --weights {weights} "
        "--device cpu",
        f"attnseg-train fit --data data/polyps --model tiny-resunet --batch 4 {TINY} "
        "--config snapshots.toml --epochs 2 --out runs/done",
        f"attnseg-train evaluate {weights} {on} --json measured/test.json "
        "--csv measured/test.csv",
        f"attnseg-train evaluate {done} {on} --json measured/look-1.json "
        "--csv measured/look-1.csv",
        f"attnseg-train evaluate {done} {on} --json measured/look-2.json",
        "attnseg-train compare measured/test.csv measured/look-1.csv "
        "--json measured/compare.json",
        "attnseg-train check data/polyps --json measured/check.json",
        f"attnseg-train faithfulness {weights} {on} --out measured/suite",
    )
    for line in lines:
        ended = command(line)
        assert ended.code == 0, (line, ended.err)
    wanted = before["files"]
    names = {path.name for path in (files / "results/plain").iterdir()}
    assert names >= set(wanted["results folder"])
    names = {path.name for path in (files / "runs/done").iterdir()}
    assert names >= set(wanted["run folder"]) - {"output.log"}
    for name in wanted:
        path = files / name
        if path.suffix == ".json" and path.is_file():
            assert_kept(keys(expected_of(path)), wanted[name], name)
        elif path.suffix == ".csv" and path.is_file():
            assert_kept(columns(path), wanted[name], name)
    text = (files / "runs/done/config.toml").read_text("utf-8")
    assert set(tomllib.loads(text)) >= set(wanted["runs/done/config.toml"])


def test_a_perturbed_interface_is_noticed(before: Any) -> None:
    """The comparison above is one: a name that goes and a default that changes."""
    found = json.loads(json.dumps(before))
    del found["commands"]["attnseg"]["segment"]["--flip"]
    with pytest.raises(AssertionError, match="--flip"):
        assert_kept(found, before, "")
    found = json.loads(json.dumps(before))
    found["settings"]["lr"] = "0.002"
    with pytest.raises(AssertionError, match="settings/lr"):
        assert_kept(found, before, "")
