"""The outline of a mask is seen whatever the size of the image and the zoom."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_attnseg._widgets.base.lifetime import Lifetime
from napari_attnseg._widgets.base.outline_widths import OutlineWidths
from napari_attnseg._widgets.layers.display import add_layers
from napari_attnseg._widgets.layers.new_layers import new_layers
from napari_attnseg._widgets.layers.outline import follow_zoom
from napari_attnseg._widgets.layers.source import source_of
from napari_attnseg.results import Segmentation


def added(viewer: Any, mask: Any) -> Any:
    """The layer of a mask over a black image."""
    image = viewer.add_image(np.zeros(mask.shape, np.uint8), name="a")
    frames = mask if mask.ndim == 3 else mask[None]
    results = [Segmentation(m, m[None].astype(np.float32)) for m in frames]
    return add_layers(viewer, new_layers(source_of(image), results))[-1]


@pytest.mark.parametrize("zoom", [0.3, 0.5, 1.0])
def test_a_frame_of_a_film_is_outlined_in_a_small_window(
    viewer: ViewerModel, zoom: float
) -> None:
    mask = np.zeros((1080, 1920), np.uint8)
    mask[200:600, 300:900] = 1
    layer = added(viewer, mask)
    follow_zoom(layer, zoom, viewer.dims.point)
    assert layer.contour > 0 and layer.opacity == 1
    assert 1 <= layer.contour * zoom <= 3  # pixels of the screen


def test_a_mask_of_nearly_the_whole_frame_is_a_fill(
    viewer: ViewerModel, qtbot: Any
) -> None:
    life = Lifetime()
    widths = OutlineWidths(viewer, life)
    masks = np.zeros((3, 60, 80), np.uint8)
    masks[0], masks[1, 5:20, 5:20] = 1, 1
    masks[0, 10:14, 10:14] = 0
    layer = added(viewer, masks)
    viewer.dims.set_point(0, 0)
    qtbot.waitUntil(lambda: layer.contour == 0)
    assert layer.opacity < 1
    viewer.dims.set_point(0, 1)
    qtbot.waitUntil(lambda: layer.contour > 0)
    single = added(viewer, masks[0])
    qtbot.waitUntil(lambda: single.contour == 0)
    single.data = masks[1]
    qtbot.waitUntil(lambda: single.contour > 0)
    qtbot.wait(400)  # until nothing else is to be followed
    single.fill((0, 0), 1)  # napari's bucket tells of paint alone
    qtbot.waitUntil(lambda: single.contour == 0 and single.opacity < 1)
    single.undo()
    qtbot.waitUntil(lambda: single.contour > 0)
    life.end()
    del widths


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
