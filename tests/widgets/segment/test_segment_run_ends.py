"""How a run of the Segment widget ends, and what was there before."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from segment_dock import wait

from napari_attnseg._widgets.base.model_cache import MODELS
from napari_attnseg._widgets.base.threads import WorkError
from napari_attnseg._widgets.layers.earlier import is_edited
from napari_attnseg._widgets.layers.metadata import metadata_of, record_of
from napari_attnseg._widgets.layers.record import Derivation
from napari_attnseg._widgets.layers.runs import find_results
from napari_attnseg._widgets.layers.writer import results_of
from napari_attnseg._widgets.segment import SegmentWidget
from napari_attnseg.models.network import SegmentationNetwork


def test_cancel_keeps_the_frames_that_are_done(
    widget: SegmentWidget, viewer: ViewerModel, qtbot: Any, messages: list[str]
) -> None:
    rng = np.random.default_rng(0)
    viewer.add_image(rng.integers(0, 255, (400, 30, 40), np.uint8), name="a")
    viewer.dims.set_current_step(0, 100)
    widget.start()
    qtbot.waitUntil(lambda: len(viewer.layers) > 1, timeout=60_000)
    mask = viewer.layers["mask · a"]
    assert record_of(mask).is_done(100)
    viewer.dims.set_current_step(0, 300)  # it goes on from there
    qtbot.waitUntil(lambda: record_of(mask).is_done(300), timeout=60_000)
    widget.bar.cancel_button.click()
    wait(widget, qtbot)
    done = record_of(mask).done_frames
    assert {100, 300} <= set(done) and len(done) < 100
    assert f"Cancelled: {len(done)} of 400 slices" in messages[-1]
    for frame in (100, 300):
        own = MODELS.load(widget.inputs.weights, "cpu").segmenter
        wanted = own(viewer.layers["a"].data[frame])
        np.testing.assert_array_equal(mask.data[frame], wanted.mask)
        facts = record_of(mask).provenance
        assert facts["image_sha256"][frame] == wanted.provenance["image_sha256"]
        assert facts["mask_sha256"][frame] == wanted.provenance["mask_sha256"]
    # What was not segmented is not called empty.
    viewer.dims.set_current_step(0, 0)
    qtbot.waitUntil(lambda: "Slice 0" in widget.outcome.text(), timeout=60_000)
    assert widget.outcome.text().startswith("Slice 0: Not segmented")
    assert viewer.canvas.overlays.text.text.startswith("Not segmented")
    # Nor is it after it was saved and opened again.
    (results,) = results_of([layer.as_layer_data_tuple() for layer in viewer.layers])
    assert not is_edited(mask)
    hashes = [one.provenance["image_sha256"] for one in results.segmentations]
    assert [i for i, found in enumerate(hashes) if found] == done


def test_a_run_whose_mask_is_removed_ends(
    widget: SegmentWidget, viewer: ViewerModel, qtbot: Any
) -> None:
    viewer.add_image(np.zeros((400, 30, 40)), name="a")
    widget.start()
    qtbot.waitUntil(lambda: len(viewer.layers) > 1, timeout=60_000)
    viewer.layers.remove("mask · a")
    wait(widget, qtbot)
    assert "mask · a" not in viewer.layers
    assert widget.bar.start_button.isEnabled()


def test_an_error_of_torch_ends_the_run(
    widget: SegmentWidget,
    viewer: ViewerModel,
    qtbot: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*args: Any) -> None:
        raise RuntimeError("CUDA error: an illegal memory access")

    monkeypatch.setattr(SegmentationNetwork, "align", broken)
    viewer.add_image(np.zeros((30, 40)), name="a")
    with qtbot.capture_exceptions() as raised:
        widget.start()
        wait(widget, qtbot)
    assert [type(error) for _, error, _ in raised] == [WorkError]
    assert widget.bar.start_button.isEnabled()
    assert not widget.bar.progress.isVisibleTo(widget)
    assert "illegal memory access" in widget.bar.error.text()


def test_the_source_may_go_while_it_is_segmented(
    widget: SegmentWidget, viewer: ViewerModel, qtbot: Any
) -> None:
    viewer.add_image(np.zeros((20, 30, 40)), name="a")
    widget.start()
    viewer.layers.clear()
    wait(widget, qtbot)
    assert [layer.name for layer in viewer.layers][-1] == "mask · a"


@pytest.mark.parametrize("what", ["renamed", "replaced"])
def test_the_source_may_change_while_it_is_segmented(
    widget: SegmentWidget, viewer: ViewerModel, qtbot: Any, what: str
) -> None:
    layer = viewer.add_image(np.zeros((20, 30, 40)), name="a")
    widget.start()
    if what == "renamed":
        layer.name = "b"
    else:
        viewer.layers.remove(layer)
        viewer.add_image(np.ones((9, 9)), name="a")
    wait(widget, qtbot)
    mask = viewer.layers["mask · a"]
    assert mask.data.shape == (20, 30, 40)
    assert widget.bar.start_button.isEnabled()


def test_a_second_run_replaces_the_first_but_no_work_by_hand(
    widget: SegmentWidget, viewer: ViewerModel, qtbot: Any, messages: list[str]
) -> None:
    image = viewer.add_image(np.zeros((20, 30), np.uint8), name="a")

    def again() -> Any:
        before = set(viewer.layers)
        widget.start()
        wait(widget, qtbot)
        qtbot.waitUntil(lambda: set(viewer.layers) != before)
        return find_results(viewer.layers)[0]

    first = again()
    first.gates[8].visible = True
    explained = viewer.add_image(
        np.ones((20, 30)),
        name="entropy · a",
        metadata=metadata_of(replace(first.record, part=None, explanation="entropy")),
    )
    second = again()
    assert not explained.visible
    assert any("are hidden" in text and "entropy · a" in text for text in messages)
    assert [one.mask for one in find_results(viewer.layers)] == [second.mask]
    assert second.mask is not first.mask and second.mask.name == "mask · a"
    assert second.gates[8].visible and not second.gates[16].visible

    second.mask.data[:4] = 1 - second.mask.data[:4]  # by hand
    edited = second.mask.data.copy()
    again()
    assert len(find_results(viewer.layers)) == 2
    assert np.array_equal(second.mask.data, edited) and not second.mask.visible
    assert any("edited by hand" in message for message in messages)

    widget.run_menu.keep_both.setChecked(True)
    third = again()
    assert len(find_results(viewer.layers)) == 3 and third.image is image


def test_of_a_covered_image_the_new_outline_is_seen_and_no_old_one(
    widget: SegmentWidget,
    viewer: ViewerModel,
    qtbot: Any,
    segment: Any,
    messages: list[str],
) -> None:
    """A mask by hand and measured objects of the lower one of two images."""

    def again(image: Any) -> Any:
        viewer.layers.selection = {image}
        before = find_results(viewer.layers)[0].mask
        widget.start()
        wait(widget, qtbot)
        qtbot.waitUntil(lambda: find_results(viewer.layers)[0].mask is not before)
        qtbot.wait(20)  # what is hidden with its image is, once the list is complete
        return find_results(viewer.layers)[0].mask

    below = segment("below")
    record = record_of(viewer.layers[-1])
    assert record is not None
    objects = viewer.add_labels(
        np.ones((40, 48), np.uint8),
        name="objects",
        metadata=metadata_of(record.derived(Derivation.OBJECTS)),
    )
    above = viewer.add_image(np.zeros((40, 48), np.uint8), name="above")
    qtbot.waitUntil(lambda: not objects.visible)
    mask = again(below)
    assert mask.visible and not objects.visible and "objects" in messages[-1]

    mask.data[:4] = 1 - mask.data[:4]  # by hand
    viewer.layers.move(viewer.layers.index(above), len(viewer.layers))
    qtbot.waitUntil(lambda: not mask.visible)
    newest = again(below)
    assert newest.visible and not mask.visible
