"""What a mask says at a glance, in the dock and on the canvas."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from napari_attnseg._widgets.layers.outcome import Found, outcome_of


def test_the_line_follows_every_change_and_marks_what_no_outline_shows(
    make_napari_viewer_proxy: Callable[..., Any], qtbot: Any, add_result: Any
) -> None:
    viewer = make_napari_viewer_proxy(show=True)
    add = viewer.window.add_plugin_dock_widget
    _, widget = add("napari-attnseg", "Segment image")
    data = np.random.default_rng(0).integers(0, 255, (40, 48, 3), np.uint8)
    image = viewer.add_image(data, name="polyp", rgb=True)
    assert not widget.outcome.isVisibleTo(widget)
    *_, mask = add_result(viewer, image)
    line, text = widget.outcome.text, viewer.canvas.overlays.text

    def picture() -> Any:
        return viewer.screenshot(canvas_only=True, flash=False)

    qtbot.waitUntil(lambda: line().endswith(" % of the frame"))
    assert not text.visible
    mask.data = np.zeros_like(mask.data)
    qtbot.waitUntil(lambda: line() == "Nothing found")
    assert text.visible and text.text == "Nothing found\npolyp"
    marked = picture()
    mask.visible = False
    qtbot.waitUntil(lambda: not text.visible)
    assert not np.array_equal(picture(), marked)
    mask.visible = True
    mask.data = np.ones_like(mask.data)
    qtbot.waitUntil(lambda: "these weights do not fit this image" in line())
    assert text.visible and line().startswith(text.text.split("\n")[0])

    _, inspect = add("napari-attnseg", "Inspect side by side")
    inspect.mask_panel.ask_about_edits = lambda: "replace"
    inspect.mask_panel.threshold.setValue(1.0)
    qtbot.waitUntil(lambda: line() == "Nothing found")
    assert inspect.mask_panel.size_label.text().startswith("Nothing found")
    inspect.mask_panel.threshold.setValue(0.0)  # on purpose
    qtbot.waitUntil(lambda: "the threshold is too low" in line())
    viewer.layers.remove(mask)
    qtbot.waitUntil(lambda: not text.visible and not widget.outcome.isVisible())


@pytest.mark.parametrize(
    ("pixels", "found", "sentence"),
    [
        (12, Found.OBJECTS, "1 object, 12.0 % of the frame"),
        (0, Found.NOTHING, "Nothing found"),
        (100, Found.EVERYTHING, "The mask covers the whole frame: these weights do "),
    ],
)
def test_sentences(pixels: int, found: Found, sentence: str) -> None:
    mask = np.zeros((10, 10), np.uint8)
    mask.ravel()[:pixels] = 1
    outcome = outcome_of(mask)
    assert outcome.found is found
    assert outcome.sentence.startswith(sentence)
