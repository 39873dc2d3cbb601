"""Correcting by clicks in the Inspect widget, without a window."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_attnseg._widgets.inspect.clicked_mask import CHANGED_SINCE, OTHER_WAY
from napari_attnseg._widgets.inspect.mask_controls import REPLACE
from napari_attnseg._widgets.inspect.tips import OF_A_BOX
from napari_attnseg._widgets.inspect.way_box import BOX, LINE
from napari_attnseg._widgets.layers.metadata import METADATA, record_of, set_record
from napari_attnseg._widgets.layers.outcome import by_hand_words
from napari_attnseg._widgets.layers.reader import read
from napari_attnseg._widgets.layers.runs import find_results
from napari_attnseg._widgets.layers.writer import write
from napari_attnseg._widgets.objects.origin import edited_words
from napari_attnseg.corrections import Click

POINTS = "clicks · image"


@pytest.fixture
def clicking(opened: Any, segment: Any, qtbot: Any) -> Any:
    """The widget on a result, in the mode; ready to click."""
    segment()
    widget = opened()
    start(widget, qtbot)
    return widget


def start(widget: Any, qtbot: Any) -> None:
    panel = widget.click_panel
    panel.button.click()
    qtbot.waitUntil(lambda: "missing" in panel.message.text() or bool(panel.clicks))


def test_a_click_shows_the_mask_that_it_corrects(
    viewer: ViewerModel, clicking: Any, mouse: Any
) -> None:
    mask = mask_in(viewer)
    mask.visible = False
    mouse.click((10, 10), button=2)
    assert len(clicking.click_panel.clicks) == 1 and mask.visible


def limit_of(panel: Any) -> str:
    reach = round(max(panel._ready.found.reach))
    return f"farther than {reach} px from it was changed."


def test_why_clicks_cannot_be_undone_depends_on_what_made_them(
    viewer: ViewerModel, clicking: Any, mouse: Any
) -> None:
    panel, mask = clicking.click_panel, mask_in(viewer)
    mouse.click((10, 10), button=2)
    mouse.click((30, 30), button=2)
    record = record_of(mask)
    assert record is not None
    facts = {**record.provenance["clicks"], "corrector": "medsam"}
    panel.button.click()
    set_record(mask, record.with_provenance(clicks=facts))
    panel._mask.session = None  # as after a choice of another corrector
    panel.button.click()
    assert not panel.undo_button.isEnabled()
    said = OTHER_WAY.format(these="these clicks were", them="them")
    assert panel.message.text().endswith(said)
    assert panel.message.text().startswith("2 clicks; ")


def mask_in(viewer: ViewerModel) -> Any:
    return viewer.layers["mask · image"]


def test_clicks_add_and_remove_and_each_can_be_undone(
    viewer: ViewerModel, clicking: Any, mouse: Any
) -> None:
    panel, mask = clicking.click_panel, mask_in(viewer)
    assert re.search(r"A click changes up to \d+ px around it", panel.message.text())
    before = mask.data.copy()
    where_not = tuple(int(x) for x in np.argwhere(before == 0)[100])
    where = tuple(int(x) for x in np.argwhere(before == 1)[200])
    selected = viewer.layers.selection.active
    mouse.click(where_not)
    one = mask.data.copy()
    assert one[where_not] == 1 and (one >= before).all()
    mouse.click(where, button=2)
    assert mask.data[where] == 0 and (mask.data <= one).all()
    two = mask.data.copy()
    mouse.click(where, button=2)  # again
    assert len(panel.clicks) == 3 and np.array_equal(mask.data, two)
    assert "protects it" in panel.message.text()
    panel.undo_button.click()
    assert len(panel.clicks) == 2 and np.array_equal(mask.data, two)
    mouse.click(where_not, modifiers=("Shift",))
    assert mask.data[where_not] == 0 and len(panel.clicks) == 3
    assert "3 clicks" in panel.message.text()
    points = viewer.layers[POINTS]
    assert len(points.data) == 3 and viewer.layers.selection.active is selected
    assert [str(s) for s in points.symbol] == ["cross", "hbar", "hbar"]
    facts = mask.metadata[METADATA]["clicks"]
    assert facts["corrector"] == "feature_similarity"
    assert [c["positive"] for c in facts["clicks"]] == [True, False, False]

    panel.undo_button.click()
    assert np.array_equal(mask.data, two)
    panel.clear_button.click()
    assert np.array_equal(mask.data, before) and not len(points.data)
    assert "clicks" not in mask.metadata[METADATA]
    assert not panel.undo_button.isEnabled()


def test_strokes_after_and_before_clicks_are_told(
    viewer: ViewerModel, clicking: Any, mouse: Any
) -> None:
    panel, mask = clicking.click_panel, mask_in(viewer)

    def told() -> str:
        (result,) = find_results(viewer.layers)
        return by_hand_words(result, 0, mask.data)

    def other_pixel() -> tuple[int, int]:
        return tuple(int(x) for x in np.argwhere(mask.data == 0)[100])

    assert told() == ""
    mouse.click(other_pixel())
    one = mask.data.copy()
    assert told() == "Corrected by 1 click."
    mask.paint((1, 1), 1 - int(mask.data[1, 1]))
    after = "corrected by 1 click, then painted by hand"
    assert (told(), edited_words(mask)) == (f"C{after[1:]}.", after)
    mask.data = one
    assert told() == "Corrected by 1 click."
    panel.clear_button.click()
    assert told() == ""
    mask.paint((1, 1), 1 - int(mask.data[1, 1]))
    assert told() == "Edited by hand."
    mouse.click(other_pixel())
    assert told() == "Corrected by 1 click, and painted by hand."


def test_a_drag_draws_a_line_that_is_one_step(
    viewer: ViewerModel, clicking: Any, mouse: Any
) -> None:
    panel, mask = clicking.click_panel, mask_in(viewer)
    before = mask.data.copy()
    selected, camera = viewer.layers.selection.active, viewer.scene.camera
    pressed: list[bool] = []
    camera.events.mouse_pan.connect(lambda event: pressed.append(camera.mouse_pan))
    mouse.drag((10, 10), (20, 10), (20, 30))
    assert pressed == [False, True]  # the image stays while it is drawn on
    assert mask.data[10:21, 10].all() and mask.data[20, 10:31].all()
    (added,) = panel.clicks
    assert added == Click(10, 10, True, line=((20, 10), (20, 30)))
    one = mask.data.copy()
    mouse.drag((15, 15), (15, 30), button=2)
    assert not mask.data[15, 15:31].any() and (mask.data <= one).all()
    lines = viewer.layers["scribbles · image"]
    assert lines.data[:, 0].tolist() == [[10, 10], [20, 10], [15, 15]]
    assert lines.data[:, 1].tolist() == [[10, 0], [0, 20], [0, 15]]
    colours = lines.edge_color
    assert colours[0, 1] > colours[0, 0] and colours[2, 0] > colours[2, 1]  # green, red
    assert viewer.layers.selection.active is selected
    mouse.drag((30, 30), (30.1, 30.2))  # a hand that trembles
    assert panel.clicks[-1] == Click(30, 30, True) and "2 lines" in panel.message.text()
    made = mask.metadata[METADATA]["clicks"]["clicks"]
    assert ["line" in one for one in made] == [True, True, False]
    panel.undo_button.click()
    panel.undo_button.click()
    assert np.array_equal(mask.data, one) and len(lines.data) == 2
    panel.undo_button.click()
    assert np.array_equal(mask.data, before) and not len(lines.data)
    panel.button.click()
    assert lines not in viewer.layers


def test_a_drag_draws_a_box_where_that_is_chosen(
    viewer: ViewerModel, clicking: Any, mouse: Any
) -> None:
    panel, mask = clicking.click_panel, mask_in(viewer)
    before = mask.data.copy()
    panel.way_box.drag_box.setCurrentText(BOX)
    mouse.drag((30, 40), (12, 20), (10, 10), button=2)  # from any corner
    (drawn,) = panel.clicks
    assert drawn.box == (10, 10, 31, 41) and not drawn.positive
    outside = np.ones(before.shape, bool)
    outside[10:31, 10:41] = False
    assert np.array_equal(mask.data[outside], before[outside])
    assert not mask.data[20, 18:33].any() and "1 box" in panel.message.text()
    assert not len(viewer.layers[POINTS].data)  # a sign where nobody clicked
    lines = viewer.layers["scribbles · image"]
    assert lines.data[:, 0].tolist() == [
        *([9.5, 9.5], [9.5, 40.5], [30.5, 40.5], [30.5, 9.5]),
    ]
    facts = mask.metadata[METADATA]["clicks"]
    assert facts["clicks"][0]["box"] == [10, 10, 31, 41]
    mouse.drag((20, 30), (60, 90))  # to beyond the image: cut at its edge
    assert panel.clicks[-1].box == (20, 30, 40, 48)
    panel.clear_button.click()
    assert np.array_equal(mask.data, before)


def test_what_is_no_click_corrects_nothing(
    viewer: ViewerModel, clicking: Any, mouse: Any
) -> None:
    panel, mask = clicking.click_panel, mask_in(viewer)
    before = mask.data.copy()
    mouse.drag((10, 10), (30, 40), modifiers=("Control",))  # moves the image
    mouse.click((-20, 10))
    mouse.drag((-20, 10), (20, 10))
    mask.mode = "paint"
    viewer.layers.selection.active = mask
    mouse.click((10, 10))
    assert "brush" in panel.message.text()
    mask.mode = "pan_zoom"
    viewer.dims.ndisplay = 3
    mouse.click((10, 10))
    assert np.array_equal(mask.data, before) and not panel.clicks
    viewer.dims.ndisplay = 2
    # No reading is held meanwhile; afterwards it is again.
    assert clicking.pointing.point is None
    panel.button.click()
    mouse.click((10, 10))
    assert clicking.pointing.point is not None and not panel.clicks


def test_the_mode_ends_with_the_dock(
    viewer: ViewerModel, clicking: Any, mouse: Any
) -> None:
    mouse.click((10, 10))
    corrected = mask_in(viewer).data.copy()
    callbacks = len(viewer.mouse_drag_callbacks)
    clicking.life.end()
    assert POINTS not in viewer.layers
    assert len(viewer.mouse_drag_callbacks) < callbacks
    mouse.click((30, 30), button=2)
    assert np.array_equal(mask_in(viewer).data, corrected)


def test_clicks_are_saved_and_can_be_undone_after_reopening(
    viewer: ViewerModel, clicking: Any, mouse: Any, opened: Any, qtbot: Any,
    tmp_path: Path,
) -> None:  # fmt: skip
    before = mask_in(viewer).data.copy()
    mouse.click((10, 10), button=2)
    mouse.drag((30, 20), (30, 30))
    corrected, clicks = mask_in(viewer).data.copy(), clicking.click_panel.clicks
    clicking.life.end()
    own = [layer for layer in viewer.layers if METADATA in layer.metadata]
    write(str(tmp_path), [layer.as_layer_data_tuple() for layer in own])
    for layer in own:
        viewer.layers.remove(layer)
    (file,) = tmp_path.glob("*.json")
    for layer in read(str(file)):
        if METADATA in layer.metadata:
            viewer.add_layer(layer)
    assert np.array_equal(mask_in(viewer).data, corrected)
    widget = opened()
    assert widget.click_panel.clicks == clicks
    start(widget, qtbot)
    qtbot.waitUntil(widget.click_panel.undo_button.isEnabled)
    widget.click_panel.clear_button.click()
    assert np.array_equal(mask_in(viewer).data, before)


def test_a_red_box_removes_all_that_it_encloses(
    viewer: ViewerModel, clicking: Any, mouse: Any
) -> None:
    panel, mask = clicking.click_panel, mask_in(viewer)
    mask.data = np.ones_like(mask.data)
    panel.way_box.drag_box.setCurrentText(BOX)
    mouse.drag((5, 6), (29, 40), button=2)
    left = np.ones_like(mask.data)
    left[5:30, 6:41] = 0
    assert np.array_equal(mask.data, left)
    assert panel.message.text() == "1 box; nothing outside it was changed."
    mouse.drag((8, 8), (20, 20), button=2)
    assert panel.message.text() == "Nothing that may be removed is in this box."
    panel.clear_button.click()
    assert mask.data.all()
    mouse.click((12, 12))
    mouse.drag((5, 6), (29, 40), button=2)
    assert mask.data[5:30, 6:41].sum() == 5 and mask.data[12, 12] == 1
    # The click changed nothing, but what it marked stays.
    assert panel.message.text() == (
        "1 box; nothing outside it was changed. 5 px in it stay, which you marked."
    )
    mouse.click((20, 20))
    assert panel.message.text().startswith("1 click and 1 box; nothing outside the b")
    reach = round(max(clicking.click_panel._ready.found.reach))
    assert f"outside the boxes and farther than {reach} px from them" in (
        panel.message.text()
    )


def test_what_changed_nothing_is_named_as_it_was_drawn(
    viewer: ViewerModel, clicking: Any, mouse: Any
) -> None:
    panel, mask = clicking.click_panel, mask_in(viewer)
    mask.data = np.ones_like(mask.data)
    panel.way_box.drag_box.setCurrentText(BOX)
    mouse.drag((8, 8), (20, 20))
    assert panel.message.text() == (
        "Nothing more was found to add in this box; nothing was changed."
    )
    panel.way_box.drag_box.setCurrentText(LINE)
    mouse.drag((8, 8), (20, 20))
    assert panel.message.text() == (
        "The mask is already right there: this line protects it from later "
        "corrections nearby."
    )
    mouse.click((8, 30))
    assert "this click protects it" in panel.message.text()


def test_only_what_changed_the_mask_is_counted(
    viewer: ViewerModel, clicking: Any, mouse: Any
) -> None:
    panel, mask = clicking.click_panel, mask_in(viewer)

    def told() -> tuple[str, str]:
        (result,) = find_results(viewer.layers)
        return by_hand_words(result, 0, mask.data), edited_words(mask)

    own = mask.data.copy()
    there = tuple(map(int, np.argwhere(own == 1)[200]))
    mouse.click(there, button=2)
    one = mask.data.copy()
    mouse.click(there, button=2)  # again
    assert np.array_equal(mask.data, one) and not np.array_equal(one, own)
    assert len(panel.clicks) == 2 and "protects it" in panel.message.text()
    assert told() == ("Corrected by 1 click.", "corrected by 1 click")
    # Files keep both: what changed nothing still protects.
    facts = mask.metadata[METADATA]["clicks"]["clicks"]
    assert ["changed_nothing" in one for one in facts] == [False, True]
    panel.undo_button.click()
    assert panel.message.text() == f"1 click; nothing {limit_of(panel)}"
    panel.clear_button.click()
    assert told() == ("", "")
    mask.data = np.ones_like(own)
    mouse.click(there)
    assert len(panel.clicks) == 1 and told() == ("Edited by hand.", "edited by hand")


def test_other_edits_and_clicks_go_together(
    viewer: ViewerModel, clicking: Any, mouse: Any, monkeypatch: Any
) -> None:
    panel, mask = clicking.click_panel, mask_in(viewer)
    mouse.click((10, 10), button=2)
    mask.data[30:34, 30:34] = 1 - mask.data[30:34, 30:34]  # by a brush
    mask.refresh()
    painted = mask.data.copy()
    mouse.click((20, 40))
    assert (mask.data >= painted).all() and len(panel.clicks) == 2
    panel.undo_button.click()
    assert np.array_equal(mask.data, painted)
    assert not panel.undo_button.isEnabled()  # the paint came after the first click
    said = CHANGED_SINCE.format(these="this click was")
    assert panel.message.text() == f"1 click; nothing {limit_of(panel)} {said}"
    # A slider makes the mask anew: the clicks go with it, and come back with it.
    monkeypatch.setattr(clicking.mask_panel, "ask_about_edits", lambda: REPLACE)
    clicking.mask_panel.threshold.setValue(0.9)
    clicking.mask_panel.finish()
    assert "clicks" not in mask.metadata[METADATA] and not panel.clicks
    clicking.mask_panel.undo_button.click()
    assert np.array_equal(mask.data, painted) and len(panel.clicks) == 1


def test_frames_of_a_stack_have_clicks_of_their_own(
    viewer: ViewerModel, opened: Any, segment: Any, mouse: Any, qtbot: Any
) -> None:
    segment(frames=2)
    widget = opened()
    viewer.dims.set_current_step(0, 0)
    start(widget, qtbot)
    panel, mask = widget.click_panel, mask_in(viewer)
    before = mask.data.copy()
    mouse.click((0, 10, 10), button=2)
    viewer.dims.set_current_step(0, 1)
    assert panel.clicks == ()
    mouse.click((1, 20, 20), button=2)  # waits for the encoders
    qtbot.waitUntil(lambda: len(panel.clicks) == 1)
    assert mask.data[0, 10, 10] == 0 and mask.data[1, 20, 20] == 0
    assert [c["frame"] for c in mask.metadata[METADATA]["clicks"]["clicks"]] == [0, 1]
    panel.undo_button.click()
    assert np.array_equal(mask.data[1], before[1])
    assert not np.array_equal(mask.data[0], before[0])


def test_without_the_image_it_says_so(
    viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    viewer.layers.remove(segment())
    panel = opened().click_panel
    assert not panel.button.isEnabled() and "not open" in panel.message.text()


def test_a_result_of_a_box_says_before_a_click_that_it_needs_the_whole_image(
    viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment()
    for layer in viewer.layers[1:]:
        record = record_of(layer)
        assert record is not None
        set_record(layer, record.with_provenance(box=[0, 0, 20, 20]))
    widget = opened()
    for panel, button in (
        (widget.click_panel, widget.click_panel.button),
        (widget.readers_panel, widget.readers_panel.show_button),
        (widget.whatif_panel, widget.whatif_panel.controls),
    ):
        assert panel.message.text() == OF_A_BOX
        assert button.isHidden() or not button.isEnabled()


def test_a_click_that_waits_is_for_its_own_frame(
    viewer: ViewerModel, opened: Any, segment: Any, mouse: Any, qtbot: Any
) -> None:
    segment(frames=2)
    panel = opened().click_panel
    viewer.dims.set_current_step(0, 0)
    before = mask_in(viewer).data.copy()
    panel.button.click()
    mouse.click((0, 10, 10), button=2)  # the encoders still run
    viewer.dims.set_current_step(0, 1)
    qtbot.waitUntil(lambda: "missing" in panel.message.text())
    assert not panel.clicks and np.array_equal(mask_in(viewer).data[1], before[1])
