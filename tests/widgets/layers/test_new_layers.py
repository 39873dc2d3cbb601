"""Layers lie over their source exactly, whatever its transform."""

from pathlib import Path
from typing import Any, ClassVar

import dask.array as da
import numpy as np
import pytest
from matplotlib.colors import to_hex
from napari.components import ViewerModel
from napari.layers import Image

from napari_attnseg._widgets.base.jobs import Failed, run
from napari_attnseg._widgets.base.model_cache import MODELS, ModelCache
from napari_attnseg._widgets.inspect.readout import read_out
from napari_attnseg._widgets.layers.classes import class_legend
from napari_attnseg._widgets.layers.display import add_layers
from napari_attnseg._widgets.layers.metadata import METADATA
from napari_attnseg._widgets.layers.new_layers import explanation_layer, new_layers
from napari_attnseg._widgets.layers.runs import find_results
from napari_attnseg._widgets.layers.source import source_of
from napari_attnseg.errors import InputError
from napari_attnseg.results import (
    GATE_LEGEND,
    NOT_MEASURED,
    AttentionMap,
    Explanation,
    PatternValue,
    Segmentation,
)

PLANE: dict[str, Any] = {
    "scale": (0.5, 2.0),
    "translate": (10, -7),
    "rotate": 30,
    "shear": [0.3],
    "affine": np.array([[1.1, 0.2, 3], [-0.1, 0.9, 4], [0, 0, 1]]),
    "units": ("mm", "mm"),
    "axis_labels": ("row", "column"),
}
STACK: dict[str, Any] = {
    "scale": (3.0, 0.5, 2.0),
    "translate": (100, 10, -7),
    "rotate": (20, 30, 40),
    "shear": [0.1, 0.2, 0.3],
    "affine": np.array(
        [[1, 0, 0, 5], [0, 1.1, 0.2, 3], [0, -0.1, 0.9, 4], [0, 0, 0, 1]]
    ),
    "units": ("s", "mm", "mm"),
    "axis_labels": ("t", "row", "column"),
}


def drain(generator: Any) -> Any:
    """What a worker does: run to the end and take what is returned."""
    while True:
        try:
            next(generator)
        except StopIteration as stop:
            return stop.value


def segmented(layer: Image, weights: Path) -> list[Any]:
    viewer = ViewerModel()
    viewer.add_layer(layer)
    done = drain(run(source_of(layer), weights, "cpu", MODELS))
    return add_layers(viewer, new_layers(done.source, done.results))


def corners(layer: Any) -> np.ndarray:
    """World coordinates of the data's outer corners, pixel edges included."""
    shape = np.array(layer.data.shape[: layer.ndim])
    found = []
    for corner in np.ndindex(*(2,) * layer.ndim):
        # The leading axis of a stack is compared at its frames' centres.
        edge = np.array(corner) * shape - 0.5
        if layer.ndim == 3:
            edge[0] = corner[0] * (shape[0] - 1)
        found.append(layer.data_to_world(edge))
    return np.array(found)


# napari's word on stacks that are rotated out of the displayed plane.
@pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")
@pytest.mark.parametrize("rgb", [False, True])
@pytest.mark.parametrize("frames", [None, 3])
def test_every_layer_covers_its_source_in_the_world(
    tiny_weights: Path, rgb: bool, frames: int | None
) -> None:
    shape = ((frames,) if frames else ()) + (50, 70) + ((3,) if rgb else ())
    data = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
    layer = Image(data, name="source", rgb=rgb, **(STACK if frames else PLANE))
    added = segmented(layer, tiny_weights)
    assert len(added) == 6
    for result in added:
        np.testing.assert_allclose(corners(result), corners(layer), atol=1e-9)
        assert result.units == layer.units
        assert result.axis_labels == layer.axis_labels
        assert result.ndim == layer.ndim


