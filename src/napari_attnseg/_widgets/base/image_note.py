"""Notes on an image before and after it is segmented. No Qt, no torch.

A note after a run is also a notification, of which a person may see the beginning only:
it begins with the name of the image and what is the matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from napari_attnseg._widgets.layers.slices import slices_words
from napari_attnseg._widgets.layers.source import Source, file_of, finest
from napari_attnseg.axes import AxisReading, ReadAs
from napari_attnseg.canvas import mostly_canvas
from napari_attnseg.cards import ImageColours, ModelCard
from napari_attnseg.false_colours import colour_map_of, map_words
from napari_attnseg.how_many import how_many
from napari_attnseg.intensity import MAPPING, MappingRule
from napari_attnseg.intensity_warnings import warnings_of
from napari_attnseg.io.other_pictures import OTHER_PICTURES_WORDS, other_pictures
from napari_attnseg.several_pictures import PICTURES, PICTURES_WORDS

#: Characters of an image's name in a note.
_NAME = 20
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
        slices = how_many(len(finest(layer)), "slice")
        said.append(f"Stack of {slices}, each segmented by itself.")
    colour = layer.rgb or (reading is not None and reading.read_as is ReadAs.COLOUR)
    known = ImageColours.UNKNOWN if card is None else card.image_colours
    if known == ImageColours.COLOUR and not colour:
        said.append(GREY_IMAGE)
    if known == ImageColours.GREY and colour:
        said.append(COLOUR_IMAGE)
    return " ".join(said)


def canvas_note(source: Source, run: Mapping[str, Any]) -> str:
    """Note on the first slice if it is in a map's colours or its picture is small.

    `run` is the provenance of its run, which counted the pictures on a page.
    """
    first = source.frame(0)
    if false := colour_map_of(first):
        return map_words(false, _named(source))
    if pictures := run.get(PICTURES):
        return PICTURES_WORDS.format(_named(source), pictures, "draw a box")
    if not mostly_canvas(first):
        return ""
    return (
        f"{_named(source)} is mostly one single colour. The picture on it is small for "
        "the model: crop it, or segment only a box."
    )


def intensity_note(source: Source, runs: Iterable[Mapping[str, Any]]) -> str:
    """Note on slices of one single value and on a narrow range, or an empty text.

    Parameters
    ----------
    source : Source
    runs : iterable of mapping
        Provenance of a run, per frame.
    """
    frames, constant = [], {}
    for frame, facts in enumerate(runs):
        warned = bool(warnings_of(facts))
        # Of a single image `constant_note` has said it.
        if source.frames is None or not (warned or _is_constant(facts)):
            colour = None
        else:
            colour = _only_colour(source, frame)
        if colour is not None:
            constant[frame] = colour
        elif warned:
            frames.append(frame)
    said = [_constant_slices(source, constant)] if constant else []
    return " ".join(said + ([_narrow(source, frames)] if frames else []))


def _narrow(source: Source, frames: Sequence[int]) -> str:
    """Note that the range of intensities of frames is narrow, and what helps."""
    where = "" if source.frames is None else f", {slices_words(frames)}"
    if not source.rgb:
        advice = (
            "Set the contrast limits of the image to the range that matters, and "
            "choose *as displayed* under Intensity"
        )
    elif np.dtype(source.data.dtype).itemsize > 1:
        advice = "Choose *percentiles* under Intensity"
    else:
        advice = "Save the image with the range that matters only"
    return (
        f"{_named(source)}{where}: little contrast. 99 % of the pixels lie within "
        f"three tenths of the range of intensities. {advice}."
    )


def shortened(name: str) -> str:
    """Name of an image for a notification, of which only the beginning is seen."""
    return name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"


def _named(source: Source) -> str:
    return repr(shortened(source.name))


def constant_note(source: Source) -> str:
    """Note that all pixels of an image or a whole stack are equal, or an empty text."""
    first = _only_colour(source, 0)
    if first is None:
        return ""
    for index in range(1, source.frames or 1):
        other = _only_colour(source, index)
        if other is None or (other != first).any():
            return ""
    same = f"one single {_colour_words(source, first)}"
    return f"{_named(source)} is {same}. There is nothing to see in it."


def _is_constant(facts: Mapping[str, Any]) -> bool:
    """Whether a run found no range of intensities in its image."""
    mapping = facts.get(MAPPING)
    return isinstance(mapping, Mapping) and mapping.get("rule") == MappingRule.CONSTANT


def _constant_slices(source: Source, colours: Mapping[int, Any]) -> str:
    """Note on slices whose pixels are equal; `colours` has theirs by frame."""
    words = {_colour_words(source, one) for one in colours.values()}
    # Each has its own, if they differ.
    same = words.pop() if len(words) == 1 else "value each"
    one = len(colours) == 1
    return (
        f"{_named(source)}, {slices_words(list(colours))}: one single {same}. "
        f"There is nothing to see in {'it' if one else 'them'}."
    )


def _only_colour(source: Source, frame: int) -> Any:
    """Value (channels,) or (1,) of all pixels of a frame; None if they differ."""
    pixels = source.frame(frame)
    colour = pixels[(0, 0)]
    # A few of them first: of nearly every image they differ.
    if (pixels[::16, ::16] != colour).any() or (pixels != colour).any():
        return None
    return np.atleast_1d(colour)


def _colour_words(source: Source, colour: Any) -> str:
    values = np.unique(colour[: 3 if source.rgb else None])
    if len(values) > 1:
        return f"colour ({', '.join(map(str, colour[:3]))})"
    return f"value ({values[0]})"
