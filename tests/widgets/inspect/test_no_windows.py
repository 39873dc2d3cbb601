"""No control of Inspect is shown as a window of its own, not even for a moment."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QApplication, QWidget

from napari_attnseg._widgets.base.controls import Fold
from napari_attnseg._widgets.layers.runs import find_results


class Windows(QObject):
    """Notes what is shown as a window."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[str] = []

    def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: N802 (Qt's name)
        shown = event.type() == QEvent.Type.Show
        if shown and isinstance(watched, QWidget) and watched.isWindow():
            self.shown.append(type(watched).__name__)
        return False


@pytest.fixture
def windows() -> Iterator[Windows]:
    found, app = Windows(), QApplication.instance()
    assert app is not None
    app.installEventFilter(found)
    yield found
    app.removeEventFilter(found)


def test_sliders_of_gates_that_come_and_go(
    make_napari_viewer_proxy: Callable[..., Any],
    add_result: Any,
    qtbot: Any,
    windows: Windows,
) -> None:
    viewer = make_napari_viewer_proxy(show=True)
    noise = np.random.default_rng(0).integers(0, 255, (40, 48, 3), np.uint8)
    add_result(viewer, viewer.add_image(noise, name="image", rgb=True))
    _, widget = viewer.window.add_plugin_dock_widget(
        "napari-attnseg", "Inspect side by side"
    )
    for fold in widget.findChildren(Fold):
        fold.open()
    qtbot.waitUntil(widget.whatif_panel.isVisible)
    qtbot.wait(100)
    windows.shown.clear()
    (result,) = find_results(viewer.layers)
    viewer.layers.remove(result.gates[8])  # the others get rows anew
    assert len(widget.whatif_panel.rows) == 3
    qtbot.wait(50)
    viewer.layers.clear()
    qtbot.wait(50)
    add_result(viewer, viewer.add_image(noise, name="image", rgb=True))
    qtbot.wait(50)
    assert len(widget.whatif_panel.rows) == 4
    assert widget.whatif_panel.gate_rows.isVisible()
    assert windows.shown == []