def test_layers_are_what_the_names_say(tiny_weights: Path) -> None:
    data = np.random.default_rng(0).integers(0, 255, (50, 70), dtype=np.uint8)
    *images, mask = segmented(Image(data, name="scan"), tiny_weights)
    assert [layer.name for layer in images] == [
        "probability · scan",
        *(f"gate 1/{s} · scan" for s in (4, 8, 16, 32)),
    ]
    assert mask.name == "mask · scan" and mask.visible and mask.contour > 0
    assert mask.data.dtype == np.uint8 and mask.data.shape == (50, 70)
    for layer in images:
        assert not layer.visible
        assert layer.contrast_limits == [0, 1]
        assert layer.colorbar.visible
    for layer, side in zip(images[1:], (16, 8, 4, 2), strict=True):
        assert layer.data.shape == (side, side)
        middle = layer.colormap.map(np.array([0.5]))[0]
        assert np.ptp(middle[:3]) < 0.01 and middle[0] > 0.9  # white: both alike
        facts = layer.metadata[METADATA]
        assert facts["shows"] == GATE_LEGEND and facts["0"] == "transformer"
    ends = images[1].colormap.map(np.array([0.0, 1.0]))
    assert ends[0, 2] > ends[0, 0] and ends[1, 0] > ends[1, 2]  # blue, orange
    assert mask.metadata[METADATA]["source"] == "scan"


def test_several_classes_have_names_and_colours() -> None:
    probability = np.zeros((3, 6, 8), np.float32)
    probability[0, :2], probability[1, 2:4], probability[2, 4:, :4] = 0.9, 0.8, 0.7
    mask = np.where(probability.max(0) > 0.5, probability.argmax(0) + 1, 0)
    facts = {"classes": ["ventricle", "muscle", "atrium"], "threshold": 0.5}
    result = Segmentation(mask.astype(np.uint8), probability, (), facts)
    layer = Image(np.zeros((6, 8)), name="scan", scale=(2, 2))
    viewer = ViewerModel()
    viewer.add_layer(layer)
    added = add_layers(viewer, new_layers(source_of(layer), [result]))
    *maps, labels = added
    assert [m.name for m in maps] == [
        "probability ventricle · scan",
        "probability muscle · scan",
        "probability atrium · scan",
    ]
    colours = labels.colormap.map(np.array([1, 2, 3]))
    assert len(np.unique(colours, axis=0)) == 3 and (colours[:, 3] == 1).all()
    assert labels.colormap.map(np.array([0]))[0, 3] == 0
    # What napari says in its status bar where the pointer is.
    assert "muscle" in str(labels.get_status((4, 4), world=True))
    assert "atrium" in str(labels.get_status((10, 4), world=True))
    legend = class_legend(facts["classes"])
    shown = [to_hex(colour) for colour in colours]
    assert [line[line.index("#") :][:7] for line in legend.split("<br>")] == shown
    said = read_out(find_results(viewer.layers)[0], (4, 4))
    assert "probability of muscle 0.80" in said and "in the mask of muscle" in said


@pytest.mark.parametrize(
    "make",
    {
        "rgba": lambda d: Image(np.dstack([d, d, d, d]), rgb=True),
        "uint16": lambda d: Image(d.astype(np.uint16) * 200),
        "float": lambda d: Image(d / 255),
        "negative float": lambda d: Image(d.astype(np.float32) - 100),
        "bool": lambda d: Image(d > 100),
        "dask": lambda d: Image(da.from_array(d, chunks=20)),
        "dask stack": lambda d: Image(da.stack([da.from_array(d)] * 2)),
        "multiscale": lambda d: Image([d, d[::2, ::2]], multiscale=True),
        "rgb multiscale": lambda d: Image(
            [np.dstack([d] * 3), np.dstack([d[::2, ::2]] * 3)],
            multiscale=True,
            rgb=True,
        ),
        # Three columns that napari must not, and does not, take for colours.
        "three columns": lambda d: Image(d[:20, :3]),
    }.items(),
    ids=lambda pair: pair[0],
)
def test_every_kind_of_image_layer_works(tiny_weights: Path, make: Any) -> None:
    data = np.random.default_rng(0).integers(0, 255, (48, 64), dtype=np.uint8)
    layer = make[1](data)
    *_, mask = segmented(layer, tiny_weights)
    shape = layer.data[0].shape if layer.multiscale else layer.data.shape
    assert mask.data.shape == tuple(shape[: layer.ndim])


