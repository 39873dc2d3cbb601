"""A grey image in the colours of a colour map is told of in the window."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib import colormaps
from napari.components import ViewerModel
from scipy.ndimage import gaussian_filter
from segment_dock import wait

from napari_attnseg._widgets.segment import SegmentWidget


def test_an_image_in_the_colours_of_a_map_is_told_of(
    widget: SegmentWidget, viewer: ViewerModel, qtbot: Any
) -> None:
    grey = gaussian_filter(np.random.default_rng(0).normal(size=(90, 120)), 6)
    grey = (grey - grey.min()) / np.ptp(grey)
    viewer.add_image((colormaps["viridis"](grey) * 255).astype(np.uint8), name="x")
    widget.start()
    wait(widget, qtbot)
    assert widget.bar.error.text() == (
        "'x' seems to be a grey image shown in the colour map viridis, which the model "
        "was not trained on: give the grey image."
    )
