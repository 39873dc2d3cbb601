"""Tell of every change of a Labels layer, of a hidden one too. No Qt."""

from __future__ import annotations

import weakref
from functools import partial
from typing import Any


def changes_of(layer: Any) -> tuple[Any, ...]:
    """Events of a Labels layer of which at least one tells of a change of its values.

    A brush and a bucket send only the first, undo and redo the second, and a hidden
    layer that gets other data the third. They also come without a change.

    Parameters
    ----------
    layer : Labels
    """
    _tell_of_undo(layer)
    return layer.events.paint, layer.events.set_data, layer.events.data


def tell_if_hidden(layer: Any) -> None:
    """Tell that values were changed in place; of a visible layer, napari does."""
    if not layer.visible:
        layer.events.paint(value=[])


def _tell_of_undo(layer: Any) -> None:
    """Let undo and redo tell that they changed a hidden layer, which napari does not.

    The keys reach the layer that is selected, whether it is visible or not.
    """
    own = getattr(layer, "__wrapped__", layer)  # napari hands out layers in a wrapper
    for name in ("undo", "redo"):
        if name not in vars(own):
            # Weakly: a layer that held itself would be freed late.
            setattr(own, name, partial(_undo, weakref.ref(own), name))


def _undo(ref: weakref.ref[Any], name: str) -> None:
    layer = ref()
    if layer is not None:
        getattr(type(layer), name)(layer)
        tell_if_hidden(layer)
