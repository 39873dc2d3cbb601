"""All docks in a small window: every control is explained, and no text is cut."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari import current_viewer
from napari.layers import Labels
from qtpy.QtCore import QRect
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QScrollBar,
    QTabBar,
    QWidget,
)

from napari_attnseg._widgets.base.controls import Fold
from napari_attnseg._widgets.base.dock import DockWidget

NAMES = (
    "Segment image",
    "Explain segmentation",
    "Inspect side by side",
    "Measure objects",
    "Train segmentation model",
)
CONTROLS = (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
)


@pytest.fixture
def docks(
    make_napari_viewer_proxy: Callable[..., Any], qtbot: Any, tiny_weights: Path
) -> dict[str, Any]:
    """Every dock, with a result of the tiny model, in a window of 1280×720."""
    viewer = make_napari_viewer_proxy(show=True)
    noise = np.random.default_rng(0).integers(0, 255, (40, 48, 3), np.uint8)
    viewer.add_image(noise, name="polyp", rgb=True)

    def open_(name: str) -> Any:
        return viewer.window.add_plugin_dock_widget("napari-attnseg", name)[1]

    found = {name: open_(name) for name in NAMES}
    segment, explain = found["Segment image"], found["Explain segmentation"]
    segment.inputs.use_weights(tiny_weights)
    segment.start()
    qtbot.waitUntil(lambda: segment.life.worker is None, timeout=60_000)
    segment.gate_box.setCurrentIndex(1)
    found["Measure objects"].start()
    qtbot.waitUntil(
        lambda: found["Measure objects"].life.worker is None, timeout=60_000
    )
    qtbot.waitUntil(lambda: explain.method_box.count() > 0, timeout=60_000)
    segment.window().resize(1280, 720)
    qtbot.waitUntil(lambda: segment.window().height() == 720)
    return found


def own(dock: DockWidget, kind: Any) -> list[Any]:
    """Parts of a dock that a reader meets: not those that Qt makes inside of others."""
    inside = (QComboBox, QAbstractSpinBox, QAbstractItemView, QScrollBar)
    found = []
    for part in dock.findChildren(kind):
        above = part.parentWidget()
        while above is not dock and not isinstance(above, inside):
            above = above.parentWidget()
        if above is dock and not isinstance(part, QScrollBar):
            found.append(part)
    return found


def tip(part: QWidget, dock: QWidget) -> str:
    """Tool tip as Qt shows it: a part without one has that of what it is part of."""
    while part is not dock and not part.toolTip():
        part = part.parentWidget()
    return part.toolTip()


def test_every_control_is_explained(docks: dict[str, Any], qtbot: Any) -> None:
    for name, dock in docks.items():
        found = [part for kind in CONTROLS for part in own(dock, kind)]
        assert len(found) > 4
        bare = [(type(part).__name__, part) for part in found if not tip(part, dock)]
        assert not bare, (name, bare)
        raised(dock, qtbot)
        for form in dock.findChildren(QFormLayout):
            for label in map(form.labelForField, dock.findChildren(QWidget)):
                assert label is None or label.toolTip(), (name, label.text())
    explain = docks["Explain segmentation"]
    explain.method_box.setCurrentText("CNN contribution")
    for term in ("target", "logit", "to first order"):
        assert term in explain.meaning.text()
        assert term.capitalize() in explain.meaning.toolTip()


def test_grey_buttons_say_why(docks: dict[str, Any], qtbot: Any) -> None:
    inspect = docks["Inspect side by side"]
    for button, text in (
        (inspect.mask_panel.undo_button, "No setting to undo"),
        (inspect.whatif_panel.undo_button, "No move to undo"),
        (inspect.whatif_panel.keep_button, "Nothing to keep"),
    ):
        assert not button.isEnabled() and button.text() == text
    inspect.mask_panel.fill_holes.click()
    qtbot.waitUntil(lambda: inspect.mask_panel.undo_button.text() == "Undo setting")
    # What a map does not need is not there, rather than grey.
    explain = docks["Explain segmentation"]
    explain.method_box.setCurrentText("gate")
    assert not explain.target_box.isVisibleTo(explain)
    explain.method_box.setCurrentText("occlusion")
    assert explain.target_box.isVisibleTo(explain)
    assert not explain.level_box.isVisibleTo(explain)
    # What is grey for want of a layer says so beside it.
    segment, objects = docks["Segment image"], docks["Measure objects"]
    reasons = {
        segment.bar.why: "no image is open",
        explain.bar.why: "no image is open",
        objects.bar.why: "no mask to measure",
        inspect.mask_why: "mask layer of this result",
    }
    assert not any(label.isVisibleTo(label.parentWidget()) for label in reasons)
    viewer = current_viewer()
    for layer in list(viewer.layers):
        if isinstance(layer, Labels):
            viewer.layers.remove(layer)
    assert inspect.mask_why.isVisibleTo(inspect)
    for layer in list(viewer.layers):
        viewer.layers.remove(layer)
    for label, text in reasons.items():
        assert text in label.text()
    for dock in (segment, explain, objects):
        assert dock.bar.why.isVisibleTo(dock)
        assert not dock.bar.start_button.isEnabled()


def test_nothing_is_cut_or_below_the_fold_on_a_small_screen(
    docks: dict[str, Any], qtbot: Any
) -> None:
    window = docks["Segment image"].window()
    for name, dock in docks.items():
        for fold in dock.findChildren(Fold):
            fold.open()
        raised(dock, qtbot)
        for size in ((1024, 768), (1280, 720)):
            window.resize(*size)
            qtbot.waitUntil(lambda size=size: window.width() == size[0])
            qtbot.wait(20)
            texts = own(dock, (QLabel, QPushButton, QCheckBox))
            cut = [part.text() for part in texts if is_cut(part)]
            edits = (part for part in own(dock, QLineEdit) if part.isVisible())
            cut += [text for edit in edits if (text := cut_hint(edit))]
            assert not cut, (name, size, cut)
        for fold in dock.findChildren(Fold):
            fold.open(fold is dock.findChild(Fold) and name.startswith("Inspect"))
    for bar in docks["Segment image"].window().findChildren(QTabBar):
        texts = [bar.tabText(i) for i in range(bar.count())]
        if "Segment" in texts:
            break
    assert texts == ["Segment", "Explain", "Inspect", "Measure", "Train"]
    wide = bar.fontMetrics().horizontalAdvance
    assert all(wide(text) < bar.tabRect(i).width() for i, text in enumerate(texts))
    explain = docks["Explain segmentation"]
    bundled = explain.inputs.weights_box.findText("compact · Dice 0.88")
    explain.inputs.weights_box.setCurrentIndex(bundled)
    for method in range(explain.method_box.count()):
        explain.method_box.setCurrentIndex(method)
        raised(explain, qtbot)
        for part in (explain.target_box, explain.bar.start_button):
            if part.isVisibleTo(explain):
                seen = part.visibleRegion().boundingRect()
                assert seen == QRect(0, 0, part.width(), part.height())


def test_no_part_is_lower_than_what_it_shows(docks: dict[str, Any], qtbot: Any) -> None:
    segment, inspect = docks["Segment image"], docks["Inspect side by side"]
    viewer, window = current_viewer(), segment.window()

    def low(dock: Any) -> list[Any]:
        qtbot.wait(100)
        texts = own(dock, (QLabel, QPushButton, QCheckBox))
        found = [part.text() for part in texts if is_cut(part)]
        for part in own(dock, (QAbstractSpinBox, QComboBox)):
            if part.isVisible() and part.height() < part.minimumSizeHint().height():
                found.append(part)
        return found

    # A note on the image above the two lines on the weights.
    raised(segment, qtbot)
    viewer.add_image(np.zeros((40, 48), np.uint8), name="grey")
    bundled = segment.inputs.weights_box.findText("compact · Dice 0.88")
    segment.inputs.weights_box.setCurrentIndex(bundled)
    assert segment.inputs.image_note.isVisible()
    for theme in ("light", "dark"):
        viewer.theme = theme
        for size in ((1024, 768), (1280, 720)):
            window.resize(*size)
            qtbot.waitUntil(lambda size=size: window.width() == size[0])
            assert not low(segment), (theme, size)
    # Texts that come, one after the other, between controls of a full dock.
    raised(inspect, qtbot)
    assert inspect.pointing.now.text().startswith("Paused: ")  # the grey one covers it
    assert not low(inspect)
    viewer.layers["grey"].visible = False
    qtbot.waitUntil(inspect.click_panel.button.isEnabled)
    window.resize(1280, 600)
    qtbot.wait(100)
    inspect.click_panel.button.click()
    qtbot.waitUntil(lambda: "Click what" in inspect.click_panel.message.text())
    assert not low(inspect)
    # How to click, and the way back, without scrolling, though much is above them.
    for part in (inspect.click_panel.message, inspect.click_panel.undo_button):
        qtbot.waitUntil(lambda part=part: part.visibleRegion().contains(part.rect()))
    for _ in range(2):
        inspect.toggle()
        assert not low(inspect)
    inspect.toggle()
    inspect.click_panel.button.click()
    assert not low(inspect)


def raised(dock: Any, qtbot: Any) -> None:
    """Bring the tab of a dock to the front and let it take its size."""
    above = dock.parentWidget()
    while not hasattr(above, "toggleViewAction"):
        above = above.parentWidget()
    above.raise_()
    qtbot.waitUntil(lambda: not dock.visibleRegion().isEmpty())
    qtbot.wait(20)


def cut_hint(edit: QLineEdit) -> str:
    """What an empty line asks for, if it has less room than that takes."""
    wide = edit.fontMetrics().horizontalAdvance(edit.placeholderText())
    return edit.placeholderText() if edit.contentsRect().width() < wide + 4 else ""


def is_cut(part: Any) -> bool:
    """Whether a text has less room than it takes."""
    if not part.isVisible() or not part.text():
        return False
    if isinstance(part, QLabel) and part.wordWrap():
        return bool(part.height() < part.heightForWidth(part.width()))
    hint = part.minimumSizeHint() if isinstance(part, QLabel) else part.sizeHint()
    return bool(part.width() < hint.width() or part.height() < hint.height())
