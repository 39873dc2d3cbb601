"""Segmenting only inside a drawn box, in a real window."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_attnseg._widgets.base.jobs import Failed, encode, prepare_clicks, run
from napari_attnseg._widgets.base.model_cache import MODELS
from napari_attnseg._widgets.base.segmenting import Looking
from napari_attnseg._widgets.inspect.arrangement import Arrangement, Preset
from napari_attnseg._widgets.inspect.mask_editor import MaskEditor
from napari_attnseg._widgets.inspect.readout import read_out
from napari_attnseg._widgets.layers.correction import correction_of
from napari_attnseg._widgets.layers.display import add_layers
from napari_attnseg._widgets.layers.drawn_box import NO_BOX, draw_box, drawn_box
from napari_attnseg._widgets.layers.metadata import record_of
from napari_attnseg._widgets.layers.new_layers import new_layers
from napari_attnseg._widgets.layers.outcome import outcome_of
from napari_attnseg._widgets.layers.runs import find_results
from napari_attnseg._widgets.layers.source import source_of
from napari_attnseg.boxes import Box
from napari_attnseg.errors import InputError
from napari_attnseg.inference import Segmenter
from napari_attnseg.io.results import load_results
from napari_attnseg.masks import MaskRules


def world(layer: Any, corner: tuple[float, float]) -> np.ndarray:
    return np.asarray(layer.data_to_world(corner))


def corners(top: float, left: float, bottom: float, right: float) -> np.ndarray:
    """Of a rectangle in frame 1."""
    sides = ((top, left), (top, right), (bottom, right), (bottom, left))
    return np.array([(1, *corner) for corner in sides])


def failure(steps: Any) -> str:
    try:
        while True:
            next(steps)
    except StopIteration as stop:
        assert isinstance(stop.value, Failed)
        return stop.value.message


def test_only_a_drawn_box_is_segmented(
    make_napari_viewer_proxy: Callable[..., Any],
    qtbot: Any,
    tiny_weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    viewer = make_napari_viewer_proxy(show=True)
    pixels = np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8)
    place = {"scale": (2, 3), "translate": (5, -7), "rotate": 20}
    image = viewer.add_image(pixels, name="polyp", rgb=True, **place)
    _, widget = viewer.window.add_plugin_dock_widget("napari-attnseg", "Segment image")
    widget.inputs.use_weights(tiny_weights)
    control = widget.box_control

    def segment() -> None:
        widget.bar.start_button.click()
        qtbot.waitUntil(lambda: widget.life.worker is None, timeout=60_000)

    assert not control.draw_button.isVisibleTo(widget)
    control.switch.click()
    box = viewer.layers["box · polyp"]
    assert box.mode == "add_rectangle" and viewer.layers.selection.active == box
    assert widget.inputs.image == image
    # Nothing is drawn: the button is grey, and why is written below it.
    bar = widget.bar

    def missing(why: str = NO_BOX) -> bool:
        grey = not bar.start_button.isEnabled()
        assert grey == bar.why.isVisibleTo(widget)
        return grey and why in bar.why.text()

    assert missing()
    segment()
    assert len(viewer.layers) == 2
    control.switch.click()
    assert bar.start_button.isEnabled() and not missing()
    control.switch.click()
    assert missing()

    # Pixel 10 begins at 9.5; the last shape counts.
    box.add_rectangles(np.array([[0.0, 0.0], [3, 3]]))
    assert missing("has 4×4 pixels of the image; draw one of at least 16×16.")
    box.add_rectangles(np.array([[300.0, 300.0], [340, 340]]))
    # Only the one that counts is in full colour, also after it was deleted, and where
    # napari takes the look of a selected one for the next.
    yellow, (thin, full) = [1.0, 1, 0, 1], box.edge_width
    np.testing.assert_array_equal(box.edge_color[1], yellow)
    assert thin == full / 4 and box.edge_color[0].tolist() != yellow
    box.selected_data = {1}
    box.remove_selected()
    np.testing.assert_array_equal(box.edge_color, [yellow])
    assert box.edge_width == [full] and missing("has 4×4 pixels of the image")
    box.add_rectangles(np.array([[0.0, 0.0], [3, 3]]))
    box.selected_data = {0}
    box.add_rectangles(np.array([[300.0, 300.0], [340, 340]]))
    assert [one.tolist() == yellow for one in box.edge_color] == [False, False, True]
    assert box.edge_width == [thin, thin, full]
    assert bar.start_button.isEnabled() and not missing()
    segment()
    assert "outside the image" in bar.error.text() and len(viewer.layers) == 2
    # What was wrong with it is not said of the next one.
    box.add_rectangles(np.array([[9.5, 19.5], [49.5, 200]]))
    assert not bar.error.isVisibleTo(widget)
    # But an error that no box mends is.
    with monkeypatch.context() as no_weights:
        no_weights.setattr(type(widget.inputs), "weights", None)
        segment()
    box.add_rectangles(np.array([[9.5, 19.5], [49.5, 200]]))
    assert bar.error.isVisibleTo(widget) and "weights" in bar.error.text()
    segment()
    assert box.mode == "pan_zoom" and not widget.bar.error.isVisibleTo(widget)
    (result,) = find_results(viewer.layers)
    found = result.record.box
    assert found is not None and found.to_json() == [10, 20, 50, 80]
    crop = Segmenter.from_checkpoint(tiny_weights, "cpu")(pixels[10:50, 20:80].copy())
    np.testing.assert_array_equal(result.mask.data[10:50, 20:80], crop.mask)
    probability = result.probability[0].data
    np.testing.assert_array_equal(probability[10:50, 20:80], crop.probability[0])
    assert np.count_nonzero(probability) <= 40 * 60
    for gate, wanted in zip(result.gates.values(), crop.attention, strict=True):
        np.testing.assert_array_equal(gate.data, wanted.values)
        # Outer corners of the first and last pixel of map and box.
        last = np.array(gate.data.shape) - 0.5
        for of_map, of_image in (((-0.5, -0.5), (9.5, 19.5)), (last, (49.5, 79.5))):
            there = world(image, of_image)
            np.testing.assert_allclose(world(gate, of_map), there, atol=1e-6)
    qtbot.waitUntil(lambda: "the box" in widget.outcome.text())
    outside = read_out(result, world(image, (5, 5)))
    assert outside == "row 5, column 5 · outside the box that was segmented"
    assert "probability" in read_out(result, world(image, (20, 30)))

    # Side by side the box takes no cell.
    arrangement = Arrangement(viewer)
    arrangement.show(result, Preset.ALL_SCALES)
    assert not box.visible and result.gates[32].visible
    arrangement.end()
    assert box.visible and not result.gates[32].visible

    # What it cannot do says so.
    record = record_of(result.mask)
    assert record is not None
    facts, source = record.provenance, source_of(image)
    for steps in (
        encode(source, 0, facts, MODELS),
        prepare_clicks(source, 0, facts, result.probabilities(0), MODELS),
    ):
        assert "covers a box only, but this needs the whole image" in failure(steps)
    with pytest.raises(InputError, match="covers a box only"):
        correction_of(viewer, result.mask)

    widget.run_menu.save(tmp_path)
    qtbot.waitUntil(lambda: (tmp_path / "polyp.json").exists(), timeout=60_000)
    (saved,) = load_results(tmp_path / "polyp.json").segmentations
    np.testing.assert_array_equal(saved.mask, result.mask.data)
    assert [gate.origin for gate in saved.attention] == [(10, 20)] * 4
    (opened,) = (
        layer
        for layer in viewer.open(str(tmp_path / "polyp.json"), plugin="napari-attnseg")
        if layer.name.startswith("gate 1/8")
    )
    np.testing.assert_allclose(opened.translate, result.gates[8].translate)
    for layer in list(viewer.layers)[-6:]:
        viewer.layers.remove(layer)

    # Of the whole image again: it takes the place of the first result.
    control.switch.click()
    assert not box.visible
    segment()
    (result,) = find_results(viewer.layers)
    assert result.record.box is None and len(viewer.layers) == 8
    qtbot.waitUntil(lambda: "the box" not in widget.outcome.text())


def test_a_box_is_the_same_in_every_frame(
    viewer: ViewerModel, tiny_weights: Path
) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (2, 60, 80), np.uint8)
    image = viewer.add_image(pixels, name="stack", scale=(7, 2, 2))
    source = source_of(image)
    drawn = draw_box(viewer, image)
    drawn.add_rectangles(corners(90, 0, 99, 20))
    with pytest.raises(InputError, match="outside the image"):
        drawn_box(viewer.layers, image, source)
    drawn.add_rectangles(corners(10, 20, 29, 39))
    drawn.translate = (0, 4, 0)  # two pixels down: it counts where it is seen
    box = drawn_box(viewer.layers, image, source)
    assert str(box) == "12,20,32,40"
    steps = run(source, tiny_weights, "cpu", MODELS, Looking(box=box))
    try:
        while True:
            next(steps)
    except StopIteration as stop:
        done = stop.value
    add_layers(viewer, new_layers(done.source, done.results))
    (result,) = find_results(viewer.layers)
    assert result.record.box == box and result.image is image
    segmenter = Segmenter.from_checkpoint(tiny_weights, "cpu")
    for frame in range(2):
        crop = segmenter(pixels[frame, 12:32, 20:40].copy())
        found = result.probabilities(frame)
        np.testing.assert_allclose(found[:, 12:32, 20:40], crop.probability, atol=1e-3)
        np.testing.assert_array_equal(result.mask.data[frame, 12:32, 20:40], crop.mask)
        assert not result.mask.data[frame, :12].any()
    # Moved or not, the controls of the mask make the same one.
    editor = MaskEditor(result)
    assert not editor.edited(range(2))
    editor.apply(MaskRules(0.0), 1)
    assert np.count_nonzero(result.mask.data[1]) == 20 * 20


def test_outcomes_name_the_box() -> None:
    box, mask = Box(0, 0, 20, 20), np.zeros((40, 40), np.uint8)
    assert outcome_of(mask, box=box).sentence == "Nothing found inside the box"
    mask[:10, :10] = 1
    said = "1 object, 25.0 % of the box; inside the box only"
    assert outcome_of(mask, box=box).sentence == said
    mask[:20, :20] = 1
    full = outcome_of(mask, box=box)
    assert full.mark == "The mask fills the box" and "larger one" in full.sentence
