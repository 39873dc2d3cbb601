"""What the widgets ask about an image layer before they segment it, and what follows.

On a viewer without a window.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from npe2 import PluginManager
from odd_files import ORIENTATION, picture
from PIL import Image
from qtpy.QtWidgets import QFileDialog
from tifffile import imwrite

from napari_attnseg import Segmenter, reproduce
from napari_attnseg._widgets.base.open_images import open_images
from napari_attnseg._widgets.layers.metadata import METADATA, record_of
from napari_attnseg._widgets.layers.runs import all_results
from napari_attnseg._widgets.layers.source import source_of
from napari_attnseg._widgets.segment import SegmentWidget
from napari_attnseg.axes import AXIS_READING
from napari_attnseg.io.file_kinds import VIEWER_DECODING
from napari_attnseg.io.images import read_image

RGB = picture(40, 56)
FIRST = np.ascontiguousarray(np.moveaxis(RGB, -1, 0))


@pytest.fixture
def widget(viewer: ViewerModel, qtbot: Any, tiny_weights: Path) -> SegmentWidget:
    PluginManager.instance().discover()
    widget = SegmentWidget(viewer)
    qtbot.addWidget(widget)
    qtbot.waitUntil(lambda: widget.inputs.device_box.count() > 1, timeout=60_000)
    widget.inputs.use_weights(tiny_weights)
    return widget


def run(widget: SegmentWidget, qtbot: Any) -> None:
    widget.start()
    qtbot.waitUntil(lambda: widget.life.worker is None, timeout=60_000)


def choices(widget: SegmentWidget) -> list[str]:
    box = widget.inputs.questions.axis_box
    return [box.itemText(i) for i in range(box.count())]


def asked(widget: SegmentWidget) -> bool:
    return bool(widget.inputs.questions.axis_box.isVisibleTo(widget))


def choose(widget: SegmentWidget, index: int) -> None:
    """As a user does it: the first choice is that nothing is chosen."""
    box = widget.inputs.questions.axis_box
    box.setCurrentIndex(index)
    box.activated.emit(index)


def mask_of(viewer: ViewerModel) -> Any:
    (result,) = all_results(viewer.layers)
    return result.mask


def test_channels_first_are_refused_until_the_user_says_what_they_are(
    widget: SegmentWidget, viewer: ViewerModel, qtbot: Any
) -> None:
    viewer.add_image(RGB[..., 0], name="plain")
    assert not asked(widget)
    viewer.add_image(FIRST, name="scan")
    assert asked(widget)
    assert "axis 0 (of length 3)" in widget.inputs.questions.axis_note.text()
    assert choices(widget)[1:] == [
        "3 frames of 40×56 pixels",
        "one 40×56 image: colour (the first axis)",
    ]
    run(widget, qtbot)
    assert "axis 0 (of length 3) of layer 'scan'" in widget.bar.error.text()
    assert len(viewer.layers) == 2
    # An ordinary image asks nothing, and the choice is remembered for its layer.
    choose(widget, 2)
    widget.inputs.image_box.setCurrentText("plain")
    assert not asked(widget)
    widget.inputs.image_box.setCurrentText("scan")
    assert widget.inputs.questions.axis_box.currentIndex() == 2


def test_colour_is_one_image_right_over_the_layer(
    widget: SegmentWidget,
    viewer: ViewerModel,
    qtbot: Any,
    tiny_segmenter: Segmenter,
) -> None:
    layer = viewer.add_image(
        FIRST,
        name="scan",
        scale=(5, 0.5, 2),
        translate=(7, 100, -3),
        rotate=np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]]),
        units=("s", "mm", "mm"),
        axis_labels=("c", "row", "column"),
    )
    choose(widget, 2)
    run(widget, qtbot)
    image, *results = viewer.layers[1:]
    assert image.rgb and image.name == "scan · colour"
    np.testing.assert_array_equal(image.data, RGB)
    assert all(result.ndim == 2 for result in results)
    mask = mask_of(viewer)
    np.testing.assert_array_equal(mask.data, tiny_segmenter(RGB).mask)
    # Where channel 1 has a pixel, image and mask have the same one.
    for pixel in ((0, 0), (39, 55), (12, 30)):
        expected = layer.data_to_world((1, *pixel))[1:]
        np.testing.assert_allclose(image.data_to_world(pixel), expected)
        np.testing.assert_allclose(mask.data_to_world(pixel), expected)
    for other in results:  # coarse maps too: their outer borders are the image's
        for corner in (np.zeros(2), np.ones(2)):
            ends = (
                x.data_to_world(corner * x.data.shape[:2] - 0.5) for x in (other, image)
            )
            np.testing.assert_allclose(*ends)
    assert [str(unit) for unit in mask.units] == ["millimeter", "millimeter"]
    assert tuple(mask.axis_labels) == ("row", "column")
    said = mask.metadata[METADATA][AXIS_READING]
    assert said == {"axis": 0, "length": 3, "read_as": "colour"}
    (result,) = all_results(viewer.layers)
    assert result.image is image
    # Again: the image is there already.
    run(widget, qtbot)
    assert sum(x.name.endswith(" · colour") and x.rgb for x in images(viewer)) == 1


def images(viewer: ViewerModel) -> list[Any]:
    return [x for x in viewer.layers if record_of(x) is None]


def test_frames_are_frames_if_the_user_says_so(
    widget: SegmentWidget,
    viewer: ViewerModel,
    qtbot: Any,
    tiny_segmenter: Segmenter,
) -> None:
    viewer.add_image(FIRST, name="scan")
    choose(widget, 1)
    run(widget, qtbot)
    mask = mask_of(viewer)
    assert mask.data.shape == (3, 40, 56)
    for frame, pixels in zip(mask.data, FIRST, strict=True):
        np.testing.assert_array_equal(frame, tiny_segmenter(pixels).mask)
    said = mask.metadata[METADATA][AXIS_READING]
    assert said == {"axis": 0, "length": 3, "read_as": "frames"}
    assert len(images(viewer)) == 1


def test_one_channel_behind_is_grey_without_a_question(
    widget: SegmentWidget,
    viewer: ViewerModel,
    qtbot: Any,
    tiny_segmenter: Segmenter,
) -> None:
    viewer.add_image(RGB[..., :1], name="grey", scale=(2, 3, 1))
    assert not asked(widget)
    run(widget, qtbot)
    image, mask = viewer.layers["grey · grey"], mask_of(viewer)
    np.testing.assert_array_equal(image.data, RGB[..., 0])
    np.testing.assert_array_equal(mask.data, tiny_segmenter(RGB[..., 0]).mask)
    assert list(mask.scale) == list(image.scale) == [2, 3]


@pytest.mark.parametrize(
    ("channels", "expected"),
    [(2, RGB[..., 0]), (3, RGB), (4, np.dstack([RGB, RGB[..., 0]]))],
)
def test_channels_behind_are_never_frames_of_two_columns(
    widget: SegmentWidget,
    viewer: ViewerModel,
    qtbot: Any,
    tiny_segmenter: Segmenter,
    channels: int,
    expected: np.ndarray,
) -> None:
    data = np.dstack([RGB, RGB[..., 0]])[..., :channels]
    viewer.add_image(data, name="a", rgb=False)
    run(widget, qtbot)
    assert f"axis 2 (of length {channels})" in widget.bar.error.text()
    choose(widget, 2)
    run(widget, qtbot)
    np.testing.assert_array_equal(
        mask_of(viewer).data, tiny_segmenter(np.ascontiguousarray(expected)).mask
    )


def test_what_the_file_calls_its_axes_is_heard(
    widget: SegmentWidget, viewer: ViewerModel, tmp_path: Path
) -> None:
    for axes, ask in (("TYX", False), ("CYX", True), ("ZYX", False)):
        path = tmp_path / f"{axes}.tif"
        imwrite(path, FIRST, imagej=True, metadata={"axes": axes})
        viewer.open(path, plugin="napari")
        assert asked(widget) is ask, axes


@pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")
def test_a_layer_that_is_turned_along_its_channels_is_refused(
    widget: SegmentWidget, viewer: ViewerModel, qtbot: Any
) -> None:
    viewer.add_image(FIRST, name="scan", rotate=(20, 30, 40))
    choose(widget, 2)
    run(widget, qtbot)
    assert "axis 0 of channels does not depend on other axes" in widget.bar.error.text()
    choose(widget, 1)  # as frames it can be turned
    run(widget, qtbot)
    assert mask_of(viewer).ndim == 3


def test_results_of_channels_are_opened_and_repeated(
    widget: SegmentWidget, viewer: ViewerModel, qtbot: Any, tmp_path: Path
) -> None:
    file = tmp_path / "scan.tif"
    imwrite(file, FIRST, photometric="minisblack")
    viewer.open(file, plugin="napari")
    choose(widget, 2)
    run(widget, qtbot)
    mask = mask_of(viewer)
    written = viewer.layers.save(str(tmp_path / "out"), plugin="napari-attnseg")
    (facts,) = (path for path in written if path.endswith(".json"))
    other = ViewerModel()
    image, *read = other.open(facts, plugin="napari-attnseg")
    assert image.rgb
    np.testing.assert_array_equal(image.data, RGB)
    np.testing.assert_array_equal(read[-1].data, mask.data)
    run_facts = json.loads(Path(facts).read_text())["provenance"]
    said: dict[str, Any] = {}
    text = reproduce.python_text(run_facts, widget.inputs.weights)
    assert "does not hold" not in text
    exec(text.replace("print(", "said.setdefault('text', "), {"said": said})
    assert said["text"] == "The same mask."
    # A command cannot be told what an axis is.
    command = reproduce.command_text(run_facts, widget.inputs.weights)
    assert "does not hold the pixels" in command.replace("\n# ", " ")


# -- files that napari decodes otherwise -----------------------------------------------


@pytest.fixture
def inks(tmp_path: Path) -> Path:
    path = tmp_path / "inks.jpg"
    Image.fromarray(RGB).convert("CMYK").save(path, quality=95)
    return path


def test_a_file_that_napari_decodes_otherwise_is_named(
    widget: SegmentWidget,
    viewer: ViewerModel,
    qtbot: Any,
    inks: Path,
    messages: list[str],
) -> None:
    questions = widget.inputs.questions
    viewer.open(inks, plugin="napari")
    assert "CMYK" in questions.file_note.text()
    assert questions.open_button.isVisibleTo(widget)
    run(widget, qtbot)
    assert any("CMYK" in message for message in messages)
    assert mask_of(viewer).metadata[METADATA][VIEWER_DECODING] == "cmyk"
    # An ordinary file says nothing.
    plain = inks.with_suffix(".png")
    Image.fromarray(RGB).save(plain)
    viewer.open(plain)
    assert not questions.open_button.isVisibleTo(widget)
    messages.clear()
    run(widget, qtbot)
    assert not any("reader" in message for message in messages)
    assert VIEWER_DECODING not in viewer.layers[-1].metadata[METADATA]


def test_opened_again_it_gives_the_mask_of_the_command(
    widget: SegmentWidget,
    viewer: ViewerModel,
    qtbot: Any,
    inks: Path,
    tiny_segmenter: Segmenter,
    messages: list[str],
) -> None:
    viewer.open(inks, plugin="napari")
    widget.inputs.questions.open_button.click()
    layer = viewer.layers[-1]
    np.testing.assert_array_equal(layer.data, read_image(inks))
    assert layer.rgb and widget.inputs.image is layer
    assert not widget.inputs.questions.open_button.isVisibleTo(widget)
    assert source_of(layer).file == str(inks)
    run(widget, qtbot)
    assert not messages
    mask = mask_of(viewer)
    np.testing.assert_array_equal(mask.data, tiny_segmenter(read_image(inks)).mask)
    said = mask.metadata[METADATA]
    assert VIEWER_DECODING not in said and said["source"] == str(inks)


def test_a_photo_to_be_turned_is_turned_when_it_is_opened_again(
    widget: SegmentWidget, viewer: ViewerModel, qtbot: Any, tmp_path: Path
) -> None:
    path, exif = tmp_path / "photo.png", Image.Exif()
    exif[ORIENTATION] = 6
    Image.fromarray(RGB).save(path, exif=exif)
    viewer.open(path, plugin="napari")
    run(widget, qtbot)
    said = mask_of(viewer).metadata[METADATA]
    assert (said[VIEWER_DECODING], said["orientation"]) == ("oriented", 1)
    widget.inputs.questions.open_button.click()
    np.testing.assert_array_equal(viewer.layers[-1].data, np.rot90(RGB, -1))
    run(widget, qtbot)
    said = viewer.layers[-1].metadata[METADATA]
    assert VIEWER_DECODING not in said and said["orientation"] == 6
    assert viewer.layers[-1].data.shape == (56, 40)


def test_a_file_that_is_gone_is_said(
    widget: SegmentWidget, viewer: ViewerModel, inks: Path, messages: list[str]
) -> None:
    viewer.open(inks, plugin="napari")
    inks.unlink()
    widget.inputs.questions.open_again()
    assert "not there any more" in messages[-1]
    assert len(viewer.layers) == 1


def test_the_file_menu_opens_images_as_the_command_reads_them(
    viewer: ViewerModel,
    inks: Path,
    monkeypatch: pytest.MonkeyPatch,
    messages: list[str],
) -> None:
    broken = inks.with_name("broken.png")
    broken.write_bytes(b"no picture")
    names = [str(inks), str(broken)]
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: (names, ""))
    (layer,) = open_images(viewer)  # type: ignore[arg-type]
    np.testing.assert_array_equal(layer.data, read_image(inks))
    assert layer.name == "inks" and "broken.png cannot be read" in messages[-1]


def test_napari_is_not_asked_about_ordinary_images() -> None:
    """It asks the user at every file whose name two plugins claim."""
    PluginManager.instance().discover()
    for name in ("a.png", "a.jpg", "a.tif", "a.tiff", "a.bmp", "a.webp", "a.gif"):
        readers = PluginManager.instance().iter_compatible_readers(name)
        assert {one.plugin_name for one in readers} == {"napari"}, name
