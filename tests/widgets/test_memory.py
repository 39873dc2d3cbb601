"""Memory stays flat when the same image is segmented again and again."""

import os
import re
import sys
from pathlib import Path

import forked


def test_a_run_leaves_nothing_behind(tiny_weights: Path) -> None:
    # In a process of its own: what other tests have left free in one hides growth, or
    # looks like it.
    done = forked.run(
        [sys.executable, "-m", "memory_over_runs", "20", str(tiny_weights)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
    found = re.findall(r"after run (\d+): ([\d.]+) MB", done.stdout)
    memory = {int(run): float(told) for run, told in found}
    # Were mask and probability of a run kept, these 15 would take 9 MB.
    assert memory[20] - memory[5] < 5
