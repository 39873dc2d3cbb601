"""Memory stays flat when the same image is segmented again and again."""

from pathlib import Path

from memory_over_runs import memory_over_runs


def test_a_run_leaves_nothing_behind(tiny_weights: Path) -> None:
    memory = memory_over_runs(tiny_weights, 20)
    # Were mask and probability of a run kept, these 15 would take 9 MB.
    assert memory[-1] - memory[4] < 5
