"""Weights files that were trained in this session. No Qt."""

from __future__ import annotations

from pathlib import Path

from psygnal.containers import EventedList

#: Oldest first; its event `inserted` is for lists that are open already.
TRAINED: EventedList[Path] = EventedList()


def offer(path: Path) -> None:
    """Add a weights file to the list, unless it is there."""
    if path not in TRAINED:
        TRAINED.append(path)
