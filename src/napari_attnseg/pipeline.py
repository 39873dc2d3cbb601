"""Reading, computing and writing at the same time, in order, a few items at most.

Threads read ahead and write behind; what computes stays in the thread of the caller,
where it can be interrupted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Found = TypeVar("Found")


def read_ahead(
    items: Iterable[Item], read: Callable[[Item], Found], ahead: int = 1
) -> Iterator[Found]:
    """Read items in another thread, one after another, while others are worked on.

    Parameters
    ----------
    items : iterable
    read : callable
        Reads one of them.
    ahead : int
        How many are read before they are asked for, at most.

    Yields
    ------
    object
        What was read, in order. What reading raises is raised here.
    """
    rest = iter(items)
    with ThreadPoolExecutor(1, "attnseg-read") as reader:
        waiting = deque(reader.submit(read, item) for item in islice(rest, ahead + 1))
        try:
            while waiting:
                yield waiting.popleft().result()
                waiting.extend(reader.submit(read, item) for item in islice(rest, 1))
        finally:
            for future in waiting:
                future.cancel()


def write_behind(
    writing: Iterable[Callable[[], Found]],
) -> Iterator[Callable[[], Found]]:
    """Call functions in another thread, one after another, while the next is made.

    When the caller stops, or what makes the next one raises, the last one that was
    given is still called to its end.

    Parameters
    ----------
    writing : iterable of callable
        Each is called once, in order.

    Yields
    ------
    callable
        Returns what the function returned, or raises what it raised.
    """
    with ThreadPoolExecutor(1, "attnseg-write") as writer:
        last: Future[Found] | None = None
        for write in writing:
            future = writer.submit(write)
            if last is not None:
                yield last.result
            last = future
        if last is not None:
            yield last.result
