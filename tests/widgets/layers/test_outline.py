"""The outline of a mask is seen whatever the size of the image and the zoom."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from napari_attnseg._widgets.layers.display import add_layers
from napari_attnseg._widgets.layers.new_layers import new_layers
from napari_attnseg._widgets.layers.source import source_of
from napari_attnseg.results import Segmentation


@pytest.mark.parametrize("side", [3000, 4400])
def test_a_mask_on_a_large_image_is_seen_and_follows_the_zoom(
    make_napari_viewer_proxy: Callable[..., Any], qtbot: Any, side: int
) -> None:
    viewer = make_napari_viewer_proxy(show=True)
    _, _widget = viewer.window.add_plugin_dock_widget("napari-attnseg", "Segment image")
    image = viewer.add_image(np.zeros((side, side), np.uint8), name="a")
    mask = np.zeros((side, side), np.uint8)
    mask[side // 4 : side // 2, side // 4 : side // 2] = 1
    probability = np.zeros((1, side, side), np.float32)
    (*_, layer) = add_layers(
        viewer, new_layers(source_of(image), [Segmentation(mask, probability)])
    )

    def coloured() -> int:
        """Pixels of the screen in the mask's colour, cyan or a mix of it."""
        shown = viewer.screenshot(canvas_only=True, flash=False)[..., :3].astype(int)
        return int((shown[..., 2] > shown[..., 0] + 60).sum())

    # Around it, in pixels of the screen.
    around = side * viewer.scene.camera.zoom
    assert coloured() > 1.5 * around
    before = layer.contour, layer.opacity
    viewer.scene.camera.zoom = 2
    viewer.scene.camera.center = (side // 4, side // 4)
    if layer.data.size < 10e6:
        qtbot.waitUntil(lambda: (layer.contour, layer.opacity) == (1, 1))
    assert coloured() > 300
    # What somebody chose stays.
    layer.contour = 5
    viewer.scene.camera.zoom = 1
    qtbot.wait(250)
    assert layer.contour == 5 and before != (5, 1)
