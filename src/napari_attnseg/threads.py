"""Set the number of CPU threads, and what they do while they wait."""

from __future__ import annotations

import functools
import os

#: Environment variables of OpenMP, which runs torch's threads.
_WAIT, _NUMBER = "OMP_WAIT_POLICY", "OMP_NUM_THREADS"


def wait_passively() -> None:
    """Let threads that wait sleep instead of spinning, unless the environment says how.

    Has an effect on this process only before torch is first imported. A thread that
    spins holds its core; where another program needs that, all others wait for it.
    """
    os.environ.setdefault(_WAIT, "PASSIVE")


def use_threads(number: int = 0) -> int:
    """Set how many threads torch computes with from now on; returns it.

    Parameters
    ----------
    number : int
        0: torch's choice, the physical cores, but for one of them where there are more
        than two; it stays free for other programs. Where ``OMP_NUM_THREADS`` is set,
        that many.
    """
    import torch

    chosen = number or _default()
    if chosen != torch.get_num_threads():
        torch.set_num_threads(chosen)
    return chosen


@functools.cache
def _default() -> int:
    import torch

    own = torch.get_num_threads()
    return own if own <= 2 or _NUMBER in os.environ else own - 1
