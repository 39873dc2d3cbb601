"""Segment medical images, and see which encoder each attention gate used where.

Importing this package loads neither torch nor Qt; its names are loaded when used.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_attnseg.explanations import explain
    from napari_attnseg.inference import Segmenter
    from napari_attnseg.models.catalog import list_models
    from napari_attnseg.results import Segmentation

__all__ = ["Segmentation", "Segmenter", "__version__", "explain", "list_models"]

try:
    __version__ = version("napari-attnseg")
except PackageNotFoundError:  # run from a source tree that is not installed
    __version__ = "0+source"

_HOMES = {
    "Segmenter": "napari_attnseg.inference",
    "explain": "napari_attnseg.explanations",
    "Segmentation": "napari_attnseg.results",
    "list_models": "napari_attnseg.models.catalog",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
