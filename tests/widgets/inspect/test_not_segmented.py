"""A slice that was not segmented is called that everywhere, never empty."""

from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_attnseg._widgets.inspect.readout import read_out, shares_at
from napari_attnseg._widgets.layers.metadata import record_of, set_record
from napari_attnseg._widgets.layers.runs import find_results
from napari_attnseg._widgets.segment import SegmentWidget

SAID = "Not segmented"


@pytest.fixture
def cancelled(viewer: ViewerModel, segment: Any) -> Any:
    """Three slices, of which the last was not segmented."""
    segment(frames=3)
    for layer in list(viewer.layers)[1:]:
        layer.data[2] = 0
        record = record_of(layer)
        changed = {
            name: [*record.provenance[name][:2], None]
            for name in ("image_sha256", "mask_sha256")
        }
        set_record(layer, record.with_provenance(**changed))
    return viewer.layers["mask · image"]


@pytest.mark.parametrize("inspect_first", [True, False])
def test_whatever_dock_was_opened_first(
    viewer: ViewerModel, opened: Any, cancelled: Any, qtbot: Any, inspect_first: bool
) -> None:
    def segment_dock() -> SegmentWidget:
        widget = SegmentWidget(viewer)
        qtbot.addWidget(widget)
        return widget

    viewer.dims.set_current_step(0, 2)
    if inspect_first:
        inspect, dock = opened(), segment_dock()
    else:
        dock, inspect = segment_dock(), opened()
    mark = viewer.canvas.overlays.text
    for frame in (2, 0, 2, 1, 2):
        viewer.dims.set_current_step(0, frame)
        qtbot.waitUntil(lambda at=frame: f"Slice {at}" in dock.outcome.text())
        missing = frame == 2
        assert (SAID in dock.outcome.text()) == missing
        size = inspect.mask_panel.size_label.text()
        assert (size == SAID) == missing
        assert (mark.visible and mark.text.startswith(SAID)) == missing
    inspect.pointing.hold((2.0, 9.0, 10.0))
    assert inspect.pointing.held.text() == (
        "At the ring: row 9, column 10 · not segmented"
    )


def test_a_reading_there_has_no_values(viewer: ViewerModel, cancelled: Any) -> None:
    (result,) = find_results(viewer.layers)
    assert read_out(result, (2, 9, 10)) == "row 9, column 10 · not segmented"
    assert shares_at(result, (2, 9, 10)) == ""
    assert "psi" in read_out(result, (1, 9, 10)) and shares_at(result, (1, 9, 10))
    cancelled.data[2, 9, 10] = 1  # drawn by hand
    assert read_out(result, (2, 9, 10)) == (
        "row 9, column 10 · not segmented · in the mask"
    )
    assert np.count_nonzero(cancelled.data[2]) == 1
