"""Where results are to go is looked at before the work for them begins."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from napari_attnseg.errors import InputError
from napari_attnseg.io.outputs import expect_writable


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    return tmp_path


@pytest.mark.parametrize("name", ["new", "file", "folder/new", "no/such/new"])
def test_a_file_may_be_new_or_replaced(here: Path, name: str) -> None:
    expect_writable(here / name, False, "--json")
    assert sorted(p.name for p in here.iterdir()) == ["file", "folder"]


@pytest.mark.parametrize(
    ("name", "folder", "words"),
    [
        ("folder", False, "folder cannot be written because it is a folder"),
        ("file/new", False, "file is no folder; expected a file in a folder"),
        ("file", True, "file is no folder; expected a folder for --json"),
        ("file/a/b", True, "file is no folder; expected a folder for --json"),
    ],
)
def test_what_lies_there_is_told(
    here: Path, name: str, folder: bool, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        expect_writable(here / name, folder, "--json")


def test_a_folder_that_may_not_be_changed_is_told(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = here / "folder"
    # Who runs the tests may be one to whom every folder is open.
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != locked)
    expect_writable(here / "new", False, "--json")
    for name, folder in (("a.json", False), ("a/b.json", False), ("a", True)):
        with pytest.raises(InputError, match="may not write into the folder"):
            expect_writable(locked / name, folder, "--json")


#: What a command needs besides the path of a result that is asked for.
WORDS = {
    "attnseg demo": [],
    "attnseg segment": ["a.png"],
    "attnseg explain": ["a.png", "--method", "gate"],
    "attnseg agreement": ["a.jsonl", "b.jsonl"],
    "attnseg report": ["results"],
    "attnseg export": ["results", "--format", "coco"],
    "attnseg-train datasets": [],
    "attnseg-train check": ["d"],
    "attnseg-train frames": ["film.mp4", "masks"],
    "attnseg-train fit": ["--data", "d"],
    "attnseg-train evaluate": ["w", "--data", "d"],
    "attnseg-train compare": ["a.csv", "b.csv"],
    "attnseg-train faithfulness": ["w", "--data", "d"],
    "attnseg-train two-stage": ["--data", "d"],
    "attnseg-train table": ["gates", "--data", "d"],
    "attnseg-train figure": ["3", "w", "--data", "d"],
    "attnseg-train trust-labels": ["run"],
    "attnseg-train expected-dice": ["w", "--data", "d"],
    "attnseg-train fit-clicks": ["w", "--data", "d"],
    "attnseg-train clicks": ["w", "--data", "d"],
    "attnseg-train average": ["w"],
    "attnseg-train calibrate": ["w"],
    "attnseg-train export": ["w"],
    "attnseg-train release": ["--data", "d"],
    "attnseg-train benchmark inference": [],
    "attnseg-train benchmark training": ["--data", "d"],
    "attnseg-train benchmark stack": [],
    "attnseg-train benchmark film": [],
    "attnseg-train benchmark large": [],
    "attnseg-train benchmark start": [],
    "attnseg-train benchmark threads": [],
    "attnseg-train benchmark whatif": [],
    "attnseg-train benchmark precision": ["--data", "d"],
    "attnseg-train import": ["c.pth"],
}
#: What a command does not go without, where another of its results is asked for.
NEEDED = {"attnseg-train fit-clicks": ["--out", "c.safetensors"]}
#: Parameters of commands that name what is written; all others are read.
WRITTEN = (
    *("out", "json_file", "csv_file", "markdown_file"),
    *("report_folder", "figure", "head_only"),
)


def programs() -> dict[str, typer.Typer]:
    from attnseg_training.cli import app as training
    from napari_attnseg.cli import app

    return {"attnseg": app, "attnseg-train": training}


def written(name: str) -> list[list[str]]:
    """How each result of a command is asked for: its option, or nothing."""
    program, *words = name.split()
    found: Any = typer.main.get_command(programs()[program])
    for word in words:
        found = found.commands[word]
    return [
        [max(p.opts, key=len)] if p.param_type_name == "option" else []
        for p in found.params
        if p.name in WRITTEN
    ]


def refusal(name: str, option: list[str], path: Path) -> str:
    program, *words = name.split()
    needed = [] if option == ["--out"] else NEEDED.get(name, [])
    given = [*words, *WORDS[name], *needed, *option, str(path)]
    done = CliRunner().invoke(programs()[program], given)
    assert isinstance(done.exception, InputError), (given, done)
    return str(done.exception)


@pytest.mark.parametrize("name", WORDS)
def test_every_command_asks_first(here: Path, name: str) -> None:
    assert written(name)
    for option in written(name):
        said = refusal(name, option, here / "file" / "x")
        assert "x cannot be written" in said and "file is no folder" in said
        if "a file in a folder" in said:
            assert "because it is a folder" in refusal(name, option, here / "folder")


def test_every_command_that_writes_is_asked() -> None:
    from itertools import chain

    def names(command: Any, name: str) -> list[str]:
        below = getattr(command, "commands", {})
        if below:
            return list(chain(*(names(c, f"{name} {w}") for w, c in below.items())))
        return [name] if any(p.name in WRITTEN for p in command.params) else []

    found = [names(typer.main.get_command(app), n) for n, app in programs().items()]
    assert set(chain(*found)) == set(WORDS)


def test_evaluate_looks_before_it_reads_anything(here: Path) -> None:
    from attnseg_training.cli import app

    words = ["evaluate", "no-weights", "--data", "nowhere", "--json"]
    done = CliRunner().invoke(app, [*words, str(here / "folder")])
    assert isinstance(done.exception, InputError)
    assert "expected a file for --json" in str(done.exception)
    assert CliRunner().invoke(app, [*words, str(here), "--help"]).exit_code == 0
