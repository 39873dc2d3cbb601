"""Weights files trained or used in this session. No Qt."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from psygnal.containers import EventedList

from napari_attnseg.cards import weights_hash
from napari_attnseg.errors import InputError
from napari_attnseg.weights import bundled_weights

#: Oldest first; its event `inserted` is for lists that are open already.
TRAINED: EventedList[Path] = EventedList()


def offer(path: Path) -> None:
    """Add a weights file, once."""
    if path not in TRAINED:
        TRAINED.append(path)


#: SHA-256 of tensors → file that they were loaded from in this session.
_USED: dict[str, Path] = {}


def weights_of(facts: Mapping[str, Any]) -> Path:
    """File that a result was made with: bundled, or used in this session.

    Raises
    ------
    InputError
        If it is neither.
    """
    wanted = str(facts.get("weights_sha256"))
    candidates = [*bundled_weights().values(), *_USED.values()]
    for path in candidates:
        if path.is_file() and weights_hash(path) == wanted:
            return path
    raise InputError(
        f"This result was made with weights ({facts.get('model')}, {wanted[:12]}…) "
        "that are not bundled and were not used since napari was opened; segment the "
        "image with them again."
    )
