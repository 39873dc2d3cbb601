"""Load weights and libraries in the background once a dock is open.

Loading runs in a thread, without messages: if it fails, the error is shown when the
user starts a run. The weights are loaded for the CPU, so that no memory of a graphics
card is taken before a run.
"""

from __future__ import annotations

import importlib
import weakref
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from napari_attnseg._widgets.base.controls import halt, timer
from napari_attnseg._widgets.base.lifetime import Lifetime
from napari_attnseg._widgets.base.model_cache import ModelCache
from napari_attnseg._widgets.base.threads import work
from napari_attnseg.collection import without_collection

#: Milliseconds from the choice of weights to the start: the dock is drawn first.
DELAY = 100
#: Imported in this order; napari imports pandas with the first layer of labels, in the
#: window's own thread.
_MODULES = (
    *("torch", "napari_attnseg.models.encoders", "napari_attnseg.inference"),
    "pandas",
)


class Preload:
    """Preloads the chosen weights of a dock, one file at a time, until its life ends.

    Parameters
    ----------
    models : ModelCache
    life : Lifetime
    chosen : callable
        Returns the chosen weights file, or None.
    """

    def __init__(
        self, models: ModelCache, life: Lifetime, chosen: Callable[[], Path | None]
    ) -> None:
        self._models, self._life = models, life
        self._chosen = weakref.WeakMethod(chosen)
        self._worker: Any = None
        self._last: Path | None = None
        self._timer = timer(DELAY, self._start)
        life.at_end.append(partial(halt, self._timer))
        self._timer.start()

    @property
    def loading(self) -> bool:
        """Whether something is being loaded."""
        return self._worker is not None

    def soon(self, index: int = 0) -> None:
        """Preload the chosen weights, unless others are chosen immediately after."""
        self._timer.start()

    def _start(self) -> None:
        chosen = self._chosen()
        weights = None if chosen is None else chosen()
        # During a run it would only be slower; that one loads what it needs.
        if self._life.ended or self._life.worker is not None or weights is None:
            return
        if self._worker is not None or weights == self._last:
            return
        self._last = weights
        self._worker = work(load_ahead, self._models, weights, self._ended)
        self._worker.finished.connect(self._finished)
        self._worker.start()

    def _finished(self) -> None:
        self._worker = None
        self._start()  # others may have been chosen meanwhile

    def _ended(self) -> bool:
        return self._life.ended


def load_ahead(models: ModelCache, weights: Path, ended: Callable[[], bool]) -> None:
    """Import and load in steps; fails silently.

    Parameters
    ----------
    models : ModelCache
    weights : Path
    ended : callable
        Returns whether loading is no longer needed; called between the steps.
    """
    # What is wrong is told when somebody asks for it.
    with suppress(Exception), without_collection():
        for module in _MODULES:
            if ended():
                return
            importlib.import_module(module)
        if not ended():
            models.load_ahead(weights)
