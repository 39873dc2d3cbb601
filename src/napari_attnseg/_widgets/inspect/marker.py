"""A ring on the image where a reading is held. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from napari.layers import Points

from napari_attnseg._widgets.layers.metadata import metadata_of
from napari_attnseg._widgets.layers.new_layers import layer_name
from napari_attnseg._widgets.layers.record import Derivation, LayerRecord
from napari_attnseg._widgets.layers.runs import ResultLayers
from napari_attnseg._widgets.layers.source import placement_of

#: Of the longer side of an image; and screen pixels, at any zoom.
_SHARE, _LIMITS = 1 / 30, (11, 40)


class Mark:
    """Mark of one point of a result; it is removed with its reading or the widget.

    It is not a QObject, because it outlives the widget.

    Parameters
    ----------
    viewer : napari.Viewer
        A Points layer is added to it and removed.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._layer: Any = None

    def put(self, result: ResultLayers, point: Sequence[float], visible: bool) -> None:
        """Mark a world point of a result; the selection stays as it was."""
        layers, read = self._viewer.layers, result.probability[0]
        at = np.array([read.world_to_data(point[-read.ndim :])])
        if self._layer is not None and self._layer in layers:
            self._layer.data = at
            self._layer.visible = visible
            return
        selected = set(layers.selection)
        self._layer = self._viewer.add_layer(
            Points(
                at,
                name=layer_name("reading", result.name),
                **placement_of(read),
                size=max(read.data.shape[read.ndim - 2 : read.ndim]) * _SHARE,
                canvas_size_limits=_LIMITS,
                face_color="transparent",
                border_color="yellow",  # seen on tissue, on glare and on black
                border_width=0.15,
                visible=visible,
                metadata=metadata_of(
                    LayerRecord({}, result.reference, derivation=Derivation.READING)
                ),
            )
        )
        layers.selection = selected

    def take_away(self) -> None:
        """Remove the mark, if it is still in the viewer."""
        layer, self._layer = self._layer, None
        if layer is not None and layer in self._viewer.layers:
            self._viewer.layers.remove(layer)
