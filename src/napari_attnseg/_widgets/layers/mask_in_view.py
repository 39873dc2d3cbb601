"""Choose one of several Labels layers by what is in view. No Qt, no torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from napari_attnseg._widgets.layers.metadata import record_of
from napari_attnseg._widgets.layers.own_image import images_of, is_wanted, spoken_of
from napari_attnseg._widgets.layers.record import Derivation

#: What is no mask of objects.
_NO_MASKS = (Derivation.CHANGE, Derivation.PAINT, Derivation.READER)


def in_view(viewer: Any, labels: Sequence[Any]) -> Any:
    """The mask of the image in view among Labels layers, visible and uppermost first.

    If there is none, it is the mask of another image or a mask that a person painted;
    if there are no masks at all, the uppermost layer.

    Parameters
    ----------
    viewer : napari.Viewer
    labels : sequence of Labels
        Layers to choose from, at least one.
    """
    image, _ = spoken_of(viewer, None)
    own = images_of(viewer.layers)

    def rank(layer: Any) -> tuple[bool, bool, bool, bool]:
        record = record_of(layer)
        other = record is not None and record.derivation in _NO_MASKS
        elsewhere = image is not None and own.get(layer) is not image
        # A copy of a mask, which does not change with the mask.
        copy = record is not None and record.derivation is Derivation.OBJECTS
        return other, elsewhere, copy, not is_wanted(layer)

    return min(labels, key=rank)  # the first of equals
