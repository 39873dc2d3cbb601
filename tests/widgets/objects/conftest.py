"""The Objects widget, without a window."""

from typing import Any

import pytest
from napari.components import ViewerModel

from napari_attnseg._widgets.objects.widget import ObjectsWidget


@pytest.fixture
def widget(viewer: ViewerModel, qtbot: Any) -> ObjectsWidget:
    widget = ObjectsWidget(viewer)
    qtbot.addWidget(widget)
    return widget
