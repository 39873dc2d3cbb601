"""Presets of Inspect in a real window, one after another."""

from collections.abc import Callable
from typing import Any

import numpy as np

from napari_attnseg._widgets.layers.metadata import has_record

STEPS = ("all scales", *2 * ("published style", "at a glance"), "overlay")


def test_every_way_back_to_the_overlay_shows_the_image(
    make_napari_viewer_proxy: Callable[..., Any], add_result: Any, qtbot: Any
) -> None:
    viewer = make_napari_viewer_proxy(show=True)
    data = np.random.default_rng(0).integers(0, 255, (40, 48, 3), np.uint8)
    image = viewer.add_image(data, name="image", rgb=True)
    add_result(viewer, image)
    _, widget = viewer.window.add_plugin_dock_widget(
        "napari-attnseg", "Inspect side by side"
    )
    seen = {layer.name for layer in viewer.layers if layer.visible}
    # The colour bars of the published style are hidden, and their cells made anew.
    for name in STEPS:
        widget.preset_box.setCurrentText(name)
        viewer.screenshot(canvas_only=True, flash=False)
    assert not viewer.canvas.grid.enabled
    assert {layer.name for layer in viewer.layers if layer.visible} == seen
    gates = [x for x in viewer.layers if has_record(x) and x.name.startswith("gate")]
    assert gates and all(layer.opacity < 1 for layer in gates)
