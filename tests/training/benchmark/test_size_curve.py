"""The cost curves: that every case is measured or said not to be. No time is judged."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from attnseg_training.benchmark import size_curve
from attnseg_training.benchmark.one_size import Case, Frames, Kind, large_image, measure
from attnseg_training.benchmark.size_curve import Curve, measure_curve, size_cases
from attnseg_training.commands.benchmark import app
from napari_attnseg.cards import read_card
from napari_attnseg.errors import DeviceError


def test_a_stack_of_a_few_frames(
    tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        size_curve, "_in_own_process", lambda case, limit: measure(case)
    )
    files = {name: tmp_path / f"stack.{name}" for name in ("json", "markdown")}
    words = ["stack", "--frames", "3", "--weights", str(tiny_weights)]
    words += [x for name, file in files.items() for x in (f"--{name}", str(file))]
    done = CliRunner().invoke(app, [*words, "--threads", "0"])
    assert done.exit_code == 0, done.output
    summary = json.loads(files["json"].read_text())
    (row,) = summary["rows"]
    assert (row["kind"], row["size"], row["finished"]) == ("stack", 3, True)
    assert row["cpu_s"] > 0 and row["peak_mb"] > 50
    assert summary["weights"] == "tiny.safetensors"
    table = files["markdown"].read_text()
    assert table in done.output and "| 3 | stack |" in table
    assert "CUDA and MPS: not measured." in table


def test_memory_and_first_mask_of_a_film(tiny_weights: Path) -> None:
    row = measure(Case(Kind.FILM, 8, str(tiny_weights), "cpu", 0))
    assert (row["kind"], row["size"]) == ("film", 8)
    assert 0 < row["first_mask_wall_s"] <= row["wall_s"]
    assert len(row["resident_mb"]) == 4 and min(row["resident_mb"]) > 50
    assert size_cases("film", [2, 1], peer=False)[0] == (Kind.FILM, 1)


def test_each_case_has_a_process_and_a_limit(tiny_weights: Path) -> None:
    curve = measure_curve("large", [0.01], str(tiny_weights), limit=0.01)
    kinds = [(row["kind"], row["finished"]) for row in curve.rows]
    assert kinds == [("one pass", False), ("tiles", False)]
    assert curve.markdown().count("did not finish") == 2


def test_a_catalog_name_has_random_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def loads(case: Case, limit: float) -> dict[str, object]:
        seen.append(read_card(Path(case.weights)).spec.name)
        return {"kind": str(case.kind), "size": case.size, "finished": False}

    monkeypatch.setattr(size_curve, "_in_own_process", loads)
    curve = measure_curve("stack", [64], "tiny")
    assert seen == ["tiny"] and curve.weights == "tiny-random.safetensors"
    assert {"machine", "date", "load_average", "rows"} <= curve.summary().keys()


def test_a_device_that_is_not_there_is_one_sentence(tiny_weights: Path) -> None:
    with pytest.raises(DeviceError, match="There is no device 'cuda:99' here"):
        measure_curve("stack", [1], str(tiny_weights), "cuda:99")


def test_tiles_and_one_pass_of_a_large_image(tiny_weights: Path) -> None:
    for kind in (Kind.ONE_PASS, Kind.TILES):
        row = measure(Case(kind, 0.02, str(tiny_weights), "cpu", 0))
        assert row["kind"] == str(kind) and row["wall_s"] >= 0
    image = np.arange(300, dtype=np.uint8).reshape(10, 10, 3)
    assert large_image(image, 0.0006).shape == (20, 30, 3)


def test_frames_are_made_when_they_are_asked_for() -> None:
    image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    stack = Frames(image, 1000)
    assert len(stack) == 1000 and stack.shape == (1000, 2, 2, 3)
    np.testing.assert_array_equal(stack[3], image[:, ::-1])


def test_the_peer_is_timed_where_it_does_not_take_too_long() -> None:
    kinds = size_cases("large", [24, 1, 4], peer=True)
    assert [size for kind, size in kinds if kind is Kind.MONAI] == [1, 4]
    assert [size for kind, size in kinds if kind is Kind.TILES] == [1, 4, 24]
    assert size_cases("stack", [2, 1], peer=True) == [(Kind.STACK, 1), (Kind.STACK, 2)]


def test_what_each_frame_costs_is_in_the_table() -> None:
    row = {"kind": "stack", "size": 64, "finished": True, "cpu_s": 32.0}
    row |= {"wall_s": 40.0, "loaded_mb": 500, "peak_mb": 520}
    table = Curve("stack", "w", "cpu", 1, [row]).markdown()
    assert "| 64 | stack | 32.0 | 0.50 | 40.0 | 520 | 20 |" in table
