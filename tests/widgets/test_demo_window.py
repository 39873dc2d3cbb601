"""The window of the demo command."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import napari
import numpy as np
import pytest

from napari_attnseg import Segmenter
from napari_attnseg._widgets.demo import open_window


def test_the_whole_image_is_seen_beside_the_dock(
    make_napari_viewer_proxy: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    tiny_segmenter: Segmenter,
    qtbot: Any,
) -> None:
    viewer = make_napari_viewer_proxy(show=True)
    monkeypatch.setattr(napari, "Viewer", lambda title: viewer)
    image = np.zeros((200, 240, 3), np.uint8)
    open_window(image, tiny_segmenter.segment(image), "polyp")
    qtbot.wait(300)  # the dock settles
    camera = viewer.scene.camera
    height, width = np.array(viewer.canvas.size) / camera.zoom
    assert height >= 200 and width >= 240
    assert tuple(camera.center)[1:] == pytest.approx((99.5, 119.5), abs=1)
    assert viewer.layers[0].name == "polyp" and "mask · polyp" in viewer.layers
