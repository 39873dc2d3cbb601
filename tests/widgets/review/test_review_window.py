"""The Review dock in a real window: keys where they are typed, and what is drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_series import write_images
from qtpy.QtCore import Qt

from napari_attnseg._widgets.review.widget import ReviewWidget
from napari_attnseg.review.state import Decision


@pytest.fixture
def viewer(make_napari_viewer_proxy: Callable[..., Any]) -> Any:
    return make_napari_viewer_proxy(show=True)


def test_letters_are_keys_in_the_list_and_text_in_the_comment(
    viewer: Any, qtbot: Any, tmp_path: Path
) -> None:
    _, widget = viewer.window.add_plugin_dock_widget(
        "napari-attnseg", "Review a series"
    )
    assert isinstance(widget, ReviewWidget)
    widget.setup.folder.set(write_images(tmp_path / "series"))
    widget.setup.reader.setText("anna")
    widget.begin()
    assert widget.opened is not None
    review = widget.opened.review
    before = viewer.screenshot(canvas_only=True, flash=False)
    qtbot.keyClicks(widget.panel.comment, "a rare case")
    assert widget.panel.comment.text() == "a rare case" and review.done == 0
    qtbot.keyClick(widget.panel.list, Qt.Key.Key_A)
    assert review.state(review.cases[0]).decision is Decision.ACCEPTED
    assert review.state(review.cases[0]).comment == "a rare case"
    assert widget.case is review.cases[1]
    after = viewer.screenshot(canvas_only=True, flash=False)
    assert np.any(before != after)
    viewer.window.remove_dock_widget("all")
    assert len(viewer.layers) == 0
    # What was decided is kept, and nobody holds the file any longer.
    again = ReviewWidget(viewer)
    qtbot.addWidget(again)
    again.setup.reader.setText("anna")
    again.begin()
    assert again.opened is not None and again.opened.review.done == 1
    again.close_review()


def test_keys_do_not_move_to_the_comment_when_a_button_goes(
    viewer: Any,
    qtbot: Any,
    tmp_path: Path,
    add_result: Callable[..., list[Any]],
) -> None:
    _, widget = viewer.window.add_plugin_dock_widget(
        "napari-attnseg", "Review a series"
    )
    widget.setup.folder.set(write_images(tmp_path / "series"))
    widget.setup.reader.setText("anna")
    widget.begin()
    add_result(viewer, widget.on_screen.layers.image)
    button, cases = widget.panel.buttons["take_over"], widget.panel.list
    window = widget.window()
    window.activateWindow()
    button.setFocus()
    qtbot.waitUntil(button.hasFocus)
    widget.next_case()
    assert button.isHidden()
    qtbot.waitUntil(cases.hasFocus)
