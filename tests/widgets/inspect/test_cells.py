"""Side by side in the Inspect widget: which cell holds what."""

from typing import Any

import numpy as np
import pytest
from inspecting import mask_of, shown
from napari.components import ViewerModel

from napari_attnseg._widgets.inspect.cells import CELL_NAME
from napari_attnseg._widgets.layers.metadata import METADATA


def cells(viewer: ViewerModel) -> dict[tuple[int, int], list[str]]:
    """What is in each cell, the lowest layer first."""
    layers, grid = viewer.layers, viewer.canvas.grid
    return {
        position: [layers[i].name.split(" · ")[0] for i in inside]
        for position, inside in grid.iter_viewboxes(layers)
    }


def test_cells_are_full_and_in_reading_order(
    viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment()
    more = viewer.add_points(np.ones((1, 2)), name="more", visible=False)
    grid = viewer.canvas.grid
    grid.stride, grid.shape = 2, (1, 5)
    widget = opened()
    widget.preset_box.setCurrentText("all scales")
    gates = ["gate 1/32", "gate 1/16", "gate 1/8", "gate 1/4"]
    mask = mask_of(viewer)
    expected = [["image", "mask"], *([gate] for gate in gates), ["probability"]]
    assert list(cells(viewer).values()) == expected
    assert mask.contour > 0  # an outline, over the image
    # What somebody shows and hides fits too.
    more.visible = True
    assert all(cells(viewer).values())
    assert mask.contour == 0 and ["mask"] in cells(viewer).values()
    more.visible = False
    for layer in viewer.layers:
        layer.visible = layer.visible and "1/4" not in layer.name
    assert all(cells(viewer).values())
    widget.preset_box.setCurrentText("overlay")
    assert (grid.stride, tuple(grid.shape)) == (2, (1, 5))


@pytest.mark.parametrize(
    "size",
    [(1030, 1184), (700, 620), (650, 1000), (400, 1500), (1400, 500), (300, 300)],
)
def test_the_first_cell_is_the_outlined_image_in_every_window(
    viewer: ViewerModel, opened: Any, segment: Any, size: tuple[int, int]
) -> None:
    segment()
    viewer.canvas.size = size
    widget = opened()
    for preset, others in (
        ("at a glance", ["gate 1/32", "gate 1/16"]),
        ("published style", ["gate 1/32", "gate 1/16", "gate 1/8", "gate 1/4"]),
        ("all scales", ["gate 1/32", "gate 1/16", "gate 1/8", "gate 1/4"]),
    ):
        widget.preset_box.setCurrentText(preset)
        last = [] if preset == "at a glance" else [["probability"]]
        assert list(cells(viewer).values()) == [
            ["image", "mask"],
            *([name] for name in others),
            *last,
        ]
        assert mask_of(viewer).contour > 0 and viewer.layers["image"].visible
        said = widget.preset_description.text()
        assert said.startswith("Side by side: the image with the outline of the mask")
        assert ("probability" in said) == bool(last)


def test_layers_are_arranged_while_there_are_no_cells(
    viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    """With cells, napari builds all of them anew for each layer: seconds."""
    segment()
    camera, grid = viewer.scene.camera, viewer.canvas.grid
    camera.center, camera.zoom = (0, 7, 9), 3.0
    widget = opened()
    costly: list[str] = []

    def see(event: Any) -> None:
        if grid.enabled:
            costly.append(event.source.name)

    for layer in viewer.layers:
        layer.events.visible.connect(see)
    for preset in ("at a glance", "published style", "all scales", "at a glance"):
        widget.preset_box.setCurrentText(preset)
        assert grid.enabled and widget.preset_box.currentText() == preset
    widget.preset_box.setCurrentText("overlay")
    assert costly == [] and not grid.enabled
    assert tuple(camera.center) == (0, 7, 9) and camera.zoom == 3.0


def test_closing_leaves_a_grid_that_was_there(
    viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment()
    viewer.canvas.grid.enabled = True
    widget = opened()
    widget.preset_box.setCurrentText("all scales")
    assert mask_of(viewer).contour == 0  # alone in a cell of theirs
    widget.life.end()
    assert viewer.canvas.grid.enabled and mask_of(viewer).contour > 0


def test_side_by_side_and_back_shows_what_was_shown(
    viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment()
    widget = opened()
    panel = widget.whatif_panel
    panel.painting.paint_button.click()
    viewer.layers["gate 1/8 · image"].visible = True
    before = shown(viewer)
    widget.toggle()
    widget.preset_box.setCurrentText("at a glance")
    assert "gate paint · image" not in shown(viewer)
    widget.toggle()
    assert shown(viewer) == before
    paint = viewer.layers["gate paint · image"]
    paint.visible = False
    panel.painting.paint_button.click()
    assert paint.visible and paint.mode == "paint"


def test_cells_say_first_what_tells_them_apart(
    viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment("an image with a name of many letters")
    names = {layer.unique_id: layer.name for layer in viewer.layers}
    for layer in viewer.layers:
        if layer.name.startswith("gate"):
            layer.metadata[METADATA]["pattern"] = "decorative"
    widget = opened()
    widget.toggle()
    beside = [layer.name for layer in viewer.layers][1:-1]  # without image and mask
    assert [name[:9] for name in beside[1:]] == [
        "gate 1/4 ",
        "gate 1/8 ",
        "gate 1/16",
        "gate 1/32",
    ]
    assert all("decorative" in name for name in beside[1:])
    assert max(map(len, beside)) <= CELL_NAME
    widget.toggle()
    assert names == {layer.unique_id: layer.name for layer in viewer.layers}


def test_thumbnails_stay_bright_after_side_by_side(
    viewer: ViewerModel, opened: Any, segment: Any
) -> None:
    segment()
    widget = opened()
    for preset in ("all scales", "at a glance", "published style"):
        widget.preset_box.setCurrentText(preset)
        widget.preset_box.setCurrentText("overlay")
        gates = [layer for layer in viewer.layers if layer.name.startswith("gate")]
        assert all(gate.opacity < 0.5 for gate in gates)
        assert min(gate.thumbnail[..., :3].max() for gate in gates) > 120
