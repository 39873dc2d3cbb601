"""Worker threads that always report their end and keep no reference to their data."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from inspect import isgeneratorfunction
from typing import Any

from napari.qt.threading import FunctionWorker, GeneratorWorker
from superqt.utils import create_worker


class WorkError(Exception):
    """Replaces a RuntimeError in a worker, which superqt would not pass on."""


@contextmanager
def _passed_on() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise WorkError(str(error)) from error


def work(run: Callable[..., Any], *args: Any) -> Any:
    """Make a worker, not started yet, of a function or a generator function.

    If a worker raises a RuntimeError, which torch and CUDA often do, superqt assumes
    that Qt has deleted the worker, and does not report its end. napari's own
    ``create_worker`` keeps every worker and its arguments in memory until napari
    closes.
    """

    def steps() -> Generator[Any, None, Any]:
        with _passed_on():
            return (yield from run(*args))

    def once() -> Any:
        with _passed_on():
            return run(*args)

    if isgeneratorfunction(run):
        return create_worker(steps, _start_thread=False, _worker_class=GeneratorWorker)
    return create_worker(once, _start_thread=False, _worker_class=FunctionWorker)


def start(run: Callable[..., Any], done: Callable[[Any], None], *args: Any) -> None:
    """Run ``run(*args)`` in a thread; `done` gets its result in the GUI thread."""
    worker = work(run, *args)
    worker.returned.connect(done)
    worker.start()
