"""What corrects one frame's mask by clicks, computed once, in a thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg._widgets.base.jobs import Failed, prepare_clicks
from napari_attnseg._widgets.base.model_cache import ModelCache
from napari_attnseg._widgets.base.threads import work
from napari_attnseg._widgets.layers.source import Source

if TYPE_CHECKING:
    from napari_attnseg.corrections import Corrector


class Preparation:
    """The corrector of one frame, and the worker that makes it.

    No QObject: it outlives the panel.
    """

    def __init__(self) -> None:
        self.corrector: Corrector | None = None
        self.frame = 0
        self.worker: Any = None

    def start(
        self,
        source: Source,
        frame: int,
        provenance: Mapping[str, Any],
        probability: NDArray[np.floating[Any]],
        models: ModelCache,
        finished: Callable[[Corrector | Failed], None],
    ) -> None:
        """Make the corrector of a frame; parameters as of `jobs.prepare_clicks`.

        `finished` gets what that returns, in the thread of the window.
        """
        self.free()
        worker = work(prepare_clicks, source, frame, provenance, probability, models)

        def returned(found: Corrector | Failed) -> None:
            if self.worker is not worker:
                return  # meanwhile another one was asked for, or none
            self.worker = None
            if not isinstance(found, Failed):
                self.corrector, self.frame = found, frame
            finished(found)

        def ended() -> None:
            if self.worker is worker:
                self.worker = None

        worker.returned.connect(returned)
        worker.errored.connect(lambda error: returned(Failed(str(error))))
        worker.finished.connect(ended)
        self.worker = worker
        worker.start()

    def free(self) -> None:
        """Free the features, and stop the worker that computes them."""
        if self.worker is not None:
            self.worker.quit()
        self.corrector = self.worker = None
