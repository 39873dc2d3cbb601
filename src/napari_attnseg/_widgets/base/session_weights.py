"""Weights files that were trained in this session."""

from __future__ import annotations

from pathlib import Path

from psygnal.containers import EventedList

from napari_attnseg._widgets.base.trained_runs import remember

#: Oldest first; its event `inserted` is for lists that are open already.
TRAINED: EventedList[Path] = EventedList()
#: When each was written, as it was offered last.
_WRITTEN: dict[Path, int] = {}


def offer(path: Path) -> None:
    """Add a weights file to the list; again if it was rewritten, as *Resume* does.

    Its run folder is remembered for later sessions.
    """
    written = path.stat().st_mtime_ns
    if path in TRAINED:
        if _WRITTEN.get(path) == written:
            return
        TRAINED.remove(path)
    _WRITTEN[path] = written
    remember(path.parent)
    TRAINED.append(path)
