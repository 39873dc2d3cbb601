"""A mask that is hidden in a real window: napari's keys change it all the same."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QWidget


def test_ctrl_z_over_the_canvas_changes_what_inspect_says(
    make_napari_viewer_proxy: Callable[..., Any], qtbot: Any, add_result: Any
) -> None:
    viewer = make_napari_viewer_proxy(show=True)
    pixels = np.random.default_rng(0).integers(0, 255, (40, 48, 3), np.uint8)
    add_result(viewer, viewer.add_image(pixels, name="a", rgb=True))
    add = partial(viewer.window.add_plugin_dock_widget, "napari-attnseg")
    dock, widget = add("Inspect side by side")
    panel = widget.mask_panel
    before, mask = panel.size_label.text(), viewer.layers["mask · a"]
    own = mask.data.copy()
    viewer.layers.selection.active = mask
    with mask.block_history():
        mask.paint((3, 3), 1 - int(own[3, 3]))
    qtbot.waitUntil(lambda: "Edited by hand." in panel.size_label.text())
    mask.visible = False
    (canvas,) = (
        one
        for one in dock.window().findChildren(QWidget)
        if one.inherits("QOpenGLWidget")
    )
    qtbot.keyClick(canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: panel.size_label.text() == before, timeout=2000)
    np.testing.assert_array_equal(mask.data, own)
    assert not mask.visible
