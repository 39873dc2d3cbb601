"""The widget in a real window: press Segment with the bundled weights and look."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari import settings
from napari._app_model import get_app_model
from napari._qt.dialogs.preferences_dialog import PreferencesDialog
from qtpy.QtWidgets import (
    QDockWidget,
    QLineEdit,
    QListWidget,
    QStackedWidget,
    QWidget,
)

from napari_attnseg._widgets.base.image_note import GREY_IMAGE
from napari_attnseg._widgets.segment import SegmentWidget
from napari_attnseg.inference import Segmenter
from napari_attnseg.metrics import dice
from napari_attnseg.sample_data import sample_image, sample_mask


@pytest.fixture
def viewer(make_napari_viewer_proxy: Callable[..., Any]) -> Any:
    return make_napari_viewer_proxy(show=True)


def open_widget(viewer: Any) -> SegmentWidget:
    """As Plugins ▸ AttnSeg ▸ Segment image does it."""
    _, widget = viewer.window.add_plugin_dock_widget("napari-attnseg", "Segment image")
    assert isinstance(widget, QWidget)
    return widget


def test_segments_a_polyp_with_the_bundled_weights(viewer: Any, qtbot: Any) -> None:
    image = viewer.add_image(sample_image("polyp"), name="polyp", rgb=True)
    widget = open_widget(viewer)
    assert widget.inputs.weights_box.currentText() == "compact · Dice 0.88"
    card = widget.inputs.card
    assert (card.summary.text(), card.warning.text()) == (
        "For colonoscopy frames with a polyp. Dice 0.88 on 120 test images.",
        "May draw a mask where there is none. Not for diagnosis.",
    )
    # How often the test images were looked at stands in one place only.
    card.fold.open()
    assert "docs/experiments.md lists all of them" in card.text.text()
    assert "times" not in card.text.text()
    card.fold.open(False)
    qtbot.waitUntil(lambda: widget.inputs.device_box.count() > 1, timeout=60_000)
    widget.bar.start_button.click()
    assert widget.bar.progress.isVisibleTo(widget)
    qtbot.waitUntil(lambda: len(viewer.layers) == 7, timeout=120_000)
    qtbot.waitUntil(lambda: not widget.bar.progress.isVisibleTo(widget))

    assert [layer.name for layer in viewer.layers] == [
        "polyp",
        "probability · polyp",
        "gate 1/4 · polyp",
        "gate 1/8 · polyp",
        "gate 1/16 · polyp",
        "gate 1/32 · polyp",
        "mask · polyp",
    ]
    mask = viewer.layers["mask · polyp"]
    assert dice(sample_mask("polyp"), mask.data) > 0.8
    shown = [layer.name for layer in viewer.layers if layer.visible]
    assert shown == ["polyp", "mask · polyp"]
    hidden = [layer for layer in viewer.layers if not layer.visible]
    # In full colours: the gate maps themselves are dimmed.
    bright = [layer.thumbnail[..., :3].max() for layer in hidden]
    assert len(hidden) == 5 and min(bright) > 120

    # The outline changes the picture a little; a gate map on top changes most of it.
    outline = viewer.screenshot(canvas_only=True, flash=False)
    mask.visible = False
    before = viewer.screenshot(canvas_only=True, flash=False)
    mask.visible = True
    changed = np.any(before != outline, axis=-1).mean()
    assert 0.001 < changed < 0.2
    gate = viewer.layers["gate 1/32 · polyp"]
    widget.gate_box.setCurrentText("1/32 of polyp")
    assert gate.visible and gate.colorbar.visible
    # In plain words; numbers are one click away.
    assert widget.gate_description.text() == (
        "Where this map is high or low did not affect the mask: the map of another "
        "image serves as well. Do not read it as a reason."
    )
    assert "AUROC" in widget.gate_details.text()
    assert not widget.gate_details.isVisible() and widget.gate_legend.bar.isVisible()
    assert widget.gate_legend.high.text() == "orange: CNN"
    covered = viewer.screenshot(canvas_only=True, flash=False)
    assert np.any(outline != covered, axis=-1).mean() > changed
    assert image.visible


def test_what_an_image_is_read_as_is_said_before_the_run(
    viewer: Any, qtbot: Any, tiny_weights: Path
) -> None:
    widget = open_widget(viewer)
    note = widget.inputs.image_note
    viewer.add_image(sample_image("polyp"), name="colour", rgb=True)
    assert not note.isVisibleTo(widget)
    viewer.add_image(np.zeros((30, 40), np.uint8), name="grey")
    assert note.isVisibleTo(widget) and note.text() == GREY_IMAGE
    viewer.add_image(np.zeros((2, 30, 40), np.uint8), name="two")
    assert not note.isVisibleTo(widget)  # it is asked first
    box = widget.inputs.questions.axis_box
    box.setCurrentIndex(1)
    box.activated.emit(1)
    stack = "Stack of 2 slices, each segmented by itself."
    assert note.text() == f"{stack} {GREY_IMAGE}"
    # Of weights that do not say what they learned from, nothing is said.
    widget.inputs.use_weights(tiny_weights)
    assert note.text() == stack
    names = ("t", "y", "x")
    viewer.add_image(np.zeros((9, 30, 40), np.uint8), axis_labels=names)
    assert note.text() == "Stack of 9 slices, each segmented by itself."


def test_weights_that_were_tried_once_are_not_those_of_the_next_session(
    viewer: Any, qtbot: Any, tiny_weights: Path, tmp_path: Path
) -> None:
    run = tmp_path / "discs-tiny"
    run.mkdir()
    (run / "config.toml").touch()
    best = run / "best.safetensors"
    best.write_bytes(tiny_weights.read_bytes())
    viewer.add_image(np.zeros((30, 40)), name="a")
    widget = open_widget(viewer)
    for path in (best, run / ".." / "discs-tiny" / "best.safetensors"):
        widget.inputs.use_weights(path)
    box = widget.inputs.weights_box
    assert box.currentText() == "discs-tiny · not measured"
    assert [box.itemText(i) for i in range(box.count())].count(box.currentText()) == 1
    widget.bar.start_button.click()
    qtbot.waitUntil(lambda: len(viewer.layers) == 7, timeout=60_000)
    viewer.window.remove_dock_widget("all")
    settings._clear_plugin_settings_cache()  # napari is closed and opened again
    again = open_widget(viewer).inputs
    assert again.weights_box.currentText() == "compact · Dice 0.88"
    again.use_weights(best)
    again.card.fold.open()
    again.card.start_button.click()
    settings._clear_plugin_settings_cache()
    last = open_widget(viewer).inputs.weights_box
    assert last.currentText() == "discs-tiny · not measured"


def test_the_image_that_is_selected_is_chosen(viewer: Any, qtbot: Any) -> None:
    """napari hands its selection to plugins in a wrapper."""
    viewer.add_image(np.zeros((9, 9)), name="a")
    viewer.add_image(np.zeros((9, 9)), name="b")
    assert open_widget(viewer).inputs.image_box.currentText() == "b"


def test_a_second_widget_is_a_tab_in_front_of_the_first(
    viewer: Any, qtbot: Any
) -> None:
    docks = []
    for name in ("Segment image", "Measure objects", "Inspect side by side"):
        _, found = viewer.window.add_plugin_dock_widget("napari-attnseg", name)
        while not isinstance(found, QDockWidget):
            found = found.parent()
        docks.append(found)
    last = docks[-1]
    window = last.window()
    window.resize(1400, 880)
    qtbot.waitUntil(lambda: len(window.tabifiedDockWidgets(last)) == 2)
    hidden = [dock.visibleRegion().isEmpty() for dock in docks]
    assert hidden == [True, True, False]
    qtbot.waitUntil(lambda: last.height() > 600)


def test_the_first_mask_of_a_stack_is_drawn_before_anything_else_is_done(
    viewer: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded, own = list[int](), Segmenter.encode_prepared

    def encode(segmenter: Segmenter, seen: Any, *flip: bool) -> Any:
        encoded.append(len(seen))
        return own(segmenter, seen, *flip)

    monkeypatch.setattr(Segmenter, "encode_prepared", encode)
    pixels = np.stack([sample_image("polyp")] * 3)
    viewer.add_image(pixels, name="stack", rgb=True)
    widget = open_widget(viewer)
    qtbot.waitUntil(lambda: widget.inputs.device_box.count() > 1, timeout=60_000)
    widget.every_box.box.setValue(1)
    drawn = list[tuple[int, int]]()

    def draw(event: Any) -> None:
        if "mask · stack" in viewer.layers:
            drawn.append((len(viewer.layers), len(encoded)))

    scene = viewer.__wrapped__.window._qt_viewer.canvas._scene_canvas
    scene.events.draw.connect(draw, position="last")
    widget.bar.start_button.click()
    qtbot.waitUntil(lambda: len(viewer.layers) == 7, timeout=120_000)
    qtbot.waitUntil(lambda: widget.life.worker is None, timeout=120_000)
    # The image and the mask: neither the maps' layers nor the next frame came before.
    assert drawn[0] == (2, 1)


def test_closing_mid_run_is_clean(viewer: Any, qtbot: Any) -> None:
    stack = np.zeros((500, 60, 60), np.uint8)
    viewer.add_image(stack, name="stack")
    widget = open_widget(viewer)
    widget.start()
    worker = widget.life.worker
    with qtbot.waitSignal(worker.finished, timeout=60_000):
        viewer.window.remove_dock_widget("all")
    assert widget.inputs.image_box.count() == 1
    viewer.add_image(np.zeros((5, 5)), name="later")
    assert widget.inputs.image_box.count() == 1  # nothing is connected any more
    assert [layer.name for layer in viewer.layers] == ["stack", "later"]


def test_closing_napari_mid_run_is_clean(viewer: Any, qtbot: Any) -> None:
    viewer.add_image(np.zeros((500, 60, 60), np.uint8), name="stack")
    widget = open_widget(viewer)
    widget.start()
    worker, life = widget.life.worker, widget.life
    qtbot.waitUntil(lambda: "slices" in widget.bar.progress.format(), timeout=60_000)
    with qtbot.waitSignal(worker.finished, timeout=60_000):
        viewer.close()
    assert life.ended


def test_menus_and_palette_have_titles_that_say_what_is_done(viewer: Any) -> None:
    """As napari shows them, which is not what the manifest's commands are called."""
    app = get_app_model()

    def titles(menu: str) -> set[str]:
        commands = (getattr(item, "command", None) for item in app.menus.get_menu(menu))
        return {one.title for one in commands if one and "AttnSeg" in one.title}

    segment, train = "Segment image (AttnSeg)", "Train segmentation model (AttnSeg)"
    explain = "Explain segmentation (AttnSeg)"
    inspect = "Inspect side by side (AttnSeg)"
    measure = "Measure objects (AttnSeg)"
    assert titles("napari/layers/segment") == {segment, train}
    assert titles("napari/layers/visualize") == {explain, inspect}
    over_time = "Plot over time (AttnSeg)"
    assert titles("napari/layers/measure") == {measure, over_time}
    palette = titles(app.menus.COMMAND_PALETTE_ID)
    assert {segment, train, explain, inspect, measure, over_time} < palette


def test_preferences_have_our_page(viewer: Any, qtbot: Any) -> None:
    """What is changed on the page is what the next widget starts with."""
    dialog = PreferencesDialog(parent=None)
    qtbot.addWidget(dialog)
    titles, stack = dialog.findChild(QListWidget), dialog.findChild(QStackedWidget)
    pages = [titles.item(i).text() for i in range(titles.count())]
    page = stack.widget(pages.index("AttnSeg"))
    (device,) = (line for line in page.findChildren(QLineEdit) if line.text() == "auto")
    device.setText("cpu")
    dialog.accept()
    widget = open_widget(viewer)
    qtbot.waitUntil(lambda: widget.inputs.device_box.currentText() == "cpu")
