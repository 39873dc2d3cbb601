"""The Objects widget in a real window: two polyps, their rows, and the camera."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from napari_attnseg import Segmenter
from napari_attnseg._widgets.layers.display import add_layers
from napari_attnseg._widgets.layers.new_layers import new_layers
from napari_attnseg._widgets.layers.source import source_of
from napari_attnseg._widgets.objects.widget import ObjectsWidget
from napari_attnseg.sample_data import sample_image
from napari_attnseg.weights import DEFAULT_WEIGHTS


@pytest.fixture
def viewer(make_napari_viewer_proxy: Callable[..., Any]) -> Any:
    return make_napari_viewer_proxy(show=True)


def test_two_polyps_have_two_rows(viewer: Any, qtbot: Any) -> None:
    image = viewer.add_image(sample_image("two-polyps"), name="polyps", rgb=True)
    result = Segmenter.from_checkpoint(DEFAULT_WEIGHTS, "cpu")(image.data)
    mask = add_layers(viewer, new_layers(source_of(image), [result]))[-1]
    _, widget = viewer.window.add_plugin_dock_widget(
        "napari-attnseg", "Measure objects"
    )
    assert isinstance(widget, ObjectsWidget)
    widget.bar.start_button.click()
    qtbot.waitUntil(lambda: "objects · mask · polyps" in viewer.layers, timeout=60_000)
    qtbot.waitUntil(lambda: widget.panel.isVisibleTo(widget))
    table = widget.panel.table
    assert table.model().rowCount() == 2
    layer = viewer.layers["objects · mask · polyps"]
    mask.visible = False
    before = viewer.screenshot(canvas_only=True, flash=False)
    table.selectRow(1)
    assert layer.selected_label == 2
    moved = viewer.screenshot(canvas_only=True, flash=False)
    assert np.any(before != moved)
    np.testing.assert_allclose(
        viewer.scene.camera.center[-2:],
        np.argwhere(layer.data == 2).mean(0),
        atol=1,
    )
    viewer.window.remove_dock_widget("all")
    layer.selected_label = 1  # nothing listens any more
    viewer.layers.remove(layer)


def test_no_outline_of_old_objects_lies_over_a_corrected_mask(
    viewer: Any, qtbot: Any
) -> None:
    image = viewer.add_image(sample_image("two-polyps"), name="polyps", rgb=True)
    result = Segmenter.from_checkpoint(DEFAULT_WEIGHTS, "cpu")(image.data)
    mask = add_layers(viewer, new_layers(source_of(image), [result]))[-1]
    _, widget = viewer.window.add_plugin_dock_widget(
        "napari-attnseg", "Measure objects"
    )

    def measure() -> None:
        widget.bar.start_button.click()
        qtbot.waitUntil(
            lambda: widget.life.worker is None and widget._found is None, timeout=60_000
        )

    def white() -> int:
        """Pixels of the outline of objects that are not selected."""
        shot = viewer.screenshot(canvas_only=True, flash=False)[..., :3].astype(int)
        return int((shot.min(-1) > 250).sum())

    none = white()
    measure()
    objects = viewer.layers["objects · mask · polyps"]
    assert objects.visible and white() > none + 100
    mask.paint((5, 5), 1)
    qtbot.waitUntil(lambda: not objects.visible)
    qtbot.wait(120)
    assert white() <= none and widget.labels_box.currentData() is mask
    measure()
    assert objects.visible and objects.data[5, 5] and white() > none + 100
