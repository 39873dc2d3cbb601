"""A mask of two objects, and how the Objects widget measures it."""

from typing import Any

import numpy as np
from napari.components import ViewerModel
from qtpy.QtCore import Qt

from napari_attnseg._widgets.layers.display import add_layers
from napari_attnseg._widgets.layers.new_layers import new_layers
from napari_attnseg._widgets.layers.source import source_of
from napari_attnseg._widgets.objects.widget import ObjectsWidget
from napari_attnseg.results import AttentionMap, Segmentation

RNG = np.random.default_rng(0)
IMAGE = RNG.integers(0, 255, (60, 80, 3), dtype=np.uint8)
MASK = np.zeros((60, 80), np.uint8)
MASK[10:20, 10:30] = 1
MASK[30:50, 40:70] = 1


def result(mask: np.ndarray = MASK) -> Segmentation:
    probability = np.where(mask, 0.9, 0.1).astype(np.float32)[None]
    gate = AttentionMap(RNG.random((15, 20), np.float32), 4, (4, 4))
    facts = {"model": "m", "date": "now", "weights": "compact", "threshold": 0.4}
    return Segmentation(mask, probability, (gate,), facts)


def segmented(viewer: ViewerModel, *masks: np.ndarray, **placement: Any) -> Any:
    """An image with a result, as the Segment widget leaves it."""
    results = [result(mask) for mask in masks]
    data = IMAGE if len(masks) == 1 else np.stack([IMAGE] * len(masks))
    image = viewer.add_image(data, name="a", rgb=True, **placement)
    return add_layers(viewer, new_layers(source_of(image), results))[-1], results


def measure(widget: ObjectsWidget, qtbot: Any) -> Any:
    """Press Measure; the panel's layer when it is done."""
    widget.bar.start_button.click()
    # The table is filled a turn of Qt's loop after the worker has ended.
    qtbot.waitUntil(
        lambda: widget.life.worker is None and widget._found is None, timeout=60_000
    )
    return widget.panel.layer


def shown(widget: ObjectsWidget) -> list[list[str]]:
    """The table as a person sees it, heading first."""
    model: Any = widget.panel.table.model()
    visible = [
        c
        for c in range(model.columnCount())
        if not widget.panel.table.isColumnHidden(c)
    ]
    rows = [
        [
            model.headerData(c, Qt.Orientation.Horizontal).replace("\n", " ")
            for c in visible
        ]
    ]
    for row in range(model.rowCount()):
        rows.append([model.data(model.index(row, c)) for c in visible])
    return rows
