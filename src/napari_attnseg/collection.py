"""Pause Python's garbage collector during imports."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collection(for_good: bool = False) -> Iterator[None]:
    """Pause the garbage collector while libraries are imported.

    Imports make so many objects, none of which is garbage, that it looks through all of
    them several times: a fifth of the time that importing torch takes, during which a
    window stands still.

    Parameters
    ----------
    for_good : bool
        Never look through what there is at the end: for a command, whose libraries
        stay until it ends.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if for_good:
            gc.freeze()
        if enabled:
            gc.enable()
