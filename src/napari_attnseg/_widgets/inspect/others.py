"""What side by side hides, and brings back afterwards. No Qt."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from napari_attnseg._widgets.layers.metadata import has_record
from napari_attnseg._widgets.layers.own_image import HIDDEN, of_other_images
from napari_attnseg._widgets.layers.runs import ResultLayers


class Others:
    """Hides what is not of the result that is shown side by side.

    These are other images, what the user has above them, and other layers of this
    plugin.

    Parameters
    ----------
    viewer : napari.Viewer or ViewerModel
        The visibility of its layers is changed.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        # Layer → whether it was hidden because its image was not in view.
        self._before: dict[Any, bool] = {}

    def leave(self, before: ResultLayers | None, result: ResultLayers) -> None:
        """Remember what is visible, when a result takes the place of another one.

        Parameters
        ----------
        before : ResultLayers or None
            The result that was side by side until now; None if there was none.
        result : ResultLayers
            The result that comes.
        """
        if before is None:
            for layer in self._viewer.layers:
                hidden = bool(layer.metadata.pop(HIDDEN, False))
                if has_record(layer) and (layer.visible or hidden):
                    self._before[layer] = hidden
        elif before.image is not result.image and before.mask is not None:
            self._before.setdefault(before.mask, False)

    def see_only(self, shown: Collection[Any], image: Any) -> None:
        """Show these layers of an image; hide other images and all else of theirs.

        What the user has above the image itself stays as it is.
        """
        away = of_other_images(self._viewer.layers, image)
        for layer in self._viewer.layers:
            if layer in shown:
                layer.visible = True
            elif has_record(layer):  # known to `leave`, before presets showed more
                layer.visible = False
            elif layer in away and layer.visible:
                self._before.setdefault(layer, False)
                layer.visible = False

    def come_back(self, shown: Collection[Any]) -> None:
        """Show these layers and what was visible before; else nothing of this plugin."""
        before, self._before = self._before, {}
        for layer in self._viewer.layers:
            if layer in shown or before.get(layer) is False:
                layer.visible = True
            elif has_record(layer):
                layer.visible = False
                if layer in before:
                    layer.metadata[HIDDEN] = True
