"""Read, compute and write at the same time, in order, with few items in memory.

One thread reads the next items, and another writes the last results. The computation
stays in the thread of the caller, where it can be interrupted.
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
    """Read items in another thread, one after another, while the caller works.

    Parameters
    ----------
    items : iterable
    read : callable
        Function that reads one item.
    ahead : int
        Largest number of items that are read before they are asked for.

    Yields
    ------
    object
        What `read` returned for each item, in order. Its errors are raised here.
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

    If the caller stops, or `writing` raises an error, the function that was given last
    still runs to its end.

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
