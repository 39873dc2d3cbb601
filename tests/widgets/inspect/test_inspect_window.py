"""Inspect in a real window, on a polyp, with the bundled weights."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QApplication, QDockWidget, QWidget

from napari_attnseg._widgets.base.controls import Fold
from napari_attnseg._widgets.base.model_cache import MODELS
from napari_attnseg._widgets.inspect.click_points import ClickPoints
from napari_attnseg._widgets.inspect.reader_layers import OUTLINES
from napari_attnseg._widgets.inspect.widget import KEY
from napari_attnseg._widgets.layers.metadata import RESULTS_FILE
from napari_attnseg._widgets.layers.runs import find_results
from napari_attnseg._widgets.layers.writer import write
from napari_attnseg.corrections.clicks import Click
from napari_attnseg.reproduce import EDITED
from napari_attnseg.sample_data import sample_image

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
NONE, SHIFT = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier
CONTROL = Qt.KeyboardModifier.ControlModifier


def test_looks_asks_and_comes_back(
    make_napari_viewer_proxy: Callable[..., Any], qtbot: Any, tmp_path: Path
) -> None:
    viewer = make_napari_viewer_proxy(show=True)
    add = partial(viewer.window.add_plugin_dock_widget, "napari-attnseg")
    viewer.add_image(sample_image("polyp"), name="polyp", rgb=True)
    _, segment = add("Segment image")
    dock, widget = add("Inspect side by side")
    assert not widget.hint.isHidden()
    segment.start()
    qtbot.waitUntil(lambda: len(viewer.layers) == 7, timeout=120_000)
    assert widget.hint.isHidden()

    def picture() -> Any:
        return viewer.screenshot(canvas_only=True, flash=False).astype(int)

    overlay = picture()
    widget.toggle_button.click()
    assert widget.preset_box.currentText() == "all scales"
    qtbot.wait(200)
    beside = picture()
    # 0.5 is white although every map is decoration in this model: each map has a sixth
    # of the canvas.
    gates = [layer.data for layer in viewer.layers if layer.name.startswith("gate")]
    near = sum((np.abs(gate - 0.5) < 0.02).mean() for gate in gates) / 6
    assert len(gates) == 4 and near > 0.002
    assert (beside[..., :3].min(-1) > 235).mean() > near / 3
    grid = viewer.canvas.grid
    assert all(inside for _, inside in grid.iter_viewboxes(viewer.layers))
    assert (np.abs(beside - overlay).max(-1) > 30).mean() > 0.2
    # The list of presets would search for what is typed.
    viewer.window.activate()
    widget.preset_box.setFocus()
    qtbot.waitUntil(widget.preset_box.hasFocus)
    qtbot.keyClick(widget.preset_box, KEY)
    assert widget.preset_box.currentText() == "overlay"
    assert (np.abs(picture() - overlay).max(-1) > 30).mean() < 0.02

    # Everything to the transformer, which draws a little more than the bundled model.
    for group in widget.findChildren(Fold):
        group.open()
    # What is unfolded is scrolled: the window fits a small laptop as before.
    docks = (segment, widget)
    assert sum(one.minimumSizeHint().height() for one in docks) < 600
    panel = widget.whatif_panel
    for row in panel.rows.values():
        row.choice.setCurrentText("transformer")
        row.choice.activated.emit(row.choice.currentIndex())
    qtbot.waitUntil(lambda: panel.change is not None, timeout=60_000)
    assert panel.change.gained > 1000
    panel.keep_button.click()
    widget.run_menu.copy_command()
    said = QApplication.clipboard().text()
    assert all(f"1/{s}=0.0" in said for s in (4, 8, 16, 32)), said
    viewer.layers[-1].data[:5, :5] = 1
    widget.run_menu.copy_python()
    assert EDITED in QApplication.clipboard().text()
    widget.run_menu.save(tmp_path)
    qtbot.waitUntil(lambda: RESULTS_FILE in viewer.layers[-1].metadata, timeout=60_000)
    for layer in [one for one in viewer.layers if one.name.startswith("what if")]:
        viewer.layers.remove(layer)
    changed = picture()
    green = (changed[..., 1] > changed[..., 0] + 20) & (changed[..., 2] < 200)
    assert green.sum() > 500
    panel.reset_button.click()
    qtbot.waitUntil(lambda: panel.change.overlap == 1.0)

    # With the mouse and the key of a real window.
    clicking, mask = widget.click_panel, widget.result.mask
    own = mask.data.copy()
    viewer.layers.selection.active = mask
    (canvas,) = (
        one
        for one in dock.window().findChildren(QWidget)
        if one.inherits("QOpenGLWidget")
    )
    mask.paint((5, 5), 1)
    assert not np.array_equal(mask.data, own)
    qtbot.keyClick(canvas, "z", CONTROL)  # napari's own, of its brush
    assert np.array_equal(mask.data, own)
    clicking.button.click()
    qtbot.waitUntil(lambda: "missing" in clicking.message.text(), timeout=60_000)
    # The first one changes nothing there, as the mask is so already: it guards it.
    for button, key in ((LEFT, NONE), (RIGHT, NONE), (LEFT, NONE), (LEFT, SHIFT)):
        qtbot.mouseClick(canvas, button, key, canvas.rect().center())
    assert [click.positive for click in clicking.clicks] == [True, False, True, False]
    assert not np.array_equal(mask.data, own)
    for _ in range(4):
        qtbot.keyClick(canvas, "z", CONTROL)
    assert not clicking.clicks and np.array_equal(mask.data, own)

    widget.toggle()
    viewer.window.remove_dock_widget(dock)
    assert widget.life.ended
    assert panel.what_if is None
    assert not viewer.canvas.grid.enabled
    # The window may close while results are side by side.
    _, other = add("Inspect side by side")
    other.toggle()
    assert viewer.canvas.grid.enabled


def test_signs_of_clicks_have_their_colours_at_every_zoom(
    make_napari_viewer_proxy: Callable[..., Any], add_result: Any
) -> None:
    viewer = make_napari_viewer_proxy(show=True)
    data = np.full((40, 48, 3), (170, 90, 60), np.uint8)
    add_result(viewer, viewer.add_image(data, name="image", rgb=True))
    (result,) = find_results(viewer.layers)
    result.mask.visible = False
    ClickPoints(viewer).show(result, [Click(20, 20, True), Click(20, 28, False)], None)
    for zoom in (4, 9, 30):
        viewer.scene.camera.zoom = zoom
        picture = viewer.screenshot(canvas_only=True, flash=False)[..., :3].astype(int)
        for colour in ((0, 177, 64), (228, 0, 43)):
            near = np.abs(picture - colour).max(-1) < 12
            assert near.sum() > 40, (zoom, colour, near.sum())
        assert (picture.min(-1) > 240).sum() > 20  # a light border


def test_what_a_section_draws_goes_and_comes_with_it(
    make_napari_viewer_proxy: Callable[..., Any],
    add_result: Any,
    qtbot: Any,
    tiny_weights: Path,
) -> None:
    viewer = make_napari_viewer_proxy(show=True)
    noise = np.random.default_rng(0).integers(0, 255, (40, 48, 3), np.uint8)
    add_result(viewer, viewer.add_image(noise, name="image", rgb=True))
    MODELS.load(tiny_weights, "cpu")
    _, widget = viewer.window.add_plugin_dock_widget(
        "napari-attnseg", "Inspect side by side"
    )
    readers, what_if = (
        next(fold for fold in widget.findChildren(Fold) if fold.content is panel)
        for panel in (widget.readers_panel, widget.whatif_panel)
    )
    readers.open()
    what_if.open()
    qtbot.waitUntil(lambda: widget.readers_panel.isVisible())
    widget.readers_panel.show_button.click()
    qtbot.waitUntil(lambda: widget.readers_panel.found is not None, timeout=20_000)
    row = next(iter(widget.whatif_panel.rows.values()))
    row.slider.setValue(0.0)
    qtbot.waitUntil(lambda: widget.whatif_panel.change is not None, timeout=20_000)
    outlines = [viewer.layers[f"{name} · image"] for name, _ in OUTLINES]
    fill = viewer.layers["gained and lost · image"]
    outlines[0].visible = False  # by the user: it stays so
    readers.open(False)
    assert not any(layer.visible for layer in outlines) and fill.visible
    readers.open()
    assert [layer.visible for layer in outlines] == [False, True, True]
    widget.whatif_panel.keep_button.click()
    kept = viewer.layers[-1]
    what_if.open(False)
    assert not fill.visible and kept.visible
    what_if.open()
    assert fill.visible

    # A tab in front of it puts away what both drew, the ring and the signs of clicks;
    # what somebody keeps stays.
    drawn = [*outlines[1:], fill]
    widget.pointing.hold((10.0, 12.0))
    drawn.append(viewer.layers["reading · image"])
    clicking = widget.click_panel
    clicking.button.click()
    qtbot.waitUntil(lambda: "missing" in clicking.message.text(), timeout=20_000)
    # Drawn with the mouse of a real window, below which the image stays.
    dock = widget.parentWidget()
    while not isinstance(dock, QDockWidget):
        dock = dock.parentWidget()
    (canvas,) = (
        one
        for one in dock.window().findChildren(QWidget)
        if one.inherits("QOpenGLWidget")
    )
    middle, centre = canvas.rect().center(), viewer.scene.camera.center
    qtbot.mousePress(canvas, LEFT, NONE, middle)
    for far in (30, 60, 90):
        qtbot.mouseMove(canvas, middle + QPoint(far, 0))
    assert "scribbles · image" in viewer.layers and not clicking.clicks
    qtbot.mouseRelease(canvas, LEFT, NONE, middle + QPoint(90, 0))
    (drawn_line,) = clicking.clicks
    ((row, column),) = drawn_line.line
    assert (row, column > drawn_line.column) == (drawn_line.row, True)
    assert widget.result.mask.data[row, drawn_line.column : column + 1].all()
    assert viewer.scene.camera.center == centre
    signs = ["clicks · image", "scribbles · image"]
    assert all(name in viewer.layers for name in signs)
    # The line changed the mask, so the outlines beside it are away until asked for.
    qtbot.waitUntil(lambda: not set(outlines) & set(viewer.layers))
    widget.readers_panel.show_button.click()
    qtbot.waitUntil(lambda: widget.readers_panel.found is not None, timeout=20_000)
    outlines = [viewer.layers[f"{name} · image"] for name, _ in OUTLINES]
    outlines[0].visible = False
    drawn = [*outlines[1:], *drawn[2:]]
    _, segment = viewer.window.add_plugin_dock_widget("napari-attnseg", "Segment image")
    qtbot.waitUntil(lambda: not any(layer.visible for layer in drawn))
    assert kept.visible and not any(name in viewer.layers for name in signs)
    assert not clicking.active
    # Side by side and back behind that tab: nothing of it is shown before its time.
    widget.toggle()
    widget.toggle()
    assert not any(layer.visible for layer in drawn)
    widget.toggle()
    dock.raise_()
    qtbot.waitUntil(lambda: clicking.active)
    assert not any(layer.visible for layer in drawn)  # each would take a cell
    widget.toggle()
    assert all(layer.visible for layer in drawn) and not outlines[0].visible
    assert all(name in viewer.layers for name in signs)
    # Folded side by side: the overlay comes back without what it drew.
    widget.toggle()
    readers.open(False)
    widget.toggle()
    assert not any(layer.visible for layer in outlines) and fill.visible
    viewer.window.remove_dock_widget(segment)


def test_results_that_are_opened_have_thumbnails(
    make_napari_viewer_proxy: Callable[..., Any], add_result: Any, tmp_path: Path
) -> None:
    viewer = make_napari_viewer_proxy(show=True)
    noise = np.random.default_rng(0).integers(0, 255, (40, 48, 3), np.uint8)
    made = add_result(viewer, viewer.add_image(noise, name="image", rgb=True))
    write(str(tmp_path / "out"), [layer.as_layer_data_tuple() for layer in made])
    before = list(viewer.layers)
    viewer.open(tmp_path / "out", plugin="napari-attnseg")
    hidden = [x for x in viewer.layers if x not in before and not x.visible]
    assert len(hidden) == 5  # probability and gate maps
    assert min(layer.thumbnail[..., :3].max() for layer in hidden) > 120
