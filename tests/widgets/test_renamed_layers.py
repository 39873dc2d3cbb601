"""A result keeps its image whatever the layers are called: no name is looked up."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
from napari.components import ViewerModel
from npe2 import PluginManager
from PIL import Image
from qtpy.QtWidgets import QApplication

from napari_attnseg._widgets.explain import ExplainWidget
from napari_attnseg._widgets.inspect.readout import read_out
from napari_attnseg._widgets.layers.display import add_layers
from napari_attnseg._widgets.layers.image_match import holds_pixels
from napari_attnseg._widgets.layers.metadata import METADATA, record_of
from napari_attnseg._widgets.layers.new_layers import new_layers
from napari_attnseg._widgets.layers.own_image import images_of
from napari_attnseg._widgets.layers.runs import find_results
from napari_attnseg._widgets.layers.source import IMAGE_FILE, source_of
from napari_attnseg._widgets.objects.widget import ObjectsWidget
from napari_attnseg._widgets.segment import SegmentWidget
from napari_attnseg.hashing import array_sha256

PLUGIN = "napari-attnseg"


def rename(viewer: ViewerModel) -> None:
    """Give every layer a name that says nothing, and that confuses a parser."""
    for number, layer in enumerate(list(viewer.layers)):
        layer.name = f"x{number} · what if [{number}]"


@pytest.fixture
def renamed(viewer: ViewerModel, segment: Callable[..., Any]) -> Any:
    """An image with a result, all layers renamed; beside it an image of its old name.

    The other image has the same size.
    """
    image = segment("scan")
    rename(viewer)
    viewer.add_image(np.zeros_like(image.data), name="scan", rgb=True)
    return image


def test_inspect_shows_the_result_on_its_image(
    viewer: ViewerModel, opened: Any, renamed: Any
) -> None:
    widget = opened()
    assert widget.result.image is renamed
    assert widget.result_box.currentText() == "x0 · what if [0] · tiny"
    renamed.name = "again"
    assert widget.result_box.currentText() == "again · tiny"
    assert "row 20, column 24" in read_out(widget.result, (20, 24))
    widget.pointing.hold((20, 24))
    widget.mask_panel.threshold.setValue(0.0)
    widget.mask_panel.apply()
    assert widget.result.mask.data.all()


def test_side_by_side_and_back_shows_what_was_shown(
    viewer: ViewerModel, opened: Any, renamed: Any, segment: Any, qtbot: Any
) -> None:
    segment("other")
    widget = opened()
    widget.result_box.setCurrentIndex(1)
    widget.result_box.activated.emit(1)  # by a person: its image comes forward
    qtbot.waitUntil(widget.whatif_panel.isEnabled)
    widget.whatif_panel.painting.paint_button.click()
    paint = viewer.layers.selection.active
    rename(viewer)
    other = widget.results[0].mask
    other.visible = True
    widget.toggle()
    assert not paint.visible and not other.visible and renamed.visible
    widget.toggle()
    assert paint.visible and not other.visible


def test_what_if_decodes_and_keeps(
    qtbot: Any,
    viewer: ViewerModel,
    opened: Any,
    renamed: Any,
    tmp_path: Path,
    messages: list[str],
) -> None:
    widget = opened()
    panel = widget.whatif_panel
    panel.rows[32].slider.setValue(0.25)
    rename(viewer)
    qtbot.waitUntil(lambda: panel.change is not None, timeout=20_000)
    panel.keep()
    kept = viewer.layers.selection.active
    rename(viewer)
    viewer.layers.selection.active = kept
    assert widget.run_menu.text() == "Repeat or save the selected what-if"
    widget.run_menu.copy_python()
    assert "gates={32: 0.25}" in QApplication.clipboard().text()
    widget.run_menu.save(tmp_path)
    qtbot.waitUntil(lambda: any("files saved" in m for m in messages), timeout=60_000)
    (saved,) = tmp_path.glob("*.json")
    said = json.loads(saved.read_text())["provenance"]
    assert said["made_from"] == "what if" and said["source"] == "scan"


def test_objects_are_measured_on_the_image(
    qtbot: Any, viewer: ViewerModel, renamed: Any
) -> None:
    mask = find_results(viewer.layers)[0].mask
    widget = ObjectsWidget(viewer)
    qtbot.addWidget(widget)
    assert widget.image_box.currentData() is renamed
    for chosen in (mask, None):  # None: what was measured
        if chosen is not None:
            widget.labels_box.setCurrentText(chosen.name)
        widget.bar.start_button.click()
        qtbot.waitUntil(lambda: widget.life.worker is None, timeout=60_000)
        assert widget.bar.error.text() == ""
        assert "4 gate maps" in widget.panel.summary.text()
        assert "the model's probability" in widget.panel.summary.text()
        viewer.layers[-1].name = "objects, perhaps"
    # The image is known, so another one is not taken for it; it may be measured.
    renamed.data = renamed.data[::-1].copy()
    widget.labels_box.setCurrentText(mask.name)
    widget.bar.start_button.click()
    qtbot.waitUntil(lambda: widget.life.worker is None, timeout=60_000)
    assert "does not hold the pixels" in widget.bar.error.text()


def test_explanations_go_to_the_image(
    qtbot: Any, viewer: ViewerModel, renamed: Any, tiny_weights: Path
) -> None:
    widget = ExplainWidget(viewer)
    qtbot.addWidget(widget)
    qtbot.waitUntil(lambda: widget.method_box.count() > 0, timeout=60_000)
    widget.inputs.use_weights(tiny_weights)
    viewer.layers.selection.active = renamed
    widget.method_box.setCurrentText("gate")
    renamed.name = "again"
    widget.start()
    qtbot.waitUntil(lambda: widget.life.worker is None, timeout=60_000)
    found = viewer.layers["gate 1/32 · again"]
    found.name = "explanation"
    record = record_of(found)
    assert record is not None
    assert record.image.layer_id == str(renamed.unique_id)
    assert images_of(viewer.layers)[found] is renamed


def test_gate_maps_are_listed_by_the_present_name(
    qtbot: Any, viewer: ViewerModel, renamed: Any
) -> None:
    viewer.layers[-1].visible = False  # the image that covers it
    widget = SegmentWidget(viewer)
    qtbot.addWidget(widget)
    assert widget.gate_box.itemText(1) == "1/32 of x0 · what if [0]"
    renamed.name = "again"
    texts = [widget.gate_box.itemText(i) for i in range(1, 5)]
    assert texts == [f"1/{s} of again" for s in (32, 16, 8, 4)]


def test_layers_are_saved_and_opened(
    viewer: ViewerModel, renamed: Any, tmp_path: Path
) -> None:
    PluginManager.instance().discover()
    written = viewer.layers.save(str(tmp_path / "out"), plugin=PLUGIN)
    assert sorted(Path(path).name for path in written)[0] == "scan.json"
    other = ViewerModel()
    *_, mask = other.open(tmp_path / "out", plugin=PLUGIN)
    assert mask.name == "mask · scan"
    (result,) = find_results(viewer.layers)
    assert mask.metadata[METADATA] == result.mask.metadata[METADATA]


# -- images that were closed, and that are alike ---------------------------------------


def test_a_closed_image_is_found_by_its_pixels_when_it_is_opened_again(
    viewer: ViewerModel, segment: Any, opened: Any, tmp_path: Path
) -> None:
    image = segment("scan")
    widget = opened()
    pixels = image.data.copy()
    viewer.layers.remove(image)
    assert widget.result.image is None and widget.result.name == "scan"
    message = widget.whatif_panel.message.text()
    assert "'scan'" in message and "not open" in message
    viewer.add_image(pixels[::-1].copy(), name="scan", rgb=True)
    assert widget.result.image is None
    Image.fromarray(pixels).save(tmp_path / "elsewhere.png")
    (again,) = viewer.open(tmp_path / "elsewhere.png", plugin="napari")
    again.name = "whatever"
    assert widget.result.image is again
    assert not widget.whatif_panel.controls.isHidden()
    assert widget.result_box.currentText() == "whatever · tiny"


def test_of_two_alike_the_one_that_was_segmented_is_meant(
    viewer: ViewerModel, segment: Any, tmp_path: Path
) -> None:
    file = tmp_path / "a.png"
    file.touch()
    own = {IMAGE_FILE: str(file)}
    pixels = np.random.default_rng(0).integers(0, 255, (40, 48, 3), np.uint8)
    viewer.add_image(pixels, name="before", metadata=own, rgb=True)
    image = segment("scan", metadata=own)  # layer 1 of the viewer: its own seed
    copy = viewer.add_image(image.data.copy(), name="copy", metadata=own, rgb=True)
    viewer.add_image(image.data.copy(), name="no file", rgb=True)
    viewer.layers.move(viewer.layers.index(image), len(viewer.layers))
    assert find_results(viewer.layers)[0].image is image
    viewer.layers.remove(image)
    # File and pixels before pixels alone, and before the file alone.
    assert find_results(viewer.layers)[0].image is copy
    viewer.layers.remove(copy)
    assert find_results(viewer.layers)[0].image is viewer.layers["no file"]
    viewer.layers.remove("no file")
    assert find_results(viewer.layers)[0].image is viewer.layers["before"]
    viewer.layers.remove("before")
    assert find_results(viewer.layers)[0].image is None


def test_a_duplicate_of_the_image_is_not_the_image(
    viewer: ViewerModel, segment: Any
) -> None:
    image = segment("scan")
    copy = viewer.add_image(image.data, name="scan copy", rgb=True)
    viewer.layers.move(viewer.layers.index(copy), 0)
    image.name, copy.name = "scan copy", "scan"
    assert find_results(viewer.layers)[0].image is image


def test_a_stack_is_found_by_a_few_frames(viewer: ViewerModel, segment: Any) -> None:
    image = segment("scan", frames=5)
    pixels = image.data.copy()
    viewer.layers.remove(image)
    pixels[4] = 0
    other = viewer.add_image(pixels, name="scan", rgb=True)
    assert find_results(viewer.layers)[0].image is None
    other.data = image.data.copy()
    assert find_results(viewer.layers)[0].image is other


def test_nothing_is_computed_to_find_an_image(viewer: ViewerModel) -> None:
    computed = []

    def frame(block_info: Any) -> np.ndarray:
        computed.append(block_info)
        return np.zeros((1, 8, 8), np.uint8)

    lazy = da.map_blocks(frame, chunks=((1,) * 3, (8,), (8,)), dtype=np.uint8)
    layer = viewer.add_image(lazy, contrast_limits=(0, 255))
    computed.clear()
    hashes = [array_sha256(np.zeros((8, 8), np.uint8))] * 3
    assert not holds_pixels(layer, (3, 8, 8), hashes)
    assert computed == []
    layer.data = np.zeros((3, 8, 8), np.uint8)
    assert holds_pixels(layer, (3, 8, 8), hashes)
    assert not holds_pixels(layer, (2, 8, 8), hashes[:2])


def test_a_result_read_with_its_image_refers_to_it(
    viewer: ViewerModel, tmp_path: Path, tiny_segmenter: Any
) -> None:
    PluginManager.instance().discover()
    pixels = np.random.default_rng(0).integers(0, 255, (40, 48, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    (image,) = viewer.open(tmp_path / "a.png", plugin="napari")
    add_layers(viewer, new_layers(source_of(image), [tiny_segmenter(pixels)]))
    viewer.layers.save(str(tmp_path / "out"), plugin=PLUGIN)
    for _ in range(2):  # twice in one viewer: the same pixels and the same file
        read = viewer.open(tmp_path / "out", plugin=PLUGIN)
        record = record_of(read[-1])
        assert record is not None
        assert record.image.layer_id == str(read[0].unique_id)
