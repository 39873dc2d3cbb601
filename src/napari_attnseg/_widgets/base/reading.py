"""Questions about the chosen image layer: meaning of an axis, decoding of its file."""

from __future__ import annotations

from typing import Any

from napari.utils.notifications import show_error, show_warning
from qtpy.QtCore import Signal  # type: ignore[attr-defined]  # PyQt6's stubs
from qtpy.QtWidgets import QLabel, QPushButton, QWidget

from napari_attnseg._widgets.base.controls import (
    ChoiceBox,
    Form,
    set_tips,
    wrapped_label,
)
from napari_attnseg._widgets.layers.image_reader import image_layer
from napari_attnseg._widgets.layers.source import (
    decoding_of,
    file_of,
    finest,
    readings_of,
)
from napari_attnseg.axes import (
    AxisReading,
    ReadAs,
    describe_axes,
    doubtful_axes,
)
from napari_attnseg.errors import AttnSegError, InputError
from napari_attnseg.io.file_kinds import FileKind

CHOOSE_AXIS = "choose…"
OPEN_AGAIN = "Open as attnseg segment reads it"
#: What napari's own reader shows of a file of each kind.
SHOWS = {
    FileKind.CMYK: "a CMYK file, whose inks are shown as colours",
    FileKind.PALETTE: "an indexed file, whose indices are shown as grey values",
    FileKind.GREY_ALPHA: "grey with alpha, which is shown as a stack of columns",
    FileKind.MIN_IS_WHITE: "stored with 0 as white, and is shown inverted",
    FileKind.YCBCR: "stored as YCbCr, which is shown as RGB",
    FileKind.LAB: "stored as CIELAB, which is shown as RGB",
    FileKind.PLANAR: "stored channel by channel, and is shown as frames",
    FileKind.ORIENTED: "to be turned or mirrored, and is shown as it is stored",
    FileKind.COLOUR_16: "of 16 bits per colour, of which the upper 8 are shown",
    FileKind.COLOUR_PROFILE: "in colours of a profile or gamma other than sRGB's, "
    "which are shown as if they were sRGB",
}


class ReadingQuestions(QWidget):
    """Question about an axis of the image and note on its file, where needed.

    Parameters
    ----------
    viewer : napari.Viewer
        An image that is opened again is added to it.
    """

    #: The choice changed.
    changed = Signal()

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self._layer: Any = None
        #: Layer and shape → what the user chose, for as long as the widget lives.
        self._chosen: dict[tuple[str, tuple[int, ...]], AxisReading] = {}
        self._readings: tuple[AxisReading, ...] = ()
        self.axis_label = QLabel("Axis")
        self.axis_box = ChoiceBox()
        self.axis_note = wrapped_label()
        self.file_note = wrapped_label()
        self.open_button = QPushButton(OPEN_AGAIN)
        set_tips(
            {
                self.axis_box: "Whether this axis counts images (of a stack or a film) "
                "or the colours of one image.",
                self.open_button: "Add the file once more as a layer whose mask is the "
                "same in napari and on the command line.",
            }
        )
        form = Form(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow(self.axis_note)
        form.addRow(self.axis_label, self.axis_box)
        form.addRow(self.file_note)
        form.addRow(self.open_button)
        self.axis_box.activated.connect(self._choose)
        self.open_button.clicked.connect(self.open_again)
        self.show_layer(None)

    def show_layer(self, layer: Any) -> None:
        """Ask about an image layer if necessary; None hides the questions."""
        self._layer = layer
        self._readings = () if layer is None else readings_of(layer)
        self._ask_axis()
        kind = None if layer is None else decoding_of(layer)
        self.file_note.setText("" if kind is None else self._warning(kind))
        for widget in (self.file_note, self.open_button):
            widget.setVisible(kind is not None)
        self.setVisible(self._asks or kind is not None)

    @property
    def _asks(self) -> bool:
        """Whether the user has to choose: only one axis of one channel is certain."""
        known = len(self._readings) == 1 and self._readings[0].read_as is ReadAs.GREY
        return bool(self._readings) and not known

    @property
    def _key(self) -> tuple[str, tuple[int, ...]]:
        return str(self._layer.unique_id), tuple(finest(self._layer).shape)

    def reading(self) -> AxisReading | None:
        """Chosen reading of the image's axis; None if the axis is clear.

        Raises
        ------
        InputError
            If the user must choose, but has not chosen yet.
        """
        if not self._readings:
            return None
        if not self._asks:
            return self._readings[0]
        chosen = self._chosen.get(self._key)
        if chosen is None:
            _, shape = self._key
            axes = describe_axes(doubtful_axes(self._readings))
            raise InputError(
                f"Expected an image (Y, X) or a stack (T, Y, X), but {axes} of layer "
                f"{self._layer.name!r} (shape {shape}) may be channels or frames; "
                "choose under Axis what it is."
            )
        return chosen

    def warn(self) -> None:
        """Show a notification if the command would decode the image differently."""
        if self.file_note.text():
            show_warning(self.file_note.text())

    def open_again(self) -> None:
        """Add the file of the image once more, decoded as the command decodes it."""
        file = file_of(self._layer)
        if file is None:
            show_error("The file of this image is not there any more; open it again.")
            return
        try:
            self._viewer.add_layer(image_layer(file))
        except AttnSegError as error:
            show_error(str(error))

    def _warning(self, kind: FileKind) -> str:
        return (
            f"The file of {self._layer.name!r} is {SHOWS[kind]} by napari's reader: "
            f"attnseg segment would give another mask. Press “{OPEN_AGAIN}” and "
            "segment that layer."
        )

    def _ask_axis(self) -> None:
        self.axis_box.clear()
        for widget in (self.axis_note, self.axis_label, self.axis_box):
            widget.setVisible(self._asks)
        if not self._asks:
            return
        chosen = self._chosen.get(self._key)
        self.axis_box.addItem(CHOOSE_AXIS, None)
        for reading in self._readings:
            self.axis_box.addItem(_describe(reading, self._key[1]), reading)
            if reading == chosen:
                self.axis_box.setCurrentIndex(self.axis_box.count() - 1)
        axes = describe_axes(doubtful_axes(self._readings))
        self.axis_note.setText(f"It is not clear what {axes} is.")

    def _choose(self, index: int) -> None:
        reading = self.axis_box.itemData(index)
        if reading is None:
            self._chosen.pop(self._key, None)
        else:
            self._chosen[self._key] = reading
        self.changed.emit()


def _describe(reading: AxisReading, shape: tuple[int, ...]) -> str:
    """Text of a choice."""
    height, width = (n for i, n in enumerate(shape) if i != reading.axis)
    if reading.read_as is ReadAs.FRAMES:
        return f"{reading.length} frames of {height}×{width} pixels"
    what = "colour" if reading.read_as is ReadAs.COLOUR else "grey and alpha"
    where = "first" if reading.axis == 0 else "last"
    return f"one {height}×{width} image: {what} (the {where} axis)"
