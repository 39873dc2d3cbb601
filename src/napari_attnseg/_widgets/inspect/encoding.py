"""The encoders, which run once for a what-if or for the readers, in a thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from napari_attnseg._widgets.base.jobs import Failed, encode
from napari_attnseg._widgets.base.model_cache import ModelCache
from napari_attnseg._widgets.base.threads import work
from napari_attnseg._widgets.layers.source import Source
from napari_attnseg.whatif import WhatIf


class Encoding:
    """Features of one frame, and the worker that computes them.

    No QObject: it outlives the panel.

    Parameters
    ----------
    job : callable
        What runs in the thread: `jobs.encode`, or what goes on from it.
    """

    def __init__(self, job: Callable[..., Any] = encode) -> None:
        self._job = job
        self.what_if: WhatIf | None = None
        self.frame = 0
        self.worker: Any = None

    def start(
        self,
        source: Source,
        frame: int,
        provenance: Mapping[str, Any],
        models: ModelCache,
        finished: Callable[[Any], None],
    ) -> None:
        """Run both encoders on one frame; parameters as of `jobs.encode`.

        `finished` gets what the job returns, in the thread of the window.
        """
        self.what_if = None  # the old one is freed before the new one is made
        worker = work(self._job, source, frame, provenance, models)

        def ended() -> None:
            if self.worker is worker:
                self.worker = None

        worker.returned.connect(finished)
        worker.errored.connect(lambda error: finished(Failed(str(error))))
        worker.finished.connect(ended)
        self.worker = worker
        worker.start()

    def free(self) -> None:
        """Free the features, and stop the worker that computes them."""
        if self.worker is not None:
            self.worker.quit()
        self.what_if = self.worker = None
