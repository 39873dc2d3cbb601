"""State of runs of version 0.1.0, whose ``progress.json`` holds none.

That version recorded how a run ended only in the last line of its output. Only this
module reads that line; upper and lower case are alike.
"""

from __future__ import annotations

from napari_attnseg.run_files.status import RunState

#: A run that finishes its step after a signal.
_STOPPING = "Stopping after this step"
#: Runs that were stopped on request: by the command, while Python still imported, and
#: at once from napari.
_STOPPED = ("Interrupted", "KeyboardInterrupt", "Stopped at once from napari.")
#: A finished epoch, which says nothing of why the run ended.
_EPOCH = "epoch "


def state_of_old_run(last_line: str, started: bool, alive: bool) -> RunState:
    """Read the state from the last line of the output.

    Parameters
    ----------
    last_line : str
        Last line of ``output.log``; empty if there is none.
    started : bool
        Whether a first step is finished.
    alive : bool
        Whether the process of the run exists.
    """
    line = last_line.casefold()
    if alive:
        if _STOPPING.casefold() in line:
            return RunState.STOPPING
        return RunState.RUNNING if started else RunState.STARTING
    if not line or line.startswith(tuple(mark.casefold() for mark in _STOPPED)):
        return RunState.STOPPED
    return RunState.FAILED


def message_of_old_run(last_line: str) -> str:
    """Return what a failed run said last; empty if that was a finished epoch."""
    finished = last_line.casefold().startswith(_EPOCH.casefold())
    return "" if finished else last_line
