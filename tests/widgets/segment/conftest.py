"""The Segment widget, without a window, with tiny weights."""

from pathlib import Path
from typing import Any

import pytest
from napari.components import ViewerModel

from napari_attnseg._widgets.segment import SegmentWidget


@pytest.fixture
def widget(viewer: ViewerModel, qtbot: Any, tiny_weights: Path) -> SegmentWidget:
    widget = SegmentWidget(viewer)
    qtbot.addWidget(widget)
    qtbot.waitUntil(lambda: widget.inputs.device_box.count() > 1, timeout=60_000)
    widget.inputs.use_weights(tiny_weights)
    return widget
