"""Memory stays flat when the same image is segmented again and again."""

import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
#: In a process of its own: what other tests have left free in one hides growth, or
#: looks like it.
SCRIPT = """
import json, sys
from pathlib import Path
from memory_over_runs import memory_over_runs
print(json.dumps(memory_over_runs(Path(sys.argv[1]), 20)))
"""


def test_a_run_leaves_nothing_behind(tiny_weights: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, tiny_weights],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path])},
    )
    assert done.returncode == 0, done.stderr
    memory = json.loads(done.stdout.splitlines()[-1])
    # Were mask and probability of a run kept, these 15 would take 9 MB.
    assert memory[-1] - memory[4] < 5
