"""Worker and connections of a dock widget, released when the dock closes."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial
from typing import Any


class Lifetime:
    """Worker and connections that end with a widget.

    It is not a QObject, because it outlives the widget, which Qt destroys.

    Attributes
    ----------
    ended : bool
    worker : worker or None
        Worker that is running.
    at_end : list of callable
        Called in reverse order when the widget closes.
    """

    def __init__(self) -> None:
        self.ended = False
        self.worker: Any = None
        self.at_end: list[Callable[[], None]] = []

    def stopping(self) -> bool:
        """Whether the worker was asked to stop; for use in the middle of a step."""
        return self.worker is not None and bool(self.worker.abort_requested)

    def end(self) -> None:
        """Stop the worker and undo every connection. Later calls do nothing."""
        if self.ended:
            return
        self.ended = True
        if self.worker is not None:
            self.worker.quit()
        # The last first: what removes layers comes after who listens to that.
        for undo in reversed(self.at_end):
            undo()
        self.at_end.clear()  # what is undone need not hold its widget any longer


def weakly(method: Callable[..., Any]) -> Callable[..., Any]:
    """Make a callback of a method that does not keep its widget alive.

    The viewer's key and mouse callbacks keep a reference to what they call. If they
    held the last reference to a widget, removing them would free the widget in the
    middle of its own destruction.
    """
    ref = weakref.WeakMethod(method)

    def call(viewer: Any, *args: Any) -> Any:
        found = ref()
        return None if found is None else found(*args)

    return call


def follow_mouse(
    callbacks: list[Any], method: Callable[..., Any], life: Lifetime
) -> None:
    """Call a method on mouse events, through a weak reference, until a widget ends."""
    call = weakly(method)
    callbacks.append(call)
    life.at_end.append(partial(_remove, callbacks, call))


def _remove(callbacks: list[Any], call: Any) -> None:
    if call in callbacks:
        callbacks.remove(call)


def follow_layers(viewer: Any, life: Lifetime, callback: Callable[[Any], None]) -> None:
    """Call a method when layers are added, removed, moved or renamed, until the end."""
    layers, events = viewer.layers, viewer.layers.events
    ref = weakref.WeakMethod(callback)

    def watch_name(event: Any) -> None:
        method = ref()
        if method is not None:
            event.value.events.name.connect(method)

    for event in (events.inserted, events.removed, events.reordered):
        event.connect(callback)
        life.at_end.append(partial(event.disconnect, callback))
    events.inserted.connect(watch_name)
    life.at_end.append(partial(events.inserted.disconnect, watch_name))
    for layer in layers:
        layer.events.name.connect(callback)
    life.at_end.append(partial(_forget_names, layers, callback))


def _forget_names(layers: Any, callback: Callable[..., None]) -> None:
    for layer in layers:
        layer.events.name.disconnect(callback)
