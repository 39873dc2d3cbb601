"""The half of a what-if that runs once: both encoders, in a thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from napari_attnseg._widgets.base.jobs import Failed, Loaded, encode
from napari_attnseg._widgets.base.threads import work
from napari_attnseg._widgets.layers.source import Source
from napari_attnseg.whatif import WhatIf


class Encoding:
    """What was encoded, and the worker that does so. No QObject: outlives the panel."""

    def __init__(self) -> None:
        self.what_if: WhatIf | None = None
        self.frame = 0
        self.worker: Any = None

    def start(
        self,
        source: Source,
        frame: int,
        facts: Mapping[str, Any],
        loaded: Loaded | None,
        finished: Callable[[tuple[WhatIf, Loaded] | Failed], None],
    ) -> None:
        """Run both encoders on one frame; arguments as `worker.encode`."""
        self.what_if = None  # the old one is freed before the new one is made
        worker = work(encode, source, frame, facts, loaded)

        def ended() -> None:
            if self.worker is worker:
                self.worker = None

        worker.returned.connect(finished)
        worker.errored.connect(lambda error: finished(Failed(str(error))))
        worker.finished.connect(ended)
        self.worker = worker
        worker.start()

    def free(self) -> None:
        """Let go of the features, and of what computes some."""
        if self.worker is not None:
            self.worker.quit()
        self.what_if = self.worker = None
