"""Colours that a user prefers: on the page, in new layers, in Inspect, remembered."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from napari import settings
from napari.components import ViewerModel
from npe2 import PluginManifest

from napari_attnseg import Segmenter
from napari_attnseg._widgets.base.intensity_box import IntensityBox
from napari_attnseg._widgets.base.model_cache import ModelCache
from napari_attnseg._widgets.inspect.whatif_layers import paint_layer
from napari_attnseg._widgets.inspect.widget import InspectWidget
from napari_attnseg._widgets.layers.display import add_layers
from napari_attnseg._widgets.layers.new_layers import new_layers
from napari_attnseg._widgets.layers.runs import find_results
from napari_attnseg._widgets.layers.source import source_of
from napari_attnseg._widgets.segment import SegmentWidget
from napari_attnseg.colormaps import GATE_MAPS, MASK_COLOURS


def colours() -> Any:
    """The group on our page."""
    return settings.get_plugin_settings("napari-attnseg").colours


def hexes(rgba: Any) -> list[str]:
    rows = np.round(np.atleast_2d(rgba)[:, :3] * 255).astype(int)
    return ["#" + "".join(f"{value:02x}" for value in row) for row in rows]


def stops(name: str) -> list[str]:
    return [colour for _, colour in GATE_MAPS[name].stops]


@pytest.fixture
def segment(viewer: ViewerModel, tiny_segmenter: Segmenter) -> Any:
    def add(name: str = "image") -> list[Any]:
        data = np.random.default_rng(0).integers(0, 255, (40, 48, 3), np.uint8)
        source = source_of(viewer.add_image(data, name=name, rgb=True))
        return add_layers(viewer, new_layers(source, [tiny_segmenter(data)]))

    return add


@pytest.mark.usefixtures("qtbot")
def test_the_page_offers_what_there_is() -> None:
    manifest = PluginManifest.from_distribution("napari-attnseg")
    offered = manifest.contributions.configurations["colours"].properties
    assert offered["gates"].enum == list(GATE_MAPS)
    assert offered["mask"].enum == list(MASK_COLOURS)
    start = manifest.contributions.configurations["segment"].properties["intensity"]
    box = IntensityBox()
    assert start.enum == [box.itemText(index) for index in range(box.count())]
    assert start.default == box.choice
    assert offered["gates"].default == next(iter(GATE_MAPS))
    assert offered["mask"].default == next(iter(MASK_COLOURS))


def test_new_layers_have_them(viewer: ViewerModel, segment: Any) -> None:
    before = segment("before")
    assert hexes(before[1].colormap.colors) == stops("blue to orange")
    assert hexes(before[-1].get_color(1)) == ["#00e5ff"]
    colours().gates, colours().mask = "blue to red", "yellow"
    after = segment("after")
    assert hexes(after[1].colormap.colors) == stops("blue to red")
    assert hexes(after[-1].get_color(1)) == ["#ffe000"]
    assert hexes(before[-1].get_color(1)) == ["#00e5ff"]  # what is there stays
    result, _ = find_results(viewer.layers)
    paint = paint_layer(result).options["colormap"]
    assert [paint[2], paint[1]] == [stops("blue to red")[i] for i in (0, -1)]


def test_inspect_has_them_and_the_published_style_its_own(
    viewer: ViewerModel, segment: Any, qtbot: Any
) -> None:
    gate = segment()[1]
    widget = InspectWidget(viewer)
    qtbot.addWidget(widget)
    colours().gates = "dark blue to yellow"
    widget.preset_box.setCurrentText("published style")
    red, _, blue, _ = gate.colormap.colors[0]
    assert red > 0.4 and blue < 0.1
    widget.preset_box.setCurrentText("all scales")
    assert hexes(gate.colormap.colors) == stops("dark blue to yellow")


def test_the_words_are_those_of_the_layer(
    viewer: ViewerModel, segment: Any, qtbot: Any
) -> None:
    segment("a")
    colours().gates = "purple to orange"
    segment("b")
    above = viewer.layers["b"]
    above.visible = False
    widget = SegmentWidget(viewer)
    qtbot.addWidget(widget)
    widget.gate_box.setCurrentText("1/8 of a")
    legend = widget.gate_legend
    assert (legend.low.text(), legend.high.text()) == (
        "blue: transformer",
        "orange: CNN",
    )
    assert legend.bar.isVisibleTo(widget)
    above.visible = True
    qtbot.waitUntil(lambda: widget.gate_box.findText("1/8 of b") > 0)
    widget.gate_box.setCurrentText("1/8 of b")
    assert legend.low.text() == "purple: transformer"
    viewer.layers["gate 1/8 · b"].colormap = "gray"
    widget.gate_box.activated.emit(widget.gate_box.currentIndex())
    assert (legend.low.text(), legend.high.text()) == ("0: transformer", "1: CNN")
    assert not legend.bar.isVisibleTo(widget)


def test_they_are_remembered() -> None:
    colours().gates, colours().mask = "blue to red", "black"
    settings._clear_plugin_settings_cache()  # napari is closed and opened again
    assert (colours().gates, colours().mask) == ("blue to red", "black")
    with pytest.raises(ValueError, match="not one of the allowed"):
        colours().mask = "invisible"


def test_a_run_computes_with_the_threads_that_are_preferred(
    tiny_weights: Path,
) -> None:
    before, models = torch.get_num_threads(), ModelCache()
    chosen = settings.get_plugin_settings("napari-attnseg").segment
    assert chosen.threads == 0
    try:
        for number in (3, 2):
            chosen.threads = number
            segmenter = models.load(tiny_weights, "cpu").segmenter
            result = segmenter(np.zeros((40, 48, 3), np.uint8))
            assert result.provenance["threads"] == number
    finally:
        torch.set_num_threads(before)
