"""The panel of the two readers: outlines, disagreement, what a click says."""

from typing import Any

import numpy as np
from napari.components import ViewerModel

from napari_attnseg._widgets.inspect.masks_beside import CHANGED, OF_ANOTHER_RUN
from napari_attnseg._widgets.inspect.reader_layers import OUTLINES
from napari_attnseg._widgets.inspect.readers_panel import (
    ASK,
    OTHER_SLICE,
    POINT,
    PUT_AWAY,
)
from napari_attnseg.reader_record import SMALLEST, ReaderRecord
from napari_attnseg.reader_words import (
    agree_sentence,
    psi_sentence,
    record_sentences,
    region_sentences,
    useless_sentences,
)
from napari_attnseg.readers import Disagreement

NAMES = [f"{name} · image" for name, _ in OUTLINES]


def interval(mean: float, low: float, high: float, n: int = 88) -> dict[str, Any]:
    return {"mean": mean, "low": low, "high": high, "n": n}


RECORD = ReaderRecord(
    {
        "dice": {
            "both": interval(0.92, 0.89, 0.95),
            "cnn": interval(0.91, 0.88, 0.94),
            "transformer": interval(0.31, 0.25, 0.37),
        },
        "right": {
            "both": interval(0.64, 0.59, 0.68),
            "cnn": interval(0.61, 0.55, 0.67),
            "transformer": interval(0.39, 0.33, 0.45),
        },
        "drawn_alone_right": {"cnn": interval(0.89, 0.85, 0.93, 80)},
        "psi_auroc": interval(0.83, 0.71, 0.94),
        "regions": 123,
        "leaned_to_cnn": 121,
        "measured_on": {
            "dataset": "discs",
            "split": "val",
            "n": 88,
            "trained_on": False,
        },
    }
)


def shown(qtbot: Any, panel: Any) -> Any:
    panel.show_button.click()
    qtbot.waitUntil(lambda: panel.found is not None, timeout=20_000)
    return panel.found


def test_outlines_come_with_their_legend_and_go(
    qtbot: Any, viewer: ViewerModel, opened: Any, segment: Any, mouse: Any
) -> None:
    image = segment(scale=(2, 3), translate=(10, 20))
    widget = opened()
    panel, before = widget.readers_panel, list(viewer.layers)
    assert panel.message.text() == ASK and panel.legend.isHidden()
    found = shown(qtbot, panel)
    added = [layer.name for layer in viewer.layers if layer not in before]
    filled = "CNN and transformer disagree · image"
    assert added == [*NAMES, filled] and not panel.legend.isHidden()
    masks = (found.own.mask, found.readers.cnn.mask, found.readers.transformer.mask)
    for name, mask in zip(NAMES, masks, strict=True):
        layer = viewer.layers[name]
        assert np.array_equal(layer.data, mask) and layer.contour > 0
        assert np.allclose(layer.extent.world, image.extent.world)
    wide, *others = (viewer.layers[name].contour for name in NAMES)
    assert wide > max(others)  # else the others would cover the lowest
    assert "has not been measured" in panel.message.text()
    assert len(widget.results) == 1  # they are no results

    assert panel.region.text() == POINT
    assert panel.disagreement_box.isChecked()
    where = viewer.layers[filled]
    assert np.array_equal(where.data, found.readers.disagreement)
    row, column = np.argwhere(where.data == 1)[0]
    mouse.click((10 + 2 * row, 20 + 3 * column))
    text = panel.region.text()
    assert "Only the CNN draws this region." in text and "mean psi" in text
    assert "has not been measured" in text and "%" not in text
    row, column = np.argwhere(where.data == 0)[0]
    mouse.click((10 + 2 * row, 20 + 3 * column))
    drawn = found.readers.cnn.mask[row, column]
    assert agree_sentence(drawn, found.own.mask[row, column]) in panel.region.text()
    panel.disagreement_box.click()
    assert where not in viewer.layers

    panel.show_button.click()
    qtbot.waitUntil(lambda: list(viewer.layers)[: len(before)] == before)
    qtbot.waitUntil(lambda: not set(NAMES) & {layer.name for layer in viewer.layers})
    assert panel.legend.isHidden() and panel.message.text() == ASK


