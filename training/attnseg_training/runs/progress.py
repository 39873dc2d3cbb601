"""Write ``progress.json`` in a run folder: state and position of the run.

In the other direction, a file ``stop`` beside it asks the run to stop, for systems such
as Windows, where no signal can be sent.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from napari_attnseg.errors import AttnSegError, InputError
from napari_attnseg.run_files import (
    STOP_FILE,
    EndReason,
    Place,
    ProcessRecord,
    RunState,
    RunStatus,
)

if TYPE_CHECKING:
    from napari_attnseg.run_files import Progress, Watch

#: Seconds between two writes; the end of an epoch is written at once.
EVERY = 1.0


class ProgressFile:
    """Writes the status of a run; a context manager and a callback for `fit`.

    The file is written from the first step on. It is written earlier only if the
    program that started this process has recorded the process in it. So a command that
    is refused does not change the status of another run in the folder.

    Parameters
    ----------
    folder : Path
        Run folder.
    watch : callable, optional
        Called with the same progress.
    """

    def __init__(self, folder: Path, watch: Watch = lambda progress: None) -> None:
        self._folder, self.watch = folder, watch
        self._status = RunStatus(ProcessRecord.now(os.getpid()), RunState.STARTING)
        self._owned = False
        self._written = 0.0
        self._start: tuple[float, float] | None = None

    def __enter__(self) -> Self:
        recorded = RunStatus.read(self._folder)
        # The parent where several processes share a run, or Python has a launcher.
        mine = (os.getpid(), os.getppid())
        if recorded and recorded.process.here and recorded.process.pid in mine:
            self._owned = True
            self._write()
            if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
                # Inherited from a napari that a shell script started in the background.
                signal.signal(signal.SIGINT, signal.default_int_handler)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._enter(RunState.DONE)
        elif isinstance(error, KeyboardInterrupt):
            self._enter(RunState.STOPPED, EndReason.INTERRUPT)
        elif isinstance(error, AttnSegError):
            self._enter(RunState.FAILED, EndReason.ERROR, str(error))
        else:
            message = f"{type(error).__name__}: {error}"
            self._enter(RunState.FAILED, EndReason.FAULT, message)
        if self._owned:
            (self._folder / STOP_FILE).unlink(missing_ok=True)

    def begin(self) -> None:
        """Stop the run before its first step, if the stop file asks for it."""
        if self._owned:
            self._obey()

    def _obey(self) -> None:
        """Stop the run, as a signal does, if the stop file asks for it."""
        stop = self._folder / STOP_FILE
        if not stop.is_file():
            return
        stop.unlink(missing_ok=True)
        # Where a signal came too, a second one would interrupt before the step is
        # saved.
        if self._status.state is not RunState.STOPPING:
            signal.raise_signal(signal.SIGINT)

    def __call__(self, now: Progress) -> None:
        """Pass the progress on, write it, and stop the run on request."""
        self.watch(now)
        self._obey()
        clock = time.monotonic()
        done = now.epoch - 1 + now.step / now.steps
        if self._start is None:
            self._start = (clock, done)
        if clock - self._written < EVERY and now.step < now.steps:
            return
        self._written, self._owned = clock, True
        since, first = self._start
        left = None
        if done > first:
            left = (clock - since) / (done - first) * (now.epochs - done)
        state = self._status.state
        if state is RunState.STARTING:
            state = RunState.RUNNING
        self._status = replace(
            self._status,
            state=state,
            place=Place(now.epoch, now.epochs, now.step, now.steps, now.loss, left),
            measured=now.dice is not None,
        )
        self._write()

    def stopping(self) -> None:
        """Record that the run is stopping after its step; safe in a signal handler."""
        self._enter(RunState.STOPPING)

    def _enter(
        self, state: RunState, reason: EndReason | None = None, message: str = ""
    ) -> None:
        self._status = replace(
            self._status, state=state, reason=reason, message=message
        )
        if self._owned:
            self._write()

    def _write(self) -> None:
        written = None
        # A signal during a write changes the status, which then is written again.
        while written is not self._status:
            written = self._status
            record = ProcessRecord.now(os.getpid())
            with suppress(InputError):  # a run is worth more than its progress
                replace(written, process=record).write(self._folder)
