"""Layers that the Inspect widget finds."""

from typing import Any

from napari.components import ViewerModel


def mask_of(viewer: ViewerModel, name: str = "image") -> Any:
    return viewer.layers[f"mask · {name}"]


def shown(viewer: ViewerModel) -> list[str]:
    return [layer.name.split(" (")[0] for layer in viewer.layers if layer.visible]