def test_a_changed_mask_is_hidden_beside_the_models_own(
    qtbot: Any, viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment()
    panel = opened().readers_panel
    mask = viewer.layers["mask · image"]
    shown(qtbot, panel)
    assert mask.visible and CHANGED not in panel.message.text()
    panel.show_button.click()
    mask.data = 1 - mask.data
    # Its outline would be taken for one of the three.
    shown(qtbot, panel)
    assert CHANGED in panel.message.text() and not mask.visible
    panel.show_button.click()
    qtbot.waitUntil(lambda: mask.visible)
    assert panel.message.text() == ASK
    # What is changed beside the outlines puts them away; drawing it again does not.
    shown(qtbot, panel)
    assert not mask.visible
    mask.data = 1 - mask.data
    assert panel.found is None and panel.message.text() == PUT_AWAY
    qtbot.waitUntil(lambda: mask.visible)
    shown(qtbot, panel)
    mask.refresh()
    assert panel.found is not None and mask.visible
    mask.data = 1 - mask.data
    assert panel.found is None and panel.message.text() == PUT_AWAY
    qtbot.waitUntil(lambda: not set(NAMES) & {layer.name for layer in viewer.layers})
    assert mask.visible


def test_one_frame_of_a_stack(
    qtbot: Any, viewer: ViewerModel, opened: Any, segment: Any, mouse: Any
) -> None:
    segment(frames=2)
    panel = opened().readers_panel
    viewer.dims.set_current_step(0, 1)
    found = shown(qtbot, panel)
    assert found.frame == 1 and "Slice 1." in panel.message.text()
    mask = viewer.layers["mask · image"]
    mask.data[0, :5, :5] = 1 - mask.data[0, :5, :5]  # of another slice
    mask.refresh()
    mask.events.paint(value=[])
    assert panel.found is found
    assert viewer.layers[NAMES[1]].data.shape == (1, 40, 48)
    mouse.click((0, 5, 5))
    assert panel.region.text() == "These outlines are of slice 1."
    mouse.click((1, 5, 5))
    assert "At the ring" in panel.region.text()
    viewer.layers.remove(viewer.layers["image"])
    assert panel.found is None and "not open" in panel.message.text()
    assert not panel.show_button.isEnabled()


def test_what_is_hidden_beside_outlines_is_shown_on_other_slices(
    qtbot: Any, viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment(frames=3)
    panel, mask = opened().readers_panel, viewer.layers["mask · image"]
    mask.data[1, :5, :5] = 1 - mask.data[1, :5, :5]
    viewer.dims.set_current_step(0, 1)
    found = shown(qtbot, panel)
    said = panel.message.text()
    assert CHANGED in said and not mask.visible
    for other in (0, 2):
        viewer.dims.set_current_step(0, other)
        assert mask.visible and panel.message.text() == OTHER_SLICE.format(1)
        viewer.dims.set_current_step(0, 1)
        assert not mask.visible and panel.message.text() == said
    # One that was hidden by hand on another slice is not shown.
    viewer.dims.set_current_step(0, 0)
    mask.visible = False
    viewer.dims.set_current_step(0, 2)
    assert not mask.visible and panel.found is found


def test_the_mask_of_another_run_is_hidden_beside_the_outlines(
    qtbot: Any, viewer: ViewerModel, opened: Any, segment: Any, add_result: Any
) -> None:
    image = segment()
    earlier = viewer.layers["mask · image"]
    later = add_result(viewer, image)[-1]
    earlier.data = 1 - earlier.data
    panel = opened().readers_panel
    shown(qtbot, panel)
    assert not earlier.visible and later.visible
    assert OF_ANOTHER_RUN in panel.message.text()
    assert CHANGED not in panel.message.text()
    panel.show_button.click()
    qtbot.waitUntil(lambda: earlier.visible)


def test_what_is_useless_is_said_with_where_it_was_measured() -> None:
    assert useless_sentences(RECORD) == [
        "The transformer alone cannot do this job (Dice 0.31 on 88 validation images "
        "of discs)."
    ]
    right, dice = record_sentences(RECORD)
    assert right == (
        "Where they differed on 88 validation images of discs, both together were "
        "right in 64 % of the area, the CNN in 61 %, the transformer in 39 %."
    )
    gates = psi_sentence(RECORD)
    assert "CNN alone 0.91, transformer alone 0.31, both together 0.92" in dice
    assert "psi was higher where the CNN was the better one (AUROC 0.83" in gates
    assert "larger weight in 121 of 123 regions" in gates
    assert useless_sentences(ReaderRecord()) == []
    assert psi_sentence(ReaderRecord()) == ""
    # Of a record without these shares only what it knows.
    facts = {key: value for key, value in RECORD.facts.items() if key != "right"}
    assert record_sentences(ReaderRecord(facts)) == [dice]


def test_the_auroc_is_behind_details(
    qtbot: Any, viewer: ViewerModel, opened: Any, segment: Any, monkeypatch: Any
) -> None:
    segment()
    panel = opened().readers_panel
    assert panel.details.isHidden()
    shown(qtbot, panel)
    assert panel.details.isHidden()  # of weights that were not measured
    panel.show_button.click()
    known = "napari_attnseg.two_readers.ReaderRecord"
    monkeypatch.setattr(known, lambda facts: RECORD)
    shown(qtbot, panel)
    assert "both together were right in 64 % of the area" in panel.message.text()
    assert "AUROC" not in panel.message.text()
    assert not panel.details.isHidden() and "AUROC 0.83" in panel.psi.text()
    panel.show_button.click()
    assert panel.details.isHidden()


def test_a_region_is_told_by_who_draws_it() -> None:
    kind = Disagreement.ONLY_CNN
    here, known = region_sentences(kind, 0.71, 1.0, 0.02, RECORD)
    assert here.startswith("Only the CNN draws") and "gave the CNN more weight" in here
    assert "0.71" in here and "The mask by both together has all of it." in here
    assert "right in 0.89 and the transformer in 0.11 of the pixels" in known
    assert "(80 had such pixels)" in known and "small" not in known
    # What the CNN is worth where it draws says nothing of where the other does.
    kind = Disagreement.ONLY_TRANSFORMER
    here, known = region_sentences(kind, 0.499, 0.7, SMALLEST / 2, RECORD)
    assert "The gates gave both the same weight here: mean psi" in here
    assert "The mask by both together has most of it." in here
    assert "has not been measured" in known and "as small as this" in known


def test_where_both_agree_the_mask_by_both_together_may_differ() -> None:
    assert agree_sentence(True, True) == "Both encoders draw this place."
    assert agree_sentence(False, False) == "Neither encoder draws this place."
    lost = "Both encoders draw this place, but the mask by both together leaves it out."
    assert agree_sentence(True, False) == lost
    more = "Neither encoder draws this place, but the mask by both together has it."
    assert agree_sentence(False, True) == more


def test_what_a_useless_encoder_draws_is_not_filled_at_first(
    qtbot: Any, viewer: ViewerModel, opened: Any, segment: Any, monkeypatch: Any
) -> None:
    segment()
    panel = opened().readers_panel
    shown(qtbot, panel)
    assert panel.disagreement_box.isChecked()
    panel.show_button.click()
    # As of weights whose transformer alone is useless.
    state = RECORD.state
    monkeypatch.setattr(ReaderRecord, "state", lambda record, one: state(one))
    shown(qtbot, panel)
    assert not panel.disagreement_box.isChecked()
    assert not [one for one in viewer.layers if one.name.startswith("CNN and")]
