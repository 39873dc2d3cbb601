"""Layers to files and back, through napari's own reading and writing."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image as ImageLayer
from napari.layers import Labels
from npe2 import PluginManager
from PIL import Image
from typer.testing import CliRunner

from napari_attnseg._widgets.base.jobs import run
from napari_attnseg._widgets.base.model_cache import MODELS
from napari_attnseg._widgets.layers import reader
from napari_attnseg._widgets.layers.display import add_layers
from napari_attnseg._widgets.layers.metadata import METADATA, record_of
from napari_attnseg._widgets.layers.new_layers import new_layers
from napari_attnseg._widgets.layers.source import source_of
from napari_attnseg.cli import app
from napari_attnseg.errors import InputError
from napari_attnseg.sample_data import sample_image

PLUGIN = "napari-attnseg"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photos" / "polyp.png"
    path.parent.mkdir()
    Image.fromarray(sample_image("polyp")).save(path)
    return path


@pytest.fixture(autouse=True)
def plugins() -> None:
    """A ViewerModel does not look for plugins, as a window does."""
    PluginManager.instance().discover()


def segment(viewer: ViewerModel, layer: Any, weights: Path) -> list[Any]:
    steps = run(source_of(layer), weights, "cpu", MODELS)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            done = stop.value
            return add_layers(viewer, new_layers(done.source, done.results))


def looks(layer: Any) -> dict[str, Any]:
    """All that a user sees of a layer, and what it says of itself."""
    found = {
        "name": layer.name,
        "visible": layer.visible,
        "opacity": layer.opacity,
        "blending": layer.blending,
        "units": layer.units,
        "axis_labels": layer.axis_labels,
        "metadata": layer.metadata[METADATA],
    }
    if isinstance(layer, ImageLayer):
        found |= {
            "colormap": layer.colormap.name,
            "colours": layer.colormap.colors.tolist(),
            "limits": tuple(layer.contrast_limits),
            "interpolation": layer.interpolation2d,
            "colorbar": layer.colorbar.visible,
        }
    else:
        found |= {"contour": layer.contour, "colour": layer.get_color(1).tolist()}
    return found


def assert_alike(read: list[Any], made: list[Any]) -> None:
    for a, b in zip(read, made, strict=True):
        np.testing.assert_array_equal(a.data, b.data)
        assert a.data.dtype == b.data.dtype
        assert looks(a) == looks(b)
        ends = np.array([np.zeros(a.ndim), np.array(a.data.shape[: a.ndim])])
        for end in ends:
            np.testing.assert_allclose(
                a.data_to_world(end), b.data_to_world(end), atol=1e-9
            )


def test_one_provenance_from_window_and_command(
    viewer: ViewerModel, photo: Path, tmp_path: Path, tiny_weights: Path
) -> None:
    (image,) = viewer.open(photo)
    *_, mask = segment(viewer, image, tiny_weights)
    out = tmp_path / "out"
    where = ["--out", str(out), "--weights", str(tiny_weights), "--device", "cpu"]
    CliRunner().invoke(app, ["segment", str(photo), *where], catch_exceptions=False)
    said = json.loads((out / "polyp.json").read_text())["provenance"]
    shown = dict(mask.metadata[METADATA])
    assert shown.pop("part") == "mask"
    # The command's own key, by which it knows what it need not do again.
    assert set(shown) == set(said) - {"settings_sha256"}
    for key in set(shown) - {"date"}:
        assert shown[key] == said[key], key
    assert said["source"] == str(photo)


def test_what_the_command_wrote_opens_as_what_the_widget_makes(
    viewer: ViewerModel, photo: Path, tmp_path: Path, tiny_weights: Path
) -> None:
    out = tmp_path / "out"
    where = ["--out", str(out), "--weights", str(tiny_weights), "--device", "cpu"]
    CliRunner().invoke(app, ["segment", str(photo), *where], catch_exceptions=False)
    image, *read = viewer.open(out, plugin=PLUGIN)
    np.testing.assert_array_equal(image.data, sample_image("polyp"))
    assert image.rgb and image.name == "polyp"
    # The image is again one to segment, and again known to come from its file.
    other = ViewerModel()
    made = segment(other, other.add_layer(image), tiny_weights)
    for layer in made:
        layer.metadata[METADATA]["date"] = read[0].metadata[METADATA]["date"]
    assert_alike(read, made)


@pytest.mark.parametrize("frames", [None, 1, 3])
@pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")
def test_saved_layers_open_as_they_were(
    viewer: ViewerModel, tmp_path: Path, tiny_weights: Path, frames: int | None
) -> None:
    shape = (50, 70) if frames is None else (frames, 50, 70)
    n = len(shape)
    data = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
    image = viewer.add_image(
        data,
        name="day 1/scan",
        scale=[3.0, 0.5, 2.0][-n:],
        translate=[100, 10, -7][-n:],
        rotate=30 if n == 2 else (20, 30, 40),
        shear=[0.3] if n == 2 else [0.1, 0.2, 0.3],
        units=("s", "mm", "mm")[-n:],
        axis_labels=("t", "row", "column")[-n:],
    )
    made = segment(viewer, image, tiny_weights)
    viewer.add_points([[1] * n])
    made[-1].data[..., :9, :9] ^= 1  # an edited mask is saved as it is
    out = tmp_path / "out"
    written = viewer.layers.save(str(out), plugin=PLUGIN)
    (facts,) = (path for path in written if path.endswith(".json"))
    assert Path(facts).name == "day_1_scan.json"
    assert json.loads(Path(facts).read_text())["mask_edited"] is True
    other = ViewerModel()
    assert_alike(other.open(facts, plugin=PLUGIN), made)


def test_saving_says_what_is_missing(
    viewer: ViewerModel, tmp_path: Path, tiny_weights: Path
) -> None:
    image = viewer.add_image(np.zeros((20, 30)), name="a")
    with pytest.raises(InputError, match="none among these"):
        viewer.layers.save(str(tmp_path / "out"), plugin=PLUGIN)
    probability, *_, mask = segment(viewer, image, tiny_weights)
    viewer.add_layer(Labels(mask.data, name="copy", metadata=mask.metadata))
    with pytest.raises(InputError, match="'mask · a' and 'copy' are the same"):
        viewer.layers.save(str(tmp_path / "out"), plugin=PLUGIN)
    viewer.layers.remove("copy")
    viewer.layers.remove(probability)
    with pytest.raises(InputError, match="mask and probability together"):
        viewer.layers.save(str(tmp_path / "out"), plugin=PLUGIN)
    assert not (tmp_path / "out").exists()


def test_napari_saves_folders_as_before(viewer: ViewerModel) -> None:
    """Our writer is offered, and never taken unless it is chosen."""
    manager = PluginManager.instance()
    for kinds in (["image"], ["image", "labels"], ["image", "points"]):
        writer, _ = manager.get_writer("folder", kinds)
        assert writer is not None and writer.plugin_name == "napari"
    writer, _ = manager.get_writer("folder", ["image", "labels"], PLUGIN)
    assert writer is not None and writer.plugin_name == PLUGIN


def test_an_image_that_changed_is_left_out(
    viewer: ViewerModel,
    photo: Path,
    tmp_path: Path,
    tiny_weights: Path,
    messages: list[str],
) -> None:
    (image,) = viewer.open(photo)
    segment(viewer, image, tiny_weights)
    viewer.layers.save(str(tmp_path / "out"), plugin=PLUGIN)
    Image.fromarray(sample_image("two-polyps")).save(photo)
    other = ViewerModel()
    assert len(other.open(tmp_path / "out", plugin=PLUGIN)) == 6
    assert "does not hold the pixels" in messages[-1]


@pytest.mark.parametrize("moved", ["with its results", "away and back"])
def test_saving_an_opened_result_keeps_the_link_to_a_moved_image(
    viewer: ViewerModel, photo: Path, tmp_path: Path, tiny_weights: Path, moved: str
) -> None:
    (image,) = viewer.open(photo)
    segment(viewer, image, tiny_weights)
    viewer.layers.save(str(photo.parent / "out"), plugin=PLUGIN)
    elsewhere = tmp_path / "elsewhere"
    if moved == "with its results":
        photo.parent.rename(elsewhere)
        opened = elsewhere / "out"
    else:
        elsewhere.mkdir()
        photo.rename(elsewhere / photo.name)
        opened = photo.parent / "out"
    other = ViewerModel()
    other.open(opened, plugin=PLUGIN)
    written = other.layers.save(str(opened.parent / "again"), plugin=PLUGIN)
    if moved == "away and back":
        (elsewhere / photo.name).rename(photo)
    (facts,) = (path for path in written if path.endswith(".json"))
    assert json.loads(Path(facts).read_text())["provenance"]["source"] == str(photo)
    image, *_ = ViewerModel().open(facts, plugin=PLUGIN)
    np.testing.assert_array_equal(image.data, sample_image("polyp"))


def test_what_attnseg_explain_writes_opens_over_its_image(
    viewer: ViewerModel, photo: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    out = tmp_path / "explained"
    options = ["--weights", str(tiny_weights), "--out", str(out)]
    method = ["--method", "gate", "--level", "all"]
    done = CliRunner().invoke(app, ["explain", str(photo), *options, *method])
    assert done.exit_code == 0, done.output
    for path in (out, out / "polyp_gate.json"):
        viewer.layers.clear()
        image, *maps = viewer.open(path, plugin=PLUGIN)
        assert (image.data == sample_image("polyp")).all()
        assert [layer.visible for layer in maps] == [False, False, False, True]
        assert [layer.name for layer in maps] == [
            f"gate {level} · polyp" for level in ("1/4", "1/8", "1/16", "1/32")
        ]
        record = record_of(maps[-1])
        assert record is not None and record.explanation == "gate"
        assert record.image.layer_id == str(image.unique_id)
        for layer in maps:
            # World extents are of pixel centres: half a pixel more is the border.
            low, high = layer.extent.world
            assert np.allclose(low - layer.scale / 2, -0.5)
            assert np.allclose(high + layer.scale / 2 + 0.5, image.data.shape[:2])


def test_an_explanation_of_another_image_leaves_it_out(
    viewer: ViewerModel,
    messages: list[str],
    photo: Path,
    tiny_weights: Path,
    tmp_path: Path,
) -> None:
    options = ["--weights", str(tiny_weights), "--out", str(tmp_path)]
    found = CliRunner().invoke(
        app, ["explain", str(photo), *options, "--method", "gate"]
    )
    assert found.exit_code == 0, found.output
    Image.fromarray(sample_image("two-polyps")).save(photo)
    layers = viewer.open(tmp_path / "polyp_gate.json", plugin=PLUGIN)
    assert "does not hold the pixels" in messages[-1]
    assert all(record_of(layer) is not None for layer in layers)


@pytest.mark.parametrize("by_command", [True, False])
def test_results_of_a_photo_that_is_to_be_turned_lie_on_what_was_segmented(
    tmp_path: Path, tiny_weights: Path, by_command: bool
) -> None:
    file, exif, out = tmp_path / "turned.png", Image.Exif(), tmp_path / "out"
    exif[274] = 6
    pixels = sample_image("polyp")[:200, :300]
    Image.fromarray(pixels).save(file, exif=exif)
    viewer = ViewerModel()
    if by_command:
        arguments = ["segment", file, "--out", out, "--weights", tiny_weights]
        done = CliRunner().invoke(app, [str(a) for a in arguments])
        assert done.exit_code == 0, done.output
    else:
        (layer,) = viewer.open(str(file), plugin="napari")
        assert layer.data.shape == (200, 300, 3)  # napari does not turn it
        segment(viewer, layer, tiny_weights)
        viewer.layers.save(str(out), plugin=PLUGIN)
    image, *results = ViewerModel().open(str(out), plugin=PLUGIN)
    wanted = np.rot90(pixels, -1) if by_command else pixels
    np.testing.assert_array_equal(image.data, wanted)
    assert any(layer.data.shape == wanted.shape[:2] for layer in results)


def test_a_mask_that_an_editor_saved_softly_opens_with_a_warning(
    viewer: ViewerModel,
    photo: Path,
    tiny_weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out, told = tmp_path / "out", list[str]()
    words = ["segment", str(photo), "--out", str(out), "--weights", str(tiny_weights)]
    assert CliRunner().invoke(app, words).exit_code == 0
    file = out / "polyp_mask.png"
    mask = np.zeros(np.asarray(Image.open(file)).shape, np.uint8)
    mask[40:200, 60:220] = 255
    soft = Image.fromarray(mask).reduce(4).resize(mask.shape[::-1])
    soft.save(file)
    monkeypatch.setattr(reader, "show_warning", told.append)
    layers = reader.read(str(out / "polyp.json"))
    (labels,) = [one for one in layers if isinstance(one, Labels)]
    np.testing.assert_array_equal(labels.data, np.asarray(soft) > 127)
    assert len(told) == 1 and "polyp_mask.png has soft edges" in told[0]
