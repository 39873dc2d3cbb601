"""What side by side hides, and brings back afterwards. No Qt."""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum, auto
from typing import Any

from napari_attnseg._widgets.layers.metadata import has_record
from napari_attnseg._widgets.layers.own_image import (
    HIDDEN,
    images_of,
    looked_at,
    of_other_images,
)
from napari_attnseg._widgets.layers.runs import ResultLayers


class _Was(Enum):
    """What a layer was before side by side."""

    VISIBLE = auto()
    HIDDEN = auto()
    HIDDEN_WITH_IMAGE = auto()


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
        # Layers as they were, if they were visible or of this plugin.
        self._before: dict[Any, _Was] = {}

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
                if has_record(layer):
                    behind = layer.metadata.pop(HIDDEN, False)
                    was = _Was.VISIBLE if layer.visible else _Was.HIDDEN
                    self._before[layer] = _Was.HIDDEN_WITH_IMAGE if behind else was
        elif before.image is not result.image and before.mask is not None:
            # It may have come since.
            self._before.setdefault(before.mask, _Was.VISIBLE)

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
                self._before[layer] = _Was.VISIBLE
                layer.visible = False

    @property
    def visible(self) -> list[Any]:
        """Layers that were visible before."""
        return [x for x, was in self._before.items() if was is _Was.VISIBLE]

    def come_back(self, shown: Collection[Any]) -> None:
        """Show these layers and what was visible before; nothing else of results.

        Results of an image that another one covers come back with their image.
        """
        before, self._before = self._before, {}
        layers = self._viewer.layers
        for layer in layers:
            if layer in shown or (
                before.get(layer) is _Was.VISIBLE and not has_record(layer)
            ):
                layer.visible = True
        seen, own = looked_at(layers), images_of(layers)
        for layer in layers:
            if layer in shown or not has_record(layer):
                continue
            # Not what only a cell showed, and was hidden there with its image.
            layer.metadata.pop(HIDDEN, None)
            was, covered = before.get(layer), own.get(layer) not in (None, *seen)
            layer.visible = was is _Was.VISIBLE and not covered
            if was is _Was.HIDDEN_WITH_IMAGE or (was is _Was.VISIBLE and covered):
                layer.metadata[HIDDEN] = True
