"""Putting layers into a viewer, and the demo's window."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import napari.layers
from napari.utils import Colormap, DirectLabelColormap

from napari_attnseg._widgets.layers import (
    GATE_COLOURS,
    NewLayer,
    gate_colormap,
    new_layers,
    source_of,
)
from napari_attnseg.results import Segmentation


def add_layers(viewer: Any, layers: Iterable[NewLayer]) -> list[Any]:
    """Add layers in order; returns them."""
    added = []
    for new in layers:
        options = dict(new.options)
        if options.get("colormap") == GATE_COLOURS:
            options["colormap"] = Colormap(**gate_colormap())
        elif new.kind == "Labels" and "colormap" in options:
            options["colormap"] = DirectLabelColormap(color_dict=options["colormap"])
        layer = getattr(napari.layers, new.kind)(new.data, **options)
        if new.contour:
            layer.contour = new.contour
        viewer.add_layer(layer)
        if new.colorbar:
            layer.colorbar.visible = True
        added.append(layer)
    return added


def show(image: Any, result: Segmentation, name: str) -> None:
    """Open napari with an image and its result, and wait until it is closed."""
    viewer = napari.Viewer(title="AttnSeg demo")
    layer = viewer.add_image(image, name=name, rgb=True)
    add_layers(viewer, new_layers(source_of(layer), [result]))
    viewer.layers.selection.active = layer
    viewer.window.add_plugin_dock_widget("napari-attnseg", "Segment")
    napari.run()
