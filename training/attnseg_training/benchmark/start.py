"""Measure the CPU seconds of a new process up to its first mask.

It is compared with the minimum for a network in torch: import torch and run the
network. All processes run in turns, on one thread, so that other work on the machine
disturbs all of them equally. CPU seconds are measured, because they do not count the
time of other programs.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attnseg_training.benchmark.machine import facts_of_machine
from napari_attnseg.devices import OPENVINO, openvino_installed
from napari_attnseg.errors import InputError
from napari_attnseg.weights import DEFAULT_WEIGHTS

LEAST, SEGMENT = "import torch, run the network", "attnseg segment"
#: With what OpenVINO compiled at an earlier start; imports no torch.
BY_OPENVINO = "attnseg segment --device openvino"
#: Command → the most seconds of CPU that it is to take.
QUICK = {
    "attnseg --help": 0.4,
    "attnseg-train --help": 0.4,
    "attnseg models": 1.0,
}
#: How many times `LEAST` a first mask is to take at most.
GOAL = 1.7
#: The most seconds of CPU that it is to take by OpenVINO.
GOAL_BY_OPENVINO = 2.5

#: Prints the CPU seconds of the network's first run, and of nothing else.
_FIRST_RUN = """
import sys, time
import torch
from napari_attnseg import Segmenter
network = Segmenter.from_checkpoint(sys.argv[1], "cpu").network
size = network.spec.size
image = torch.zeros(1, 3, size, size).to(memory_format=torch.channels_last)
with torch.inference_mode():
    begun = time.process_time()
    network(image)
    print(time.process_time() - begun)
"""
_MODULES = {"attnseg": "napari_attnseg.cli", "attnseg-train": "attnseg_training.cli"}


def benchmark_start(
    image: Path,
    weights: str = DEFAULT_WEIGHTS,
    rounds: int = 7,
    watch: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Measure the CPU seconds of new processes; JSON-ready.

    Parameters
    ----------
    image : Path
        Image that is segmented.
    weights : str
        Bundled name or file.
    rounds : int
        Number of rounds, in each of which every process runs; the result is the median.
    watch : callable
        Called with (rounds done, rounds in all).

    Raises
    ------
    InputError
        If a process fails, or on Windows, which does not give the CPU time of a process
        that has ended.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as out:
        segment = "attnseg segment {} --out {} --weights {} --threads 1 --device "
        given = str(image), out, weights
        ways = {
            LEAST: ["-c", "import torch"],
            SEGMENT: _command(f"{segment} cpu", *given),
        }
        by_openvino = _command(f"{segment} openvino", *given)
        if openvino_installed():
            cpu_seconds(by_openvino)  # compiles what was not compiled yet
            (file,) = Path(out).glob(f"{image.stem}.json")
            if json.loads(file.read_text("utf-8"))["provenance"]["device"] == OPENVINO:
                ways[BY_OPENVINO] = by_openvino
        ways |= {words: _command(words) for words in QUICK}
        run = ["-c", _FIRST_RUN, weights]
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        for done in range(rounds):
            watch(done, rounds)
            for way, words in ways.items():
                seconds[way].append(cpu_seconds(words)[0])
            # A process that imports torch, and the run in one that has the network.
            seconds[LEAST][-1] += float(cpu_seconds(run)[1])
    watch(rounds, rounds)
    median = {way: statistics.median(taken) for way, taken in seconds.items()}
    pairs = zip(seconds[SEGMENT], seconds[LEAST], strict=True)
    ratio = statistics.median(whole / least for whole, least in pairs)
    goals = {**QUICK, BY_OPENVINO: GOAL_BY_OPENVINO}
    return {
        "benchmark": "start",
        "weights": weights,
        **facts_of_machine(),
        "threads": 1,
        "rounds": rounds,
        "cpu_seconds": seconds,
        "median_cpu_s": median,
        "ratio": ratio,
        "goal": {SEGMENT: GOAL, **goals},
        "reached": {
            SEGMENT: ratio <= GOAL,
            **{way: median[way] <= goals[way] for way in goals if way in median},
        },
    }


def markdown_of_start(summary: Mapping[str, Any]) -> str:
    """Format the result as a Markdown table."""
    median, ratio = summary["median_cpu_s"], summary["ratio"]
    lines = [
        f"## start: {summary['weights']}",
        "",
        f"{machine_line(summary)}; one thread.",
        "",
        "| fresh process | seconds of CPU | goal |",
        "|---|---|---|",
        f"| {LEAST} | {median[LEAST]:.2f} | |",
        f"| {SEGMENT}, one image | {median[SEGMENT]:.2f}, {ratio:.2f} times that | "
        f"{GOAL:g} times |",
    ]
    for way, goal in summary["goal"].items():
        if way != SEGMENT:
            found = f"{median[way]:.2f}" if way in median else "not measured"
            lines.append(f"| {way} | {found} | {goal:g} |")
    return "\n".join(lines) + "\n"


def machine_line(summary: Mapping[str, Any]) -> str:
    """Describe the machine in one line."""
    known = ", ".join(f"{name} {one}" for name, one in summary["versions"].items())
    return (
        f"{summary['machine']}, {summary['date']}; {known}. Median of "
        f"{summary['rounds']} rounds in turns"
    )


def cpu_seconds(words: list[str]) -> tuple[float, str]:
    """Measure CPU seconds of a new Python on one thread; also return its output.

    Raises
    ------
    InputError
        On Windows, and if the process fails.
    """
    try:
        import resource
    except ImportError as error:
        raise InputError(
            "Expected Linux or macOS, which tell the CPU time of a process that has "
            "ended; measure the start there."
        ) from error

    def used() -> float:
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return children.ru_utime + children.ru_stime

    before = used()
    done = subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUTF8": "1"},
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise InputError(
            f"A process that was to be measured failed ({reason}); run it by hand to "
            "see why."
        )
    return used() - before, done.stdout


def _command(words: str, *paths: str) -> list[str]:
    """Arguments of Python for a command; `paths` stand for its ``{}``."""
    program, *arguments = words.split()
    left = iter(paths)
    filled = [next(left) if word == "{}" else word for word in arguments]
    return ["-m", _MODULES[program], *filled]
