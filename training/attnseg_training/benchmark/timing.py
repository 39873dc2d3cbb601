"""Time several implementations in turns, and measure the peak speed of the device."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

#: Kinds of device that every result has a row of.
KINDS = {"cpu": "CPU", "cuda": "CUDA GPU", "mps": "Apple GPU (MPS)"}


@dataclass(frozen=True, slots=True)
class Timed:
    """Seconds of each implementation in each round.

    Attributes
    ----------
    seconds : dict of str to list of float
        Way → seconds of one image or step, per round. On a CPU they are CPU seconds of
        all threads together, which other programs disturb less than wall-clock time; on
        a GPU they are wall-clock seconds.
    """

    seconds: dict[str, list[float]]

    def median(self, way: str) -> float:
        """Median over the rounds, in seconds."""
        return statistics.median(self.seconds[way])

    def ratio(self, plain: str, way: str) -> float:
        """Speed-up over `plain`: median of the rounds' ratios."""
        pairs = zip(self.seconds[plain], self.seconds[way], strict=True)
        return statistics.median(slow / fast for slow, fast in pairs)


def time_in_turns(
    ways: Mapping[str, Callable[[], Any]],
    rounds: int,
    device: str,
    watch: Callable[[int, int], None] = lambda done, total: None,
) -> Timed:
    """Run each way once per round, after one run that warms up.

    Parameters
    ----------
    ways : mapping of str to callable
    rounds : int
    device : str
        Name of the device in torch, such as ``cuda:0``.
    watch : callable
        Called with (rounds done, rounds in all).
    """
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for run in ways.values():
        run()
    for done in range(rounds):
        watch(done, rounds)
        for way, run in ways.items():
            seconds[way].append(_seconds(run, device))
    watch(rounds, rounds)
    return Timed(seconds)


@torch.inference_mode()
def roofline(device: str, repeats: int = 5) -> dict[str, float]:
    """Measure GFLOP/s of a large matrix product and of a 3×3 convolution.

    The best of several repeats counts. No network of such operations can be faster.
    """
    side, width, pixels = 1024, 128, 96
    a, b = torch.rand(2, side, side, device=device)
    conv = torch.nn.Conv2d(width, width, 3, padding=1).to(device)
    image = torch.rand(1, width, pixels, pixels, device=device)
    image = image.contiguous(memory_format=torch.channels_last)
    conv.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    work: dict[str, tuple[Callable[[], Any], float]] = {
        "matmul": (lambda: a @ b, 2 * side**3),
        "conv": (lambda: conv(image), 2 * 9 * width**2 * pixels**2),
    }
    found = {}
    for name, (run, flop) in work.items():
        run()
        best = min(_seconds(run, device) for _ in range(repeats))
        found[name] = flop / best / 1e9
    return found


def kind_of(device: str) -> str:
    """Kind of a device, as a key of `KINDS`."""
    return device.partition(":")[0]


def _seconds(run: Callable[[], Any], device: str) -> float:
    clock = time.process_time if device == "cpu" else time.perf_counter
    start = clock()
    run()
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
    elif device == "mps":
        torch.mps.synchronize()
    return clock() - start