def test_a_gate_says_what_was_measured_of_it_and_what_is_no_reason_is_dimmed() -> None:
    values = np.full((2, 2), 0.5, np.float32)
    gates = (
        AttentionMap(
            values,
            4,
            (4, 4),
            finding="1/4: decorative.",
            pattern=PatternValue.DECORATIVE,
        ),
        AttentionMap(values, 8, (4, 4)),
        AttentionMap(
            values, 16, (4, 4), finding="1/16: used.", pattern=PatternValue.MATTERS
        ),
    )
    empty = np.zeros((8, 8), np.uint8)
    result = Segmentation(empty, empty[None].astype(np.float32), gates)
    viewer = ViewerModel()
    layer = viewer.add_image(np.zeros((8, 8)), name="a")
    _, dim, plain, used, _ = add_layers(viewer, new_layers(source_of(layer), [result]))
    assert dim.metadata[METADATA]["finding"] == "1/4: decorative."
    assert plain.metadata[METADATA]["finding"] == NOT_MEASURED
    assert dim.opacity == plain.opacity < used.opacity
    # The same map, asked for by Explain.
    for gate, layer in zip(gates, (dim, plain, used), strict=True):
        found = Explanation(
            "gate",
            gate.level,
            values,
            (4, 4),
            "gate",
            "",
            "",
            "",
            {},
            pattern=gate.pattern,
        )
        (again,) = add_layers(
            viewer, [explanation_layer(source_of(viewer.layers["a"]), found, 0)]
        )
        assert again.opacity == layer.opacity


def test_a_stack_is_its_frames(tiny_weights: Path) -> None:
    data = np.random.default_rng(0).integers(0, 255, (3, 48, 64), dtype=np.uint8)
    stacked = segmented(Image(data), tiny_weights)
    assert [layer.data.dtype for layer in stacked] == [np.float16] * 5 + [np.uint8]
    for i in range(3):
        alone = segmented(Image(data[i]), tiny_weights)
        for whole, part in zip(stacked, alone, strict=True):
            np.testing.assert_allclose(whole.data[i], part.data, atol=1e-3)


def test_only_the_frame_asked_for_is_computed() -> None:
    computed = []

    def frame(block_info: Any) -> np.ndarray:
        computed.append(block_info[None]["chunk-location"][0])
        return np.zeros((1, 8, 8), np.uint8)

    lazy = da.map_blocks(frame, chunks=((1,) * 5, (8,), (8,)), dtype=np.uint8)
    computed.clear()

    class Lazy:
        """An image layer's words without napari's own look at the data."""

        name, data, rgb, multiscale, ndim = "lazy", lazy, False, False, 3
        unique_id = "lazy"
        scale = translate = np.ones(3)
        rotate = np.eye(3)
        shear = np.zeros(3)
        units = axis_labels = ("a", "b", "c")
        metadata: ClassVar[dict] = {}

        class source:  # noqa: N801
            sample = path = None

        class affine:  # noqa: N801
            affine_matrix = np.eye(4)

    source_of(Lazy).frame(3)
    assert computed == [3]


@pytest.mark.parametrize(
    ("data", "rgb", "words"),
    [
        (np.zeros((2, 3, 20, 20)), False, "4 axes"),
        (np.zeros((2, 3, 20, 20, 3), np.uint8), True, "4 axes"),
        (np.zeros((1, 20)), False, "2×2 pixels"),
    ],
)
def test_what_cannot_work_is_refused_before_the_run(
    data: np.ndarray, rgb: bool, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        source_of(Image(data, rgb=rgb))


def test_a_bad_frame_is_named(tiny_weights: Path) -> None:
    data = np.zeros((3, 20, 20), np.float32)
    data[1, 0, 0] = np.nan
    failed = drain(run(source_of(Image(data)), tiny_weights, "cpu", MODELS))
    assert isinstance(failed, Failed)
    assert failed.message.startswith("Slice 1: ") and "NaN" in failed.message


def test_weights_are_loaded_once_and_again_when_the_file_changes(
    tiny_weights: Path, tmp_path: Path, models: ModelCache
) -> None:
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(tiny_weights.read_bytes())
    source = source_of(Image(np.zeros((20, 20), np.uint8)))
    first = drain(run(source, weights, "cpu", models)).model
    second = drain(run(source, weights, "cpu", models)).model
    assert second is first
    weights.write_bytes(tiny_weights.read_bytes())
    import os

    os.utime(weights, (1, 1))
    assert drain(run(source, weights, "cpu", models)).model is not first
