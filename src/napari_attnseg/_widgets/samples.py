"""Sample images for napari's File ▸ Open Sample."""

from __future__ import annotations

from typing import Any

from napari_attnseg.sample_data import ATTRIBUTION, sample_image

LayerData = tuple[Any, dict[str, Any], str]


def _layers(name: str) -> list[LayerData]:
    meta = {"name": name, "rgb": True, "metadata": {"attribution": ATTRIBUTION}}
    return [(sample_image(name), meta, "image")]


def polyp() -> list[LayerData]:
    """One polyp."""
    return _layers("polyp")


def two_polyps() -> list[LayerData]:
    """Two small polyps."""
    return _layers("two-polyps")


def polyp_by_fold() -> list[LayerData]:
    """One polyp at the frame's upper border."""
    return _layers("polyp-by-fold")
