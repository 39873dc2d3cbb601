"""A dock widget that runs a model on an image layer."""

from __future__ import annotations

from typing import Any

from napari_attnseg._widgets.base.dock import DockWidget
from napari_attnseg._widgets.base.inputs import Inputs
from napari_attnseg._widgets.base.model_cache import MODELS, LoadedModel
from napari_attnseg._widgets.base.run_bar import RunBar


class ModelWidget(DockWidget):
    """A dock widget that runs a model on an image layer.

    Parameters
    ----------
    viewer : napari.Viewer
        Viewer, of which only the layer list is used here.
    title : str
        Text of the start button.
    """

    def __init__(self, viewer: Any, title: str) -> None:
        super().__init__(viewer)
        self._models = MODELS
        self._life.at_end.append(self._models.add_user())
        self.inputs = Inputs(viewer, self._life)
        self.bar = RunBar(title, self._life)
        self.bar.start_button.clicked.connect(self.start)

    def start(self) -> None:
        """Run with the chosen image, weights and device."""
        raise NotImplementedError

    def _ran_with(self, model: LoadedModel) -> None:
        """Note in the form which model a run used."""
        self.inputs.ran_with(model.device, model.segmenter.device)

    def _select(self, layer: Any) -> None:
        """Restore the selection: napari selects the layer that was added last."""
        if layer in self._viewer.layers:
            self._viewer.layers.selection.active = layer
