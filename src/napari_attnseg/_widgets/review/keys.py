"""Keys of the Review dock, in the viewer and in the layers of a case."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from napari_attnseg._widgets.base.lifetime import Lifetime, weakly

#: Action → keys. None of them is one of napari's in a Labels layer.
KEYS = {
    "accept": ("A",),
    "correct": ("C",),
    "reject": ("R",),
    "undo": ("U",),
    "next": ("N", "PageDown"),
    "previous": ("Shift-N", "PageUp"),
    "mask": ("S",),
    "maps": ("W",),
    "take_over": ("O",),
    "comment": ("T",),
}


def bind(viewer: Any, life: Lifetime, actions: Mapping[str, Callable[[], Any]]) -> None:
    """Bind the keys in a viewer until the dock closes, except keys in use.

    Parameters
    ----------
    viewer : napari.Viewer
    life : Lifetime
    actions : mapping of str to callable
        Method for each of `KEYS`.
    """
    for name, keys in KEYS.items():
        for key in keys:
            with suppress(ValueError):
                viewer.bind_key(key, weakly(actions[name]))
                life.at_end.append(partial(viewer.bind_key, key, None))


def bind_layer(layer: Any, actions: Mapping[str, Callable[[], Any]]) -> None:
    """Bind the keys in a layer of a case, because keys of layers come first.

    For example, C stretches the contrast of an image layer in napari; here it has to
    mean Correct.
    """
    for name, keys in KEYS.items():
        for key in keys:
            layer.bind_key(key, weakly(actions[name]), overwrite=True)
