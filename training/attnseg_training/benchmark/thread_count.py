"""Measure seconds per image by threads, also beside a program that uses one core.

A thread that spins while it waits keeps its core busy. If a thread of a network shares
a core with another program, the network waits for that thread at every layer. Each way
to choose threads has a process of its own, and the processes run in turns.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from attnseg_training.benchmark.machine import facts_of_machine
from attnseg_training.benchmark.start import machine_line
from napari_attnseg.errors import InputError
from napari_attnseg.weights import DEFAULT_WEIGHTS

ONE, OURS, SPINNING = "one thread", "attnseg", "torch alone"
FREE, TAKEN = "as it is", "one core taken"

#: A line in, the seconds of one image out; first of all, how many threads there are.
_WORKER = """
import sys, time
from napari_attnseg.threads import use_threads, wait_passively
if sys.argv[2] != "torch":
    wait_passively()
import torch
if sys.argv[2] != "torch":
    use_threads(int(sys.argv[2]))
from napari_attnseg import Segmenter
from napari_attnseg.sample_data import sample_image
segmenter, image = Segmenter.from_checkpoint(sys.argv[1], "cpu"), sample_image("polyp")
segmenter(image)
print(torch.get_num_threads(), flush=True)
for line in sys.stdin:
    begun = time.perf_counter()
    segmenter(image)
    print(time.perf_counter() - begun, flush=True)
"""
_WAYS = {ONE: "1", OURS: "0", SPINNING: "torch"}


def benchmark_threads(
    weights: str = DEFAULT_WEIGHTS,
    rounds: int = 5,
    watch: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Measure seconds per image by number of threads; JSON-ready.

    ``ratio`` compares the time per image with that of one thread (median over rounds).
    It is measured with the threads that attnseg chooses, which wait passively, and with
    torch's default threads, which spin.

    Parameters
    ----------
    weights : str
        Bundled name or file.
    rounds : int
        Number of rounds for each way, on the idle machine and beside another program.
    watch : callable
        Called with (rounds done, rounds in all).

    Raises
    ------
    InputError
        If a process fails.
    """
    seconds: dict[str, dict[str, list[float]]] = {}
    with ExitStack() as stack:
        workers = {
            way: stack.enter_context(_python(_WORKER, weights, number))
            for way, number in _WAYS.items()
        }
        threads = {way: int(_answer(worker)) for way, worker in workers.items()}
        for state in (FREE, TAKEN):
            if state == TAKEN:
                stack.enter_context(_python("while True: pass"))
            seconds[state] = {way: [] for way in workers}
            for done in range(rounds):
                watch(done + rounds * (state == TAKEN), 2 * rounds)
                for way, worker in workers.items():
                    seconds[state][way].append(_one_image(worker))
    watch(2 * rounds, 2 * rounds)
    return {
        "benchmark": "threads",
        "weights": weights,
        **facts_of_machine(),
        "threads": threads,
        "rounds": rounds,
        "seconds": seconds,
        "median_s": {
            state: {way: statistics.median(taken) for way, taken in ways.items()}
            for state, ways in seconds.items()
        },
        "ratio": {
            state: {way: _ratio(ways[way], ways[ONE]) for way in (OURS, SPINNING)}
            for state, ways in seconds.items()
        },
    }


def markdown_of_threads(summary: Mapping[str, Any]) -> str:
    """Format the result as a Markdown table."""
    lines = [
        f"## threads: {summary['weights']}",
        "",
        f"{machine_line(summary)}.",
        "",
        f"| threads | seconds of an image, {FREE} | {TAKEN} | times one thread, {FREE} "
        f"| {TAKEN} |",
        "|---|---|---|---|---|",
    ]
    for way, number in summary["threads"].items():
        cells = [f"{summary['median_s'][state][way]:.2f}" for state in (FREE, TAKEN)]
        ratios = [summary["ratio"][state].get(way, 1.0) for state in (FREE, TAKEN)]
        cells += [f"{ratio:.2f}" for ratio in ratios]
        lines.append(f"| {way}: {number} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _ratio(seconds: list[float], of_one: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(seconds, of_one, strict=True))


@contextmanager
def _python(code: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A new Python that runs `code`, until the end of the context."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("OMP_")}
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=kept,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _one_image(worker: subprocess.Popen[str]) -> float:
    assert worker.stdin is not None
    worker.stdin.write("image\n")
    worker.stdin.flush()
    return float(_answer(worker))


def _answer(worker: subprocess.Popen[str]) -> str:
    assert worker.stdout is not None
    line = worker.stdout.readline()
    if not line:
        raise InputError("A measured process ended early; its output is printed above.")
    return line
