"""Pause Python's garbage collector during imports."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collection(for_good: bool = False) -> Iterator[None]:
    """Pause the garbage collector while libraries are imported.

    An import makes many objects, none of which is garbage, and the collector examines
    all of them several times. This takes a fifth of the time of importing torch, during
    which a window does not respond.

    Parameters
    ----------
    for_good : bool
        Whether the collector never examines the objects that exist after the imports.
        This is for a command, which uses its libraries until it ends.
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
