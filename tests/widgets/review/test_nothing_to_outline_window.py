"""Reviewed masks that no outline shows, in a real window: whole frame, or empty."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_series import square, write_images
from PIL import Image

from napari_attnseg._widgets.layers.outcome import MARK_LINE
from napari_attnseg._widgets.review.widget import OTHER_SEEN, ReviewWidget
from napari_attnseg.review.questions import NO_LESION
from napari_attnseg.review.state import Decision

FULL, EMPTY = "The mask covers the whole frame.", "The mask is empty."


@pytest.fixture
def viewer(make_napari_viewer_proxy: Callable[..., Any]) -> Any:
    return make_napari_viewer_proxy(show=True)


@pytest.fixture
def begin(viewer: Any, tmp_path: Path) -> Callable[..., ReviewWidget]:
    """Review of four images; some masks are written anew before it begins."""

    def begun(study: bool = False, **masks: np.ndarray[Any, Any]) -> ReviewWidget:
        folder = write_images(tmp_path / "series")
        for name, mask in masks.items():
            Image.fromarray(mask * 255).save(folder / "masks" / f"{name}.png")
        add = viewer.window.add_plugin_dock_widget
        _, widget = add("napari-attnseg", "Review a series")
        widget.setup.folder.set(folder)
        widget.setup.reader.setText("anna")
        widget.setup.study_box.setChecked(study)
        widget.setup.seed.setText("7")
        widget.begin()
        return widget

    return begun


def fill(mask: Any, label: int) -> None:
    """Fill all of the mask as the bucket does, which keeps to what is connected."""
    mask.mode = "fill"
    mask.contiguous = False
    for value in np.unique(mask.data):
        at = np.argwhere(np.asarray(mask.data) == value)[0]
        mask.fill(tuple(at), label)


def marked(viewer: Any) -> str:
    """Words of the mark on the canvas; empty if there is none."""
    text = viewer.canvas.overlays.text
    return " ".join(text.text.split("\n")[:-1]) if text.visible else ""


def below_the_mark(viewer: Any) -> np.ndarray[Any, Any]:
    """What is drawn on the lower half of the canvas."""
    picture = np.asarray(viewer.screenshot(canvas_only=True, flash=False))
    return picture[len(picture) // 2 :]


def decisions(widget: ReviewWidget) -> list[Decision | None]:
    assert widget.opened is not None
    review = widget.opened.review
    return [review.state(case).decision for case in review.cases]


@pytest.mark.parametrize(
    ("label", "words", "asked"), [(1, FULL, FULL), (0, EMPTY, NO_LESION)]
)
def test_a_mask_that_the_bucket_filled_or_emptied_is_told_and_asked_about(
    begin: Callable[..., ReviewWidget],
    viewer: Any,
    qtbot: Any,
    label: int,
    words: str,
    asked: str,
) -> None:
    widget = begin()
    panel, mask = widget.panel, widget.on_screen.layers.mask
    first = widget.case
    assert panel.outcome.isHidden() and marked(viewer) == ""
    qtbot.wait(300)  # the outline fits the zoom: only the fill is drawn from now on
    fill(mask, label)
    qtbot.waitUntil(lambda: panel.outcome.text() == words)
    assert panel.outcome.isVisibleTo(panel) and marked(viewer) == words[:-1]
    assert bool(mask.thumbnail[..., :3].any()) == bool(label)
    lines = viewer.canvas.overlays.text.text.split("\n")
    assert max(map(len, lines)) <= MARK_LINE
    qtbot.waitUntil(lambda: (mask.contour == 0) == bool(label))
    assert mask.opacity == (0.4 if label else 1.0)
    filled = below_the_mark(viewer)
    # What is hidden is not marked on the canvas.
    widget.toggle_mask()
    qtbot.waitUntil(lambda: marked(viewer) == "")
    assert np.any(below_the_mark(viewer) != filled) == bool(label)
    assert panel.outcome.text() == words
    widget.toggle_mask()
    qtbot.waitUntil(lambda: marked(viewer) == words[:-1])
    # Asked once; what is asked goes as soon as the mask is another.
    widget.accept()
    assert widget.case is first and panel.said.text().startswith(asked)
    assert "again" in panel.said.text()
    mask.mode = "paint"
    with mask.block_history():
        mask.paint((12, 12), 1 - label)
    assert panel.said.text() == ""
    qtbot.waitUntil(lambda: (panel.outcome.text() == "") != bool(label))
    mask.undo()
    qtbot.waitUntil(lambda: panel.outcome.text() == words)
    widget.next_case()
    assert panel.outcome.text() == "" and marked(viewer) == ""
    widget.previous_case()  # another visit
    assert panel.outcome.text() == words and marked(viewer) == words[:-1]
    widget.accept()
    assert widget.case is first and panel.said.text().startswith(asked)
    widget.accept()
    assert widget.case is not first and panel.outcome.text() == ""
    assert marked(viewer) == "" and decisions(widget)[0] is Decision.CORRECTED
    widget.previous_case()
    assert marked(viewer) == words[:-1]
    widget.close_review()
    assert marked(viewer) == ""


def test_a_mask_that_is_so_in_its_file_is_told_and_only_a_full_one_asked_about(
    begin: Callable[..., ReviewWidget], viewer: Any
) -> None:
    nearly = np.ones((24, 32), np.uint8)
    nearly[0] = nearly[:, 0] = 0  # half of the border: it does not seem inverted
    widget = begin(case0=0 * nearly, case1=nearly, case2=np.ones_like(nearly))
    panel = widget.panel
    assert panel.outcome.text() == EMPTY and marked(viewer) == EMPTY[:-1]
    widget.accept()  # of a healthy image, nothing is asked
    for words in ("The mask covers 92.8 % of the frame.", FULL):
        case, mask = widget.case, widget.on_screen.layers.mask
        assert panel.outcome.text() == words and mask.contour == 0
        assert marked(viewer).replace("\N{NO-BREAK SPACE}", " ") == words[:-1]
        widget.accept()
        assert widget.case is case and panel.said.text().startswith(words)
        widget.accept()
    assert panel.outcome.text() == "" and marked(viewer) == ""
    assert decisions(widget) == [Decision.ACCEPTED] * 3 + [None]


def test_a_study_does_not_tell_of_a_mask_that_is_hidden(
    begin: Callable[..., ReviewWidget], viewer: Any, qtbot: Any
) -> None:
    full = np.ones_like(square(0))
    widget = begin(study=True, case0=full, case1=full, case2=full, case3=full)
    panel, mask = widget.panel, widget.on_screen.layers.mask
    qtbot.wait(250)
    assert panel.outcome.text() == "" and marked(viewer) == ""
    widget.toggle_mask()
    qtbot.waitUntil(lambda: panel.outcome.text() == FULL)
    assert marked(viewer) == FULL[:-1]
    qtbot.waitUntil(lambda: mask.contour == 0)


def test_a_refusal_goes_when_the_reviewed_mask_is_shown(
    begin: Callable[..., ReviewWidget], viewer: Any, add_result: Callable[..., Any]
) -> None:
    widget = begin()
    said, mask = widget.panel.said, widget.on_screen.layers.mask
    add_result(viewer, widget.on_screen.layers.image)
    widget.toggle_mask()
    widget.accept()
    assert said.text() == OTHER_SEEN.format(mask.name)
    widget.toggle_mask()
    assert said.text() == ""
