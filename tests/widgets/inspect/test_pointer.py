"""Reading a result under the pointer or by keys, and the ring where it is held."""

from typing import Any

import numpy as np
from napari.components import ViewerModel
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QApplication

from napari_attnseg._widgets.base.inputs import Inputs
from napari_attnseg._widgets.base.lifetime import Lifetime
from napari_attnseg._widgets.inspect.pointer import FLAT, HINT
from napari_attnseg._widgets.inspect.readout import read_out, shares_at
from napari_attnseg._widgets.layers.metadata import METADATA, SHARE_MAP
from napari_attnseg._widgets.layers.runs import find_results

ADDED = 6  # probability, four gates, mask


def mask_of(viewer: ViewerModel, name: str = "image") -> Any:
    return viewer.layers[f"mask · {name}"]


def test_what_is_held_goes_with_the_frame_and_the_mask(
    viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment(frames=3)
    widget = opened()
    pointing = widget.pointing
    pointing.hold((0.0, 9.0, 10.0))
    viewer.dims.set_current_step(0, 2)
    assert pointing.point == (2.0, 9.0, 10.0)
    assert pointing.held.text() == f"At the ring: {read_out(widget.result, (2, 9, 10))}"
    widget.mask_panel.threshold.setValue(0.0)
    widget.mask_panel.apply()
    assert " · in the mask" in pointing.held.text()
    widget.mask_panel.threshold.setValue(1.0)
    widget.mask_panel.apply()
    assert "not in the mask" in pointing.held.text()


def test_nothing_is_read_off_a_ray(
    viewer: ViewerModel, opened: Any, segment: Any, mouse: Any
) -> None:
    segment(frames=3)
    widget = opened()
    mask_of(viewer).contour = 0  # napari warns that 3D has none
    viewer.dims.ndisplay = 3
    mouse.move((0.0, 9.0, 10.0))
    assert widget.pointing.now.text() == FLAT


def test_the_ring_leaves_selection_and_choices_alone(
    qtbot: Any, viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    a, b = segment("a"), segment("b")
    inputs = Inputs(viewer, Lifetime())
    qtbot.addWidget(inputs)
    viewer.layers.selection.active = b
    inputs.image_box.setCurrentText("a")
    widget = opened()
    widget.pointing.hold((9.0, 9.0))
    assert inputs.image is a and viewer.layers.selection.active is b
    widget.pointing.hold(None)
    viewer.layers.selection = {a, b}
    widget.pointing.hold((9.0, 9.0))
    assert viewer.layers.selection == {a, b}


def test_the_reading_names_what_is_there(
    viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment(scale=(2, 2), translate=(100, 0))
    (result,) = find_results(viewer.layers)
    at = (30, 40)
    text = read_out(result, (100 + 2 * 30, 2 * 40))
    p = viewer.layers["probability · image"].data[at]
    gate = viewer.layers["gate 1/4 · image"].data
    rows, columns = (int(i * n / m) for i, n, m in zip(at, gate.shape, (40, 48)))
    psi = gate[rows, columns]
    side = "CNN" if psi > 0.5 else "transformer"
    lines = text.split("\n")
    assert lines[0].startswith("row 30, column 40 · ")
    assert lines[1] == f"model's probability {p:.2f}"
    share = viewer.layers["gate 1/4 · image"].metadata[SHARE_MAP]
    assert share.shape == gate.shape
    here = share[rows, columns]
    assert lines[-1] == f"1/4: psi {psi:.2f}, towards the {side}"
    assert "share" not in text and f"1/4: {here:.2f}" in shares_at(result, (160, 80))
    inside = mask_of(viewer).data[at]
    assert ("not in the mask" in text) == (not inside)
    assert read_out(result, (0, 0)) == ""


def test_a_click_holds_the_reading_and_a_drag_does_not(
    viewer: ViewerModel, opened: Any, segment: Any, mouse: Any
) -> None:
    segment()
    widget = opened()  # kept: Qt deletes a window that nobody holds
    pointing = widget.pointing
    mouse.click((10.0, 12.0), moves=2)
    assert pointing.held.isHidden()
    mouse.click((10.0, 12.0))
    assert "row 10, column 12" in pointing.held.text()
    assert np.array_equal(viewer.layers["reading · image"].data, [[10, 12]])
    mouse.move((1.0, 2.0))
    assert "row 1, column 2" in pointing.now.text()
    assert "row 10, column 12" in pointing.held.text()


def test_a_brush_does_not_hold(
    viewer: ViewerModel, opened: Any, segment: Any, mouse: Any
) -> None:
    segment()
    widget = opened()
    viewer.layers.selection.active = mask_of(viewer)
    mask_of(viewer).mode = "paint"
    mouse.click((9.0, 9.0))
    assert widget.pointing.point is None
    mask_of(viewer).mode = "pan_zoom"
    mouse.click((9.0, 9.0))
    assert widget.pointing.point == (9.0, 9.0)


def test_the_image_is_read_by_keys(
    qtbot: Any, viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment(scale=(2, 2), translate=(100, 0), units=("mm", "mm"))
    widget = opened()
    active = viewer.layers.selection.active
    pointing = widget.pointing
    qtbot.keyClick(pointing, Qt.Key.Key_Up)
    assert "row 20, column 24" in pointing.held.text()  # the middle
    qtbot.keyClick(pointing, Qt.Key.Key_Up)
    qtbot.keyClick(
        pointing, Qt.Key.Key_Right, modifier=Qt.KeyboardModifier.ShiftModifier
    )
    assert "row 19, column 34" in pointing.held.text()
    mark = viewer.layers["reading · image"]
    assert np.allclose(mark.data_to_world(mark.data[0]), (100 + 2 * 19, 2 * 34))
    assert (
        viewer.layers.selection.active is active and len(widget.result.layers) == ADDED
    )
    widget.toggle()
    assert not mark.visible  # a cell of its own would say nothing
    widget.toggle()
    assert mark.visible
    for _ in range(4):
        qtbot.keyClick(
            pointing, Qt.Key.Key_Right, modifier=Qt.KeyboardModifier.ShiftModifier
        )
    assert "column 47" in pointing.held.text()  # the edge
    qtbot.keyClick(pointing, Qt.Key.Key_Escape)
    assert pointing.held.isHidden() and mark not in viewer.layers
    qtbot.keyClick(pointing, Qt.Key.Key_Up)
    widget.life.end()
    assert "reading · image" not in viewer.layers


def test_what_is_below_the_readings_stays_where_it_is(
    viewer: ViewerModel, opened: Any, segment: Any, mouse: Any, qtbot: Any
) -> None:
    segment()
    widget = opened()
    pointing, lower = widget.pointing, widget.mask_panel
    widget.resize(360, 900)
    widget.show()
    tops = []
    for point in ((-5.0, 0.0), (10.0, 12.0), (-5.0, 0.0), (39.0, 47.0)):
        mouse.move(point)
        QApplication.processEvents()
        tops.append(lower.mapTo(widget, QPoint()).y())
    assert pointing.now.text().count("\n") == 5
    assert len(set(tops)) == 1


def test_maps_that_are_all_decorative_are_said_to_be_once(
    viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment()
    widget = opened()
    assert widget.pointing.note.isHidden()  # not measured
    gates = [layer for layer in viewer.layers if layer.name.startswith("gate")]
    for gate in gates:
        gate.metadata[METADATA]["pattern"] = "decorative"
    widget.pointing.set_result(widget.result)
    assert not widget.pointing.note.isHidden()
    gates[0].metadata[METADATA]["pattern"] = "matters"
    widget.pointing.set_result(widget.result)
    assert widget.pointing.note.isHidden()


def test_readings_follow_an_edit_of_the_mask(
    viewer: ViewerModel, opened: Any, segment: Any, mouse: Any, qtbot: Any
) -> None:
    segment()
    widget = opened()
    pointing, mask = widget.pointing, mask_of(viewer)
    mask.data[:] = 1
    mouse.click((10.0, 12.0))
    mouse.move((10.0, 12.0))
    assert " · in the mask" in pointing.now.text()
    mask.data = mask.data * 0
    qtbot.waitUntil(lambda: "not in the mask" in pointing.held.text())
    assert "not in the mask" in pointing.now.text()
    mouse.move((-5.0, 0.0))
    assert pointing.now.text() == HINT
