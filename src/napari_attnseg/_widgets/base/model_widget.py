"""A dock widget that runs a model on an image layer."""

from __future__ import annotations

from typing import Any

from napari_attnseg._widgets.base.dock import DockWidget
from napari_attnseg._widgets.base.inputs import Inputs
from napari_attnseg._widgets.base.jobs import Loaded
from napari_attnseg._widgets.base.run_bar import RunBar


class ModelWidget(DockWidget):
    """A dock widget that runs a model on an image layer.

    Parameters
    ----------
    viewer : napari.Viewer
        Only its layer list is used here.
    title : str
        Of the start button.
    """

    def __init__(self, viewer: Any, title: str) -> None:
        super().__init__(viewer)
        #: Kept for the next run; on the same weights it starts at once.
        self._loaded: Loaded | None = None
        self.inputs = Inputs(viewer, self._life)
        self.bar = RunBar(title, self._life)
        self.bar.start_button.clicked.connect(self.start)

    def start(self) -> None:
        """Run on what is chosen."""
        raise NotImplementedError

    def _keep(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self.inputs.ran_with(loaded.weights, loaded.device, loaded.segmenter.device)

    def _select(self, layer: Any) -> None:
        """Give the selection back: napari selects what was added last."""
        if layer in self._viewer.layers:
            self._viewer.layers.selection.active = layer
