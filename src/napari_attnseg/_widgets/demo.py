"""The napari window of the demo command, and whether one can be opened."""

from __future__ import annotations

import os
import sys
from typing import Any

from napari_attnseg.results import Segmentation

#: Width and height of the window in pixels, where the screen is as large.
SIZE = (1280, 800)


def why_no_window() -> str:
    """Reason why no window can open here; empty if one can."""
    if os.environ.get("QT_QPA_PLATFORM") in ("offscreen", "minimal"):
        return "Qt is told to draw offscreen"
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        return "There is no display"
    try:
        import qtpy.QtWidgets  # noqa: F401
    except Exception as error:  # qtpy and the bindings raise many kinds
        return f"Qt cannot be loaded ({error})"
    return ""


def show(image: Any, result: Segmentation, name: str) -> None:
    """Open napari with an image, its result and the widget; wait until it closes."""
    import napari

    open_window(image, result, name)
    napari.run()


def open_window(image: Any, result: Segmentation, name: str) -> Any:
    """Open napari with an image, its result and the widget; returns the viewer."""
    import napari
    from qtpy.QtCore import QSize
    from qtpy.QtWidgets import QApplication

    from napari_attnseg._widgets.layers.display import add_layers
    from napari_attnseg._widgets.layers.new_layers import new_layers
    from napari_attnseg._widgets.layers.source import source_of

    viewer = napari.Viewer(title="AttnSeg demo")
    layer = viewer.add_image(image, name=name, rgb=True)
    add_layers(viewer, new_layers(source_of(layer), [result]))
    viewer.layers.selection.active = layer
    viewer.window.add_plugin_dock_widget("napari-attnseg", "Segment image")
    size = QSize(*SIZE)
    screen = QApplication.primaryScreen()
    if screen is not None:
        size = size.boundedTo(screen.availableSize())
    viewer.window.resize(size.width(), size.height())
    # napari has fitted the image into its canvas of before; the dock takes a third.
    QApplication.processEvents()
    viewer.reset_view()
    return viewer
