"""What Inspect does beside other layers: duplicates, other results, strokes."""

from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Layer

from napari_attnseg._widgets.inspect.mask_controls import REPLACE
from napari_attnseg._widgets.layers.metadata import METADATA
from napari_attnseg._widgets.layers.runs import find_results


def mask_of(viewer: ViewerModel) -> Any:
    return viewer.layers["mask · image"]


def test_what_somebody_made_of_a_part_is_no_part(
    viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment(frames=3)
    widget = opened()
    mask = mask_of(viewer)
    probability = viewer.layers["probability · image"]
    # Duplicate Layer, Convert to Image, a projection: napari copies the metadata.
    copy = viewer.add_labels(mask.data.copy(), name="copy", metadata=mask.metadata)
    viewer.add_image(mask.data.astype(float), name="image", metadata=mask.metadata)
    for data in (probability.data, probability.data.max(0)):
        viewer.add_image(data, name="other", metadata=probability.metadata)
    (result,) = find_results(viewer.layers)
    assert result.mask is mask and result.probability == [probability]
    before = copy.data.copy()
    widget.mask_panel.threshold.setValue(0.3)
    widget.mask_panel.apply()
    assert np.array_equal(copy.data, before)
    assert not np.array_equal(mask.data, before)


def test_two_results_of_an_image_are_told_apart(
    viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    image = segment()
    first = list(viewer.layers)[1:]
    widget = opened()
    for layer in first:  # a second run's layers, as napari names them
        data, options, kind = layer.as_layer_data_tuple()
        facts = {**options["metadata"][METADATA], "date": "later"}
        options |= {"name": layer.name, "metadata": {METADATA: facts}}
        viewer.add_layer(Layer.create(data, options, kind))
    titles = [widget.result_box.itemText(i) for i in range(2)]
    assert titles == ["image · tiny [1]", "image · tiny"]

    # Side by side, the one that is left looks as it did.
    widget.preset_box.setCurrentText("published style")
    widget.result_box.setCurrentIndex(1)
    again = widget.results[0]
    assert again.mask.contour > 0 and not again.mask.name_overlay.visible
    assert tuple(again.gates[32].contrast_limits) == (0, 1)
    widget.life.end()
    assert all(result.mask.contour > 0 for result in widget.results)
    assert image.visible


def test_a_return_to_the_overlay_that_fails_is_over(
    viewer: ViewerModel, opened: Any, segment: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise RuntimeError("as napari may")

    segment()
    widget = opened()
    widget.preset_box.setCurrentText("published style")
    arrangement = widget._arrangement
    with monkeypatch.context() as broken:
        broken.setattr(arrangement._cells, "leave", fail)
        with pytest.raises(RuntimeError):
            arrangement.end()
    assert not arrangement.moving  # the button of the grid is listened to again


def test_a_stroke_and_its_undoing_are_counted(
    qtbot: Any, viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment()
    widget = opened()
    mask = mask_of(viewer)
    said = widget.mask_panel.size_label.text()
    mask.data_setitem(np.nonzero(mask.data == 1), 0)
    mask.events.paint(value=[])  # as at the end of a stroke
    qtbot.waitUntil(
        lambda: (
            widget.mask_panel.size_label.text()
            == "The mask is empty (0 px)\nEdited by hand."
        )
    )
    mask.undo()
    qtbot.waitUntil(lambda: widget.mask_panel.size_label.text() == said)


def test_undo_brings_back_work_by_hand(
    viewer: ViewerModel, opened: Any, segment: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    segment()
    mask = mask_of(viewer)
    panel = opened().mask_panel
    monkeypatch.setattr(panel, "ask_about_edits", lambda: REPLACE)
    mask.data[:5] = 1 - mask.data[:5]
    by_hand = mask.data.copy()
    before = panel.threshold.value()
    panel.threshold.setValue(0.0)
    panel.finish()
    assert mask.data.all()
    panel.undo()
    assert np.array_equal(mask.data, by_hand)
    assert panel.threshold.value() == before and panel.edited  # asks again
    # Undo and "Model's own mask" over edits lose them no more than a slider does.
    panel.threshold.setValue(1.0)
    panel.finish()
    mask.data[-5:] = 1
    more = mask.data.copy()
    panel.undo()
    assert np.array_equal(mask.data, by_hand)
    panel.reset()
    assert not np.array_equal(mask.data, by_hand)
    panel.undo()
    assert np.array_equal(mask.data, by_hand)
    panel.undo()
    assert np.array_equal(mask.data, more)


def test_it_turns_to_the_image_that_is_seen(
    viewer: ViewerModel, opened: Any, segment: Any, qtbot: Any
) -> None:
    """Two images over each other: the mask of the one below is not changed unseen."""
    below, above = segment("below"), segment("above")
    widget = opened()
    assert widget.result.image is above
    above.visible = False
    qtbot.waitUntil(lambda: widget.result.image is below)
    above.visible = True
    qtbot.waitUntil(lambda: widget.result.image is above)
    viewer.layers.move(viewer.layers.index(below), len(viewer.layers))
    qtbot.waitUntil(lambda: widget.result.image is below)
    widget.life.end()
    below.visible = False
    qtbot.wait(100)
    assert widget.result.image is below
