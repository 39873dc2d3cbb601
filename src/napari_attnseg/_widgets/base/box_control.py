"""The control "Only inside a drawn box"."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Signal  # type: ignore[attr-defined]  # PyQt6's stubs
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QPushButton, QWidget

from napari_attnseg._widgets.base.controls import set_tips
from napari_attnseg._widgets.base.lifetime import Lifetime
from napari_attnseg._widgets.layers.drawn_box import (
    box_layer,
    draw_box,
    drawn_box,
    mark_last,
    stop_drawing,
    why_no_box,
)
from napari_attnseg._widgets.layers.source import Source
from napari_attnseg.boxes import Box


class BoxControl(QWidget):
    """Choice to segment only a rectangle, and a button to draw it.

    Parameters
    ----------
    viewer : napari.Viewer
        The rectangle is a shape in a layer of its own.
    life : Lifetime
        Ends the drawing.
    """

    #: The switch was moved, or a box was drawn, changed or removed.
    changed = Signal()

    def __init__(self, viewer: Any, life: Lifetime) -> None:
        super().__init__()
        self._viewer = viewer
        self._image: Any = None
        self._watched: Any = None
        self.switch = QCheckBox("Only inside a drawn box")
        self.draw_button = QPushButton("Draw the box")
        set_tips(
            {
                self.switch: "Segment only a rectangle of the image, at the network's "
                "full resolution, as if the image were cropped to it. The result says "
                "nothing about what lies outside it.",
                self.draw_button: "Drag a rectangle on the image; the last one that is "
                "drawn counts, earlier ones turn grey. It can be moved and resized "
                "like any shape.",
            }
        )
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.switch)
        layout.addWidget(self.draw_button)
        layout.addStretch()
        self.draw_button.clicked.connect(self.draw)
        self.switch.toggled.connect(self._switched)
        self.follow(None)
        life.at_end.append(self._end)

    def follow(self, image: Any) -> None:
        """Set the image on which the box is drawn; None if there is no image."""
        if image is not self._image:
            stop_drawing(self._viewer.layers, self._image)
        self._image = image
        self._watch(box_layer(self._viewer.layers, image))
        self.switch.setEnabled(image is not None)
        self.draw_button.setVisible(self.switch.isChecked())
        self.draw_button.setEnabled(image is not None)

    def draw(self) -> None:
        """Start drawing a rectangle on the chosen image."""
        if self._image is not None:
            self._watch(draw_box(self._viewer, self._image))

    @property
    def why(self) -> str:
        """Sentence on the box that is missing or too small; empty if none is."""
        if not self.switch.isChecked():
            return ""
        return why_no_box(self._viewer.layers, self._image)

    def box(self, source: Source) -> Box | None:
        """The drawn box; None if the whole image is to be segmented.

        Raises
        ------
        InputError
            If nothing was drawn, or what was drawn cannot be used.
        """
        if not self.switch.isChecked():
            return None
        found = drawn_box(self._viewer.layers, self._image, source)
        stop_drawing(self._viewer.layers, self._image)
        return found

    def _switched(self, on: bool) -> None:
        self.follow(self._image)
        layer = box_layer(self._viewer.layers, self._image)
        if layer is not None:
            layer.visible = on
        elif on:
            self.draw()
        if not on:
            stop_drawing(self._viewer.layers, self._image)
        self.changed.emit()

    def _watch(self, layer: Any) -> None:
        """Follow what is drawn in this layer, and no longer in another."""
        if layer is not self._watched:
            if self._watched is not None:
                self._watched.events.data.disconnect(self._drawn)
            if layer is not None:
                layer.events.data.connect(self._drawn)
            self._watched = layer

    def _drawn(self, event: Any = None) -> None:
        mark_last(self._watched)
        self.changed.emit()

    def _end(self) -> None:
        """Leave nothing on the canvas that waits for the pointer."""
        self._watch(None)
        stop_drawing(self._viewer.layers, self._image)
