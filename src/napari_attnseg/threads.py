"""Set the number of CPU threads, and what they do while they wait."""

from __future__ import annotations

import functools
import os
import sys

#: Environment variables of OpenMP, which runs torch's threads.
_WAIT, _NUMBER = "OMP_WAIT_POLICY", "OMP_NUM_THREADS"
#: What `use_threads` was last asked for, until torch is there to be told.
_ASKED: list[int] = []


def wait_passively() -> None:
    """Let threads that wait sleep instead of spinning, unless the environment says how.

    It affects this process only before torch is first imported. A thread that spins
    keeps its core busy: if another program needs that core, all other threads wait for
    this one.
    """
    os.environ.setdefault(_WAIT, "PASSIVE")


def use_threads(number: int = 0) -> int:
    """Set the number of threads that networks are computed with, and return it.

    This does not import torch; `tell_torch` passes the number on when torch is used.

    Parameters
    ----------
    number : int
        0: the number in ``OMP_NUM_THREADS`` if it is set, or else torch's choice, the
        number of physical cores. If there are more than two, one stays free for other
        programs.
    """
    _ASKED[:] = [number]
    if "torch" in sys.modules:
        tell_torch()
    return threads()


def tell_torch() -> None:
    """Tell torch the number of threads that was set before it was imported, if any."""
    import torch

    if _ASKED:
        chosen = _ASKED.pop() or _default()
        if chosen != torch.get_num_threads():
            torch.set_num_threads(chosen)


def threads() -> int:
    """Number of threads that networks are computed with."""
    if _ASKED:
        return _ASKED[0] or _less_one(_cores())
    loaded = sys.modules.get("torch")
    return _cores() if loaded is None else int(loaded.get_num_threads())


@functools.cache
def _default() -> int:
    import torch

    return _less_one(torch.get_num_threads())


def _less_one(own: int) -> int:
    return own if own <= 2 or _NUMBER in os.environ else own - 1


def _cores() -> int:
    """Number of threads as torch chooses: physical cores, or OpenMP's setting."""
    import psutil

    told = os.environ.get(_NUMBER, "").partition(",")[0]
    if told.isdecimal() and int(told):
        return int(told)
    physical, usable = psutil.cpu_count(logical=False), os.cpu_count()
    if hasattr(os, "sched_getaffinity"):
        usable = len(os.sched_getaffinity(0))
    return min(physical or 1, usable or 1)
