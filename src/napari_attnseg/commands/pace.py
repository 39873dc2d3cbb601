"""Report the progress of a batch: a bar in a terminal, otherwise occasional lines."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from napari_attnseg.rate_words import rate_words

Item = TypeVar("Item")

#: Seconds between two lines where there is no terminal to draw a bar in.
EVERY = 30.0


def paced(
    items: Iterable[Item], total: int, activity: str, say: Callable[[str], None]
) -> Iterator[Item]:
    """Yield the items of an iterable, and show their rate on stderr.

    Parameters
    ----------
    items : iterable
    total : int
        Number of items.
    activity : str
        Present participle shown beside the bar.
    say : callable
        Prints a line.
    """
    if sys.stderr.isatty():
        yield from _bar(items, total, activity)
        return
    started = told = time.monotonic()
    for done, item in enumerate(items, 1):
        yield item
        now = time.monotonic()
        if now - told >= EVERY and done < total:
            say(
                f"{done} of {total} images, {rate_words(done, now - started, 'image')}."
            )
            told = now


def _bar(items: Iterable[Item], total: int, activity: str) -> Iterator[Item]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(activity, total=total, rate="")
        started = time.monotonic()
        for done, item in enumerate(items, 1):
            yield item
            rate = rate_words(done, time.monotonic() - started, "image")
            progress.update(task, completed=done, rate=rate)
