"""Command of napari's File menu: open images in the same way as ``attnseg`` does."""

from __future__ import annotations

from typing import Any

import napari.viewer
from napari.utils.notifications import show_error
from qtpy.QtWidgets import QFileDialog

from napari_attnseg._widgets.layers.image_reader import image_layer
from napari_attnseg.errors import AttnSegError
from napari_attnseg.io.images import SUFFIXES


def open_images(viewer: napari.viewer.Viewer) -> list[Any]:
    """Ask for image files and add each; one that cannot be read is reported."""
    patterns = " ".join(f"*{suffix}" for suffix in SUFFIXES)
    names, _ = QFileDialog.getOpenFileNames(
        None, "Open images", "", f"Images ({patterns});;All files (*)"
    )
    added = []
    for name in names:
        try:
            added.append(viewer.add_layer(image_layer(name)))
        except AttnSegError as error:
            show_error(str(error))
    return added
