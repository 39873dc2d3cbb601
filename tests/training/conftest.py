"""Fixtures shared by the tests of the trainer."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from attnseg_training.cli import main

PNG = b"\x89PNG\r\n\x1a\n"
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def plain_curves_of_module() -> Iterator[None]:
    """`plain_curves` for fixtures that train once for a module."""
    with pytest.MonkeyPatch.context() as patch:
        _plain(patch)
        yield


@pytest.fixture
def plain_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write a placeholder as ``curves.png``: drawing it takes most of a tiny epoch."""
    _plain(monkeypatch)


def _plain(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        "attnseg_training.runs.curves.curves_png",
        lambda rows, measured_on="validation": PNG,
    )


@pytest.fixture
def small_suite(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure what gates mean in 3×3 regions, with intervals that are worth little.

    For tests that look at no interval: decoding and resampling regions, and shuffling
    gates again and again, takes most of a gate suite on few images.
    """
    from attnseg_training.gates.suites import SUITES

    monkeypatch.setattr("napari_attnseg.statistics.RESAMPLES", 20)
    monkeypatch.setattr("attnseg_training.gates.checks.DRAWS", 3)
    quick = dataclasses.replace(SUITES["quick"], regions=3)
    monkeypatch.setitem(SUITES, "quick", quick)


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run ``attnseg-train`` by its entry point, in this process."""

    def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        words = ["attnseg-train", *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", words)
        out, err, code = io.StringIO(), io.StringIO(), 0
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                main()
            except SystemExit as stop:
                code = int(stop.code or 0)
        return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())

    return command


@pytest.fixture(scope="session")
def trained_once(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Runs that were trained in this session, by the name of what was trained."""
    return {}


@pytest.fixture
def trained(
    trained_once: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
    tmp_path: Path,
) -> Callable[[str, Callable[[Path], object]], Path]:
    """Train a run once in a session and give each test a copy of its folder.

    The first test that asks for a name trains it, with a function of the run folder.
    """

    def copy(name: str, train: Callable[[Path], object]) -> Path:
        if name not in trained_once:
            folder = tmp_path_factory.mktemp("trained") / "run"
            train(folder)
            trained_once[name] = folder
        return Path(shutil.copytree(trained_once[name], tmp_path / f"{name}-copy"))

    return copy


@pytest.fixture
def call(in_process: Command, plain_curves: None) -> Command:
    """As `train`, in this process: where the process is not what is tested."""
    return in_process


@pytest.fixture
def fit(data_folder: Path) -> list[str | Path]:
    """A fit of seconds; --out is for the test to add."""
    return [
        *("fit", "--data", data_folder, "--model", "tiny", "--epochs", "2"),
        *("--seed", "3", "--device", "cpu", "--batch", "4"),
    ]
