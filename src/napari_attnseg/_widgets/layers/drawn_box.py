"""Read the rectangle that was drawn on an image as a box of pixels. No Qt."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Shapes
from napari.utils.colormaps.standardize_color import transform_color

from napari_attnseg._widgets.layers.metadata import metadata_of, record_of
from napari_attnseg._widgets.layers.new_layers import layer_name
from napari_attnseg._widgets.layers.record import (
    Derivation,
    ImageReference,
    LayerRecord,
)
from napari_attnseg._widgets.layers.source import Source, file_of, placement_of
from napari_attnseg.boxes import SMALLEST, Box
from napari_attnseg.errors import InputError

#: Pixels that rounding may add to a side.
ROUNDING = 0.01
#: Of the box that counts: seen on tissue, on glare and on black.
_COUNTS = "yellow"
#: Of earlier boxes, and how many times thinner they are drawn.
_EARLIER, _THINNER = (0.6, 0.6, 0.6, 0.5), 4
NO_BOX = "Draw a box on the image first, or switch off 'Only inside a drawn box'."


def box_layer(layers: Any, image: Any) -> Any:
    """The Shapes layer for the box of an image; None if there is none."""
    wanted = None if image is None else str(image.unique_id)
    for layer in reversed(layers):
        record = record_of(layer)
        drawn = record is not None and record.derivation is Derivation.BOX
        if record is not None and drawn and record.image.layer_id == wanted:
            return layer
    return None


def has_box(layer: Any) -> bool:
    """Whether something is drawn in the layer of `box_layer`; None holds nothing."""
    return layer is not None and len(layer.data) > 0


def draw_box(viewer: Any, image: Any) -> Any:
    """Start drawing a rectangle on an image; adds the layer if it is missing.

    The layer has the placement of the image, so that a box on a rotated image follows
    its rows and columns.
    """
    layer = box_layer(viewer.layers, image)
    if layer is None:
        of_image = ImageReference(image.name, str(image.unique_id), file_of(image))
        layer = viewer.add_layer(
            Shapes(
                ndim=image.ndim,
                name=layer_name("box", image.name),
                **placement_of(image),
                face_color="transparent",
                edge_color=_COUNTS,
                edge_width=max(image.extent.data[1][-2:]) / 200,
                metadata=metadata_of(
                    LayerRecord({}, of_image, derivation=Derivation.BOX)
                ),
            )
        )
    layer.visible = True
    viewer.layers.selection.active = layer
    layer.mode = "add_rectangle"
    return layer


def mark_last(layer: Any) -> None:
    """Draw every box but the last, which counts, thin and grey.

    The earlier ones are kept: the one before counts again if the last is deleted. A
    colour and a width that somebody chose for the last one stay.
    """
    colours, widths = np.array(layer.edge_color), list(layer.edge_width)
    last = len(widths) - 1
    changed = False
    for i, colour in enumerate(colours):
        is_earlier = np.allclose(colour, _EARLIER)
        if is_earlier == (i < last):
            continue
        changed = True
        colours[i] = transform_color(_COUNTS)[0] if is_earlier else _EARLIER
        widths[i] *= _THINNER if is_earlier else 1 / _THINNER
    if changed:
        layer.edge_color, layer.edge_width = colours, widths


def drawn_box(layers: Any, image: Any, source: Source) -> Box:
    """The last shape on an image, as a box of all pixels that it touches.

    For a stack, the box is the same in every frame.

    Parameters
    ----------
    layers : iterable of napari layers
        ``viewer.layers``.
    image : Image
    source : Source
        Source of that layer.

    Raises
    ------
    InputError
        If nothing is drawn, or what is drawn does not lie on the image or is too small.
    """
    layer = box_layer(layers, image)
    if not has_box(layer):
        raise InputError(NO_BOX)
    if source.reading is not None and source.reading.axis != 0:
        raise InputError(
            "A box cannot be drawn on an image whose channels are shown as "
            "columns; segment the whole image first: this adds a layer that shows "
            "it correctly."
        )
    first = 0 if source.frames is None else 1
    rows, columns = source.data.shape[first : first + 2]
    low, high = (end.clip(0, (rows, columns)) for end in _ends(layer, image))
    if (high <= low).any():
        raise InputError(
            f"The drawn box lies outside the image {image.name!r}; draw it again."
        )
    if too_small := _too_small(*(high - low)):
        raise InputError(too_small)
    return Box(*(int(one) for one in (*low, *high)))


def why_no_box(layers: Any, image: Any) -> str:
    """Sentence on a box that is missing, or too small wherever it lies; else empty."""
    layer = box_layer(layers, image)
    if not has_box(layer):
        return NO_BOX
    low, high = _ends(layer, image)
    return _too_small(*(high - low))


def _ends(layer: Any, image: Any) -> tuple[Any, Any]:
    """First (y, x) and the end of the pixels that the last shape touches."""
    # In the world: somebody may have moved one of the two layers since.
    corners = [image.world_to_data(layer.data_to_world(at)) for at in layer.data[-1]]
    ends = np.asarray(corners, float)[:, -2:]
    # Pixel 3 lies between 2.5 and 3.5. Vertices are float32: a pixel of which next to
    # nothing is covered is not meant.
    return (
        np.floor(ends.min(0) + 0.5 + ROUNDING),
        np.ceil(ends.max(0) + 0.5 - ROUNDING),
    )


def _too_small(height: float, width: float) -> str:
    if min(height, width) >= SMALLEST:
        return ""
    return (
        f"The drawn box has {height:.0f}×{width:.0f} pixels of the image; draw one of "
        f"at least {SMALLEST}×{SMALLEST}."
    )


def stop_drawing(layers: Any, image: Any) -> None:
    """Leave the mode in which a box is drawn."""
    layer = box_layer(layers, image)
    if layer is not None and layer.mode != "pan_zoom":
        layer.mode = "pan_zoom"
