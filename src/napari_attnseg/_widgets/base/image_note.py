"""Notes on an image before it is segmented. No Qt, no torch."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_attnseg._widgets.layers.source import Source, file_of
from napari_attnseg.axes import AxisReading, ReadAs
from napari_attnseg.canvas import CANVAS_WORDS, mostly_canvas
from napari_attnseg.cards import ImageColours, ModelCard
from napari_attnseg.io.other_pictures import OTHER_PICTURES_WORDS, other_pictures

GREY_IMAGE = (
    "This image is grey, and these weights learned from colour images only: the mask "
    "may be wrong."
)
COLOUR_IMAGE = (
    "This image is in colour, and these weights learned from grey images only: the "
    "mask may be wrong."
)


def image_note(layer: Any, reading: AxisReading | None, card: ModelCard | None) -> str:
    """Notes on an image layer before a run; empty if there are none.

    Parameters
    ----------
    layer : Image
    reading : AxisReading or None
        How an axis is read (frames or channels), if the user had to choose.
    card : ModelCard or None
        Card of the chosen weights.
    """
    said = []
    file = file_of(layer)
    if file is not None and other_pictures(file):
        said.append(OTHER_PICTURES_WORDS.format(f"The file of {layer.name!r}"))
    if layer.ndim == 3 and (reading is None or not reading.is_one_image):
        data = layer.data[0] if layer.multiscale else layer.data
        said.append(f"Stack of {len(data)} slices, each segmented by itself.")
    colour = layer.rgb or (reading is not None and reading.read_as is ReadAs.COLOUR)
    known = ImageColours.UNKNOWN if card is None else card.image_colours
    if known == ImageColours.COLOUR and not colour:
        said.append(GREY_IMAGE)
    if known == ImageColours.GREY and colour:
        said.append(COLOUR_IMAGE)
    return " ".join(said)


def canvas_note(source: Source) -> str:
    """Note that the first slice of an image is mostly canvas, or an empty text."""
    return CANVAS_WORDS if mostly_canvas(source.frame(0)) else ""


def constant_note(source: Source) -> str:
    """Note that all pixels of an image or a whole stack are equal, or an empty text."""
    first = source.frame(0)
    colour = first[(0, 0)]
    for index in range(source.frames or 1):
        pixels = source.frame(index)
        # A few of them first: of nearly every image they differ.
        if (pixels[::16, ::16] != colour).any() or (pixels != colour).any():
            return ""
    values = np.unique(np.atleast_1d(colour)[: 3 if source.rgb else None])
    if len(values) > 1:
        same = f"one single colour everywhere ({', '.join(map(str, colour[:3]))})"
    else:
        same = f"one single value everywhere ({values[0]})"
    return f"This image has {same}: there is nothing to see in it."
