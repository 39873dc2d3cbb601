"""What every dock widget of napari.yaml does: opens empty, follows layers, gives back.

A new widget is tested by its entry in the manifest alone.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.utils.events import EmitterGroup, EventEmitter
from npe2 import PluginManifest
from qtpy.QtWidgets import QMainWindow, QWidget

_CONTRIBUTIONS = PluginManifest.from_distribution("napari-attnseg").contributions
_NAMES = {c.id: c.python_name for c in _CONTRIBUTIONS.commands}
WIDGETS = {w.display_name: _NAMES[w.command] for w in _CONTRIBUTIONS.widgets}


@pytest.fixture
def window(qtbot: Any) -> QMainWindow:
    window = QMainWindow()
    qtbot.addWidget(window)
    return window


@pytest.fixture(params=WIDGETS)
def dock(
    request: pytest.FixtureRequest, viewer: ViewerModel, window: QMainWindow
) -> Callable[[], QWidget]:
    """Open one kind of widget in a window, as napari does with the manifest's name."""
    module, name = WIDGETS[request.param].split(":")

    def open_() -> QWidget:
        # napari hands the viewer over by this name, and only by it.
        widget: QWidget = getattr(import_module(module), name)(napari_viewer=viewer)
        widget.setParent(window)
        return widget

    return open_


def callbacks(viewer: ViewerModel) -> dict[str, int]:
    """How many callbacks each part of a viewer has, keys and mouse included."""
    found = {
        "keys": len(viewer.keymap),
        "mouse": sum(
            len(getattr(viewer, f"mouse_{kind}_callbacks"))
            for kind in ("drag", "move", "wheel", "double_click")
        ),
    }
    parts = {"viewer": viewer, "layers": viewer.layers, "dims": viewer.dims}
    parts |= {f"layer {i}": layer for i, layer in enumerate(viewer.layers)}
    parts["selection"] = viewer.layers.selection
    for name, part in parts.items():
        events: EmitterGroup = part.events
        emitters = [e for e in events.emitters.values() if isinstance(e, EventEmitter)]
        found[name] = sum(len(emitter.callbacks) for emitter in emitters)
    return found


def grey(viewer: ViewerModel, name: str) -> Any:
    return viewer.add_image(np.zeros((16, 20), np.uint8), name=name)


def test_opens_where_there_is_nothing_and_offers_to_do_nothing_wrong(
    dock: Callable[[], QWidget], viewer: ViewerModel, messages: list[str]
) -> None:
    widget = dock()
    assert widget.layout() is not None
    assert not messages
    assert len(viewer.layers) == 0
    # docs/known-napari-crash.md
    assert not viewer.canvas.overlays["_brush_circle"].box


def test_follows_layers_that_come_are_renamed_move_and_go(
    dock: Callable[[], QWidget], viewer: ViewerModel, messages: list[str]
) -> None:
    grey(viewer, "before")
    dock()
    late = grey(viewer, "late")
    viewer.add_labels(np.zeros((16, 20), int), name="somebody's labels")
    viewer.add_points(np.zeros((2, 2)))
    late.name = "renamed"
    viewer.layers.move(0, 2)
    viewer.layers.remove(late)
    viewer.layers.clear()
    assert not messages


def test_gives_back_all_that_it_connected_when_it_closes(
    dock: Callable[[], QWidget], viewer: ViewerModel
) -> None:
    grey(viewer, "image")
    before = callbacks(viewer)
    for _ in range(2):  # what is given back can be taken again
        widget = dock()
        opened = callbacks(viewer)
        assert opened != before
        widget.setParent(None)
        assert callbacks(viewer) == before


def test_leaves_the_layers_of_others_as_they_are(
    dock: Callable[[], QWidget], viewer: ViewerModel
) -> None:
    layer = grey(viewer, "image")
    labels = viewer.add_labels(np.ones((16, 20), int), name="labels")
    before = [(one.name, one.visible, one.opacity) for one in (layer, labels)]
    widget = dock()
    widget.setParent(None)
    assert [(one.name, one.visible, one.opacity) for one in (layer, labels)] == before
    assert list(viewer.layers) == [layer, labels]
    assert not layer.metadata and not labels.metadata
