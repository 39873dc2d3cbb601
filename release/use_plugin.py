"""Open every widget of the plugin, segment a sample image, and say what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable

import napari
import qtpy
from npe2 import PluginManager
from qtpy.QtCore import QEventLoop
from qtpy.QtWidgets import QPushButton


def until(happened: Callable[[], bool], seconds: float = 600) -> None:
    """Process events until a condition holds."""
    end = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > end:
            raise SystemExit("The plugin did not segment the sample image in time.")
        napari.qt.get_qapp().processEvents(QEventLoop.AllEvents, 50)


viewer = napari.Viewer()
viewer.open_sample("napari-attnseg", "polyp")
manifest = PluginManager.instance().get_manifest("napari-attnseg")
docks = {
    name: viewer.window.add_plugin_dock_widget("napari-attnseg", name)[1]
    for name in (widget.display_name for widget in manifest.contributions.widgets)
}
segment = docks["Segment image"]
(button,) = (
    one for one in segment.findChildren(QPushButton) if one.text() == "Segment"
)
until(button.isEnabled)
button.click()
until(lambda: any(layer.name.startswith("mask · ") for layer in viewer.layers))
mask = next(layer for layer in viewer.layers if layer.name.startswith("mask · "))
gates = sum(layer.name.startswith("gate ") for layer in viewer.layers)
share = 100 * (mask.data > 0).mean()
print(
    f"{qtpy.API_NAME} {qtpy.QT_VERSION}: {len(docks)} widgets opened, mask of "
    f"{share:.1f} % of the sample image, {gates} gate maps"
)
viewer.close()
