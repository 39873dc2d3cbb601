"""The benchmarks of start and threads: what they write. No time is judged."""

import json
import statistics
from pathlib import Path

import pytest
from typer.testing import CliRunner

from attnseg_training.benchmark import start
from attnseg_training.benchmark.start import BY_OPENVINO, LEAST, SEGMENT, cpu_seconds
from attnseg_training.benchmark.thread_count import FREE, ONE, OURS, SPINNING, TAKEN
from attnseg_training.cli import app
from napari_attnseg.errors import InputError
from napari_attnseg.weights import DEFAULT_WEIGHTS


def run(what: str, weights: Path, folder: Path, rounds: int) -> tuple[dict, str]:
    files = folder / "a.json", folder / "a.md"
    words = ["benchmark", what, "--weights", weights, "--rounds", rounds]
    words += ["--json", files[0], "--markdown", files[1]]
    done = CliRunner().invoke(app, list(map(str, words)), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    table = files[1].read_text("utf-8")
    assert table in done.stdout
    return json.loads(files[0].read_text("utf-8")), table


def test_start_compares_a_fresh_process_with_the_least_there_is(
    tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "QUICK", {"attnseg --help": 0.4})
    monkeypatch.setattr(start, "openvino_installed", lambda: False)
    found, table = run("start", tiny_weights, tmp_path, 1)
    seconds = found["cpu_seconds"]
    assert list(seconds) == [LEAST, SEGMENT, "attnseg --help"]
    quick = seconds["attnseg --help"][0]  # which does not import torch
    assert 0 < quick < min(seconds[LEAST][0], seconds[SEGMENT][0])
    assert found["ratio"] == pytest.approx(seconds[SEGMENT][0] / seconds[LEAST][0])
    assert found["reached"][SEGMENT] is (found["ratio"] <= found["goal"][SEGMENT])
    assert {"machine", "versions", "date", "threads"} <= found.keys()
    assert f"{found['ratio']:.2f} times that" in table
    assert f"| {BY_OPENVINO} | not measured | 2.5 |" in table


@pytest.mark.parametrize("device", ["openvino", "cpu"])
def test_a_start_by_openvino_counts_where_it_computed(
    device: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[list[str]] = []

    def process(words: list[str]) -> tuple[float, str]:
        """Stands for one that takes as many seconds as there were before it."""
        ran.append(words)
        if "--out" in words:
            out = Path(words[words.index("--out") + 1])
            facts = {"provenance": {"device": device}}
            (out / "polyp.json").write_text(json.dumps(facts))
        return float(len(ran)), "0"

    monkeypatch.setattr(start, "openvino_installed", lambda: True)
    monkeypatch.setattr(start, "cpu_seconds", process)
    found = start.benchmark_start(tmp_path / "polyp.png", DEFAULT_WEIGHTS, 1)
    assert ran[0][-1] == "openvino"  # not timed: it may have to compile
    timed = [4.0] if device == "openvino" else None
    assert found["cpu_seconds"].get(BY_OPENVINO) == timed
    assert found["reached"].get(BY_OPENVINO) is (False if timed else None)
    assert found["goal"][BY_OPENVINO] == 2.5


def test_cpu_seconds_are_those_of_the_process() -> None:
    busy = "import time\nwhile time.process_time() < 0.6: pass\nprint(7)"
    taken, printed = cpu_seconds(["-c", busy])
    assert 0.6 <= taken < 1.2 and printed == "7\n"
    assert cpu_seconds(["-c", "import time; time.sleep(0.7)"])[0] < 0.5
    with pytest.raises(InputError, match="ZeroDivisionError"):
        cpu_seconds(["-c", "1 / 0"])


def test_threads_are_timed_beside_a_program_that_takes_a_core(
    tiny_weights: Path, tmp_path: Path
) -> None:
    found, table = run("threads", tiny_weights, tmp_path, 1)
    assert list(found["seconds"]) == [FREE, TAKEN]
    for state, ways in found["seconds"].items():
        assert list(ways) == [ONE, OURS, SPINNING]
        for way in (OURS, SPINNING):
            ratios = [a / b for a, b in zip(ways[way], ways[ONE])]
            assert found["ratio"][state][way] == pytest.approx(
                statistics.median(ratios)
            )
    assert found["threads"][ONE] == 1
    assert f"| {ONE}: 1 |" in table
