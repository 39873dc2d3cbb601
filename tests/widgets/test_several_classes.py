"""A model of several classes in the viewer: every part of a result has them all."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from napari.components import ViewerModel
from npe2 import PluginManager

from napari_attnseg import Segmenter, explain
from napari_attnseg._widgets.inspect.clicked_mask import ClickedMask
from napari_attnseg._widgets.inspect.mask_editor import MaskEditor
from napari_attnseg._widgets.inspect.whatif_layers import change_layer, keep
from napari_attnseg._widgets.inspect.widget import InspectWidget
from napari_attnseg._widgets.layers.display import add_layers
from napari_attnseg._widgets.layers.metadata import METADATA
from napari_attnseg._widgets.layers.new_layers import new_layers
from napari_attnseg._widgets.layers.runs import find_results
from napari_attnseg._widgets.layers.source import source_of
from napari_attnseg._widgets.objects.measurement import run_task, task_of
from napari_attnseg.cards import ModelCard
from napari_attnseg.checkpoints import save_checkpoint
from napari_attnseg.corrections import Click
from napari_attnseg.corrections.of_model import corrector_of
from napari_attnseg.errors import InputError
from napari_attnseg.masks import MaskRules
from napari_attnseg.models.catalog import model_spec
from napari_attnseg.models.network import SegmentationNetwork
from napari_attnseg.spec import Preprocessing
from napari_attnseg.whatif import ForcedGates, WhatIf

#: More than nine, so that their numbers do not sort as text.
NAMES = tuple(f"part {letter}" for letter in "abcdefghijk")


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory: pytest.TempPathFactory) -> Segmenter:
    """Untrained, with a mask in which several classes win."""
    torch.manual_seed(3)
    spec = replace(model_spec("tiny"), classes=len(NAMES))
    card = ModelCard(spec=spec, preprocessing=Preprocessing(spec.size), classes=NAMES)
    path: Path = tmp_path_factory.mktemp("weights") / "several.safetensors"
    save_checkpoint(path, SegmentationNetwork(spec).state_dict(), card)
    found = Segmenter.from_checkpoint(path, "cpu")
    top = found(image()).probability.max(0)
    return replace(found, card=replace(found.card, threshold=float(np.median(top))))


def image(seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(0, 255, (40, 48, 3), np.uint8)


@pytest.fixture(params=[None, 2], ids=["one image", "stack"])
def added(request: Any, viewer: ViewerModel, segmenter: Segmenter) -> list[Any]:
    frames = request.param
    data = image() if frames is None else np.stack([image(i) for i in range(frames)])
    source = source_of(viewer.add_image(data, name="scan", rgb=True))
    results = [segmenter(source.frame(i), rgb=True) for i in range(frames or 1)]
    assert len(np.unique(results[0].mask)) > 2
    return add_layers(viewer, new_layers(source, results))


def test_saved_layers_open_as_they_were(
    viewer: ViewerModel, added: list[Any], tmp_path: Path
) -> None:
    PluginManager.instance().discover()
    viewer.layers.save(str(tmp_path / "out"), plugin="napari-attnseg")
    read = ViewerModel().open(tmp_path / "out", plugin="napari-attnseg")
    assert [layer.name for layer in read] == [layer.name for layer in added]
    for a, b in zip(read, added, strict=True):
        np.testing.assert_array_equal(a.data, b.data)
        assert a.metadata[METADATA] == b.metadata[METADATA]
    assert read[-1].features["class"].tolist() == ["background", *NAMES]


def test_the_mask_is_remade_and_known_to_be_unpainted(
    qtbot: Any, viewer: ViewerModel, added: list[Any]
) -> None:
    widget = InspectWidget(viewer)
    qtbot.addWidget(widget)
    assert all(name in widget.legend.text() for name in NAMES)
    editor = MaskEditor(widget.result)
    every = range(editor.frames)
    assert not editor.edited(every)
    before = added[-1].data.copy()
    size = editor.apply(MaskRules(0.0), 0)
    assert size.area == 40 * 48 and 0 not in editor.mask(0)
    editor.apply(replace(editor.own, largest=True, fill_holes=True), 0)
    assert editor.size(0).objects <= len(NAMES)
    assert not editor.edited(every)
    added[-1].data = before
    assert editor.edited(every)


def test_classes_keep_their_order_when_layers_are_moved(
    viewer: ViewerModel, added: list[Any]
) -> None:
    before = [layer.name for layer in find_results(viewer.layers)[0].probability]
    viewer.layers.move(viewer.layers.index(added[1]), 0)
    result = find_results(viewer.layers)[0]
    assert [layer.name for layer in result.probability] == before
    assert result.complete and not MaskEditor(result).edited(range(1))
    viewer.layers.remove(added[1])  # its mask cannot be made anew without it
    assert not find_results(viewer.layers)[0].complete


def test_what_if_counts_what_it_paints_and_names_what_it_keeps(
    viewer: ViewerModel, added: list[Any], segmenter: Segmenter
) -> None:
    (result,) = find_results(viewer.layers)
    what_if = WhatIf(segmenter, image(), rgb=True)
    change = what_if.change(ForcedGates(dict.fromkeys((4, 8, 16, 32), 1.0)))
    painted = change_layer(result, change, what_if.own, 0).data
    assert np.count_nonzero(painted == 1) == change.gained > 0
    assert np.count_nonzero(painted == 2) == change.lost
    *maps, mask = keep(result, change.result, 0)
    for name, layer in zip(NAMES, maps, strict=True):
        shown = layer.options["name"]
        assert shown.startswith("what if 1/32=1.00") and f" {name} · " in shown
    assert mask.options["features"]["class"] == ["background", *NAMES]


def test_a_click_is_of_one_class(
    viewer: ViewerModel, added: list[Any], segmenter: Segmenter
) -> None:
    (result,) = find_results(viewer.layers)
    frame = 1 if result.stacked else 0
    clicked = ClickedMask(result)
    encoded = segmenter.encode(image(frame), rgb=True)
    own = result.probabilities(frame)
    clicked.begin(corrector_of(segmenter, encoded, own), frame)
    before = clicked.mask(frame).copy()
    counts = np.bincount(before.ravel(), minlength=12)
    number = int(counts[1:].argmax()) + 1
    other = 1 if number != 1 else 2
    row, column = (int(x) for x in np.argwhere(before == number)[0])
    clicked.add(Click(row, column, False, number), frame)
    after = clicked.mask(frame).copy()
    assert after[row, column] == 0 and (before[after != before] == number).all()
    clicked.add(Click(row, column, True, other), frame)
    both = clicked.mask(frame)
    assert both[row, column] == other and (both[both != after] == other).all()
    made = result.mask.metadata[METADATA]["clicks"]["clicks"]
    assert [one["class_number"] for one in made] == [number, other]
    clicked.undo(frame, every=True)
    assert np.array_equal(clicked.mask(frame), before)


def test_objects_do_not_share_classes(viewer: ViewerModel, added: list[Any]) -> None:
    (result,) = find_results(viewer.layers)
    steps = run_task(task_of(result.mask, result, result.image))
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            measured = stop.value
            break
    assert len({record.value for record in measured.records}) > 1
    for record in measured.records:
        own = result.mask.data[measured.labels == record.label]
        assert (own == record.value).all()
        assert 0 < record.values["mean probability"] < 1


def test_explanations_are_refused_in_a_sentence(segmenter: Segmenter) -> None:
    with pytest.raises(InputError, match=f"one class, but this one has {len(NAMES)}"):
        explain(segmenter, image(), "entropy")
