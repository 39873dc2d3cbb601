"""Compute features or a corrector of one frame once, in a thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from napari_attnseg._widgets.base.jobs import Failed
from napari_attnseg._widgets.base.threads import work
from napari_attnseg._widgets.layers.source import Source

T = TypeVar("T")


class Encoding(Generic[T]):
    """Result of a job on one frame, and the worker that runs it.

    It is not a QObject, because it outlives the panel.

    Parameters
    ----------
    job : callable
        Runs in the thread: `jobs.encode`, `jobs.prepare_clicks`, or a function that
        uses the result of one of them.

    Attributes
    ----------
    found : T or None
        Result of the job; None before the job has run, and after `free`.
    frame : int
        Frame of a stack for which it was made.
    worker : worker or None
        Worker that runs the job; None if no job is running.
    """

    def __init__(self, job: Callable[..., Any]) -> None:
        self._job = job
        self.found: T | None = None
        self.frame = 0
        self.worker: Any = None

    def start(
        self,
        finished: Callable[[T | Failed], None],
        source: Source,
        frame: int,
        *more: Any,
    ) -> None:
        """Run the job on a frame, with `source`, `frame` and the further arguments.

        `finished` gets the job's result, in the GUI thread.
        """
        self.free()  # the old one before the new one is made
        worker = work(self._job, source, frame, *more)

        def returned(found: T | Failed) -> None:
            if self.worker is not worker:
                return  # meanwhile another one was asked for, or none
            self.worker = None
            if not isinstance(found, Failed):
                self.found, self.frame = found, frame
            finished(found)

        def ended() -> None:
            if self.worker is worker:
                self.worker = None

        worker.returned.connect(returned)
        worker.errored.connect(lambda error: returned(Failed(str(error))))
        worker.finished.connect(ended)
        self.worker = worker
        worker.start()

    def free(self) -> None:
        """Free the result, and stop the worker."""
        if self.worker is not None:
            self.worker.quit()
        self.found = self.worker = None
