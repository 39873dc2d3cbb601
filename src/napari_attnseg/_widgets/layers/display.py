"""Add layers to a viewer, and redraw them."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import napari.layers
import numpy as np
from napari.utils import Colormap, DirectLabelColormap
from numpy.typing import NDArray

from napari_attnseg._widgets.layers.image_match import holds_pixels
from napari_attnseg._widgets.layers.metadata import (
    IMAGE_FILE,
    has_record,
    record_of,
)
from napari_attnseg._widgets.layers.new_layers import (
    NewLayer,
    gate_colormap,
    signed_colormap,
)
from napari_attnseg._widgets.layers.outline import outline
from napari_attnseg._widgets.layers.own_image import images_of, place_above
from napari_attnseg._widgets.layers.pixels import tell_if_hidden
from napari_attnseg._widgets.layers.source import Source
from napari_attnseg._widgets.layers.thumbnail import keep_thumbnail
from napari_attnseg._widgets.preferences import first_gate, mask_colour
from napari_attnseg.colormaps import (
    GATE_COLOURS,
    MASK_COLOUR,
    NEUTRAL_COLOUR,
    SIGNED_COLOURS,
)
from napari_attnseg.hashing import array_sha256
from napari_attnseg.results import gate_parts

#: Layer that was hidden from the start → its thumbnail.
_THUMBNAILS: weakref.WeakKeyDictionary[Any, NDArray[np.uint8]] = (
    weakref.WeakKeyDictionary()
)


def make_layer(new: NewLayer) -> Any:
    """The napari layer that `new` describes, in the colours of the preferences.

    In its options, `GATE_COLOURS` and `MASK_COLOUR` are placeholders for these colours.
    """
    options = {**new.options, "metadata": new.all_metadata()}
    if options.get("colormap") == GATE_COLOURS:
        options["colormap"] = Colormap(**gate_colormap())
    elif options.get("colormap") == SIGNED_COLOURS:
        options["colormap"] = Colormap(**signed_colormap())
    elif new.kind == "Labels" and "colormap" in options:
        colours = options["colormap"]
        if set(colours) <= {None, 0, 1}:  # several classes have colours of their own
            preferred = {MASK_COLOUR: mask_colour()}
            colours = {k: preferred.get(v, v) for k, v in colours.items()}
        options["colormap"] = DirectLabelColormap(color_dict=colours)
    # napari makes a thumbnail of what is visible only, and a dim one of a dimmed map.
    visible, opacity = options.pop("visible", True), options.pop("opacity", None)
    layer = getattr(napari.layers, new.kind)(new.data, **options)
    thumbnail = layer.thumbnail
    if opacity is not None:
        layer.opacity = opacity
    layer.visible = visible
    keep_thumbnail(layer)
    if not visible:
        layer.thumbnail = _THUMBNAILS[layer] = thumbnail
        layer.events.thumbnail.connect(_give_thumbnail_back)
    if new.outlined:
        outline(layer)
    if new.colorbar:
        layer.colorbar.visible = True
        if new.options.get("colormap") == SIGNED_COLOURS:
            # Else the bar is black in the middle, as if it was a third colour.
            layer.colorbar.box_color, layer.colorbar.color = NEUTRAL_COLOUR, "black"
    return layer


def _give_thumbnail_back(event: Any) -> None:
    """Give a hidden layer its thumbnail back when napari's layer controls empty it.

    They do so whoever adds it: this plugin, or napari after its reader.
    """
    layer = event.source
    known = _THUMBNAILS.get(layer)
    if known is None or layer.visible or not known[..., :3].any():
        return
    if not layer.thumbnail[..., :3].any():
        layer.thumbnail = known


def new_thumbnail(layer: Any, frame: int) -> None:
    """Make the thumbnail of a stack anew, of one frame, when its frames have come."""
    if layer.visible:
        layer.refresh(data_displayed=False, highlight=False, extent=False)
        return
    # napari makes none of what is hidden.
    if isinstance(layer, napari.layers.Image) and layer.ndim == 3:
        seen = napari.layers.Image(
            np.asarray(layer.data[frame]),
            colormap=layer.colormap,
            contrast_limits=layer.contrast_limits,
        )
        layer.thumbnail = _THUMBNAILS[layer] = seen.thumbnail


def add_layers(viewer: Any, layers: Iterable[NewLayer], above: Any = None) -> list[Any]:
    """Add layers in order, above their image; returns them.

    Maps are put below the masks of their image, whatever lies between these, and
    everything else above all of its layers.

    Parameters
    ----------
    viewer : napari.Viewer
    layers : iterable of NewLayer
        Layers of one image.
    above : Image, optional
        Image to put them above; None: the image in their record. If that image is not
        open, they are put on top.
    """
    made = [make_layer(new) for new in layers]
    for layer in made:
        record = record_of(layer)
        if above is None and record is not None:
            above = _layer_with(viewer.layers, record.image.layer_id)
    top = place_above(viewer.layers, above)
    place = _below_masks(viewer.layers, above, top)
    for layer in made:
        if isinstance(layer, napari.layers.Image):
            viewer.layers.insert(place, layer)
            place += 1
            top += 1
    for layer in made:
        if not isinstance(layer, napari.layers.Image):
            viewer.layers.insert(top, layer)
            top += 1
    return made


def remove_layers(viewer: Any, layers: Iterable[Any]) -> None:
    """Remove those of these layers that are in the viewer.

    All at once: napari builds its scene anew, and collects garbage, each time.
    """
    there = [layer for layer in layers if layer in viewer.layers]
    if there:
        with viewer.layers.batched_update():
            for layer in there:
                viewer.layers.remove(layer)


def _below_masks(layers: Sequence[Any], image: Any, top: int) -> int:
    """Index at which a new map of an image belongs: below what lies over all maps.

    It covers the image, but neither a mask, also one that is hidden now or that the
    user drew, nor the ring of a reading.

    Parameters
    ----------
    layers : sequence of napari layers
        ``viewer.layers``.
    image : Image or None
        None where it is not open: then only what lies on top is looked at.
    top : int
        From `place_above`.
    """
    place = top
    while place and _lies_over_maps(layers[place - 1]):
        place -= 1
    if image not in layers:
        return place
    own = images_of(layers)
    for index in range(layers.index(image) + 1, place):
        layer = layers[index]
        drawn = isinstance(layer, napari.layers.Labels) and not has_record(layer)
        if drawn or (own.get(layer) is image and _lies_over_maps(layer)):
            return index
    return place


def _lies_over_maps(layer: Any) -> bool:
    return has_record(layer) and not isinstance(layer, napari.layers.Image)


def _layer_with(layers: Iterable[Any], unique_id: str) -> Any:
    found = [layer for layer in layers if str(layer.unique_id) == unique_id]
    return found[0] if found else None


def show_source(viewer: Any, source: Source) -> Source:
    """Return the source, with a layer that shows it as one image.

    If the channels of the layer lie along an axis of frames, a layer of grey or colour
    is added right above it, unless it exists already. Results then refer to the new
    layer.
    """
    if source.is_shown:
        return source
    pixels = source.frame(0)
    images = (layer for layer in viewer.layers if not has_record(layer))
    hashes = (array_sha256(pixels),)
    for layer in images:
        alike = isinstance(layer, napari.layers.Image) and layer.rgb == source.rgb
        if (
            alike
            and layer.metadata.get(IMAGE_FILE) == source.file
            and holds_pixels(layer, pixels.shape[:2], hashes)
        ):
            return replace(source, name=layer.name, layer_id=str(layer.unique_id))
    kind = "colour" if source.rgb else "grey"
    options = {
        "name": f"{source.name} · {kind}",
        "rgb": source.rgb,
        **source.placement,
    }
    new = NewLayer("Image", pixels, options, metadata={IMAGE_FILE: source.file})
    below = _layer_with(viewer.layers, source.layer_id)
    (layer,) = add_layers(viewer, [new], above=below)
    return replace(source, name=layer.name, layer_id=str(layer.unique_id))


def redraw(layer: Any, values: NDArray[Any], frame: int | None = None) -> None:
    """Replace the values of a layer, or of one frame of it, and redraw only those.

    The values are changed in place, because assigning ``layer.data`` also makes a
    thumbnail, which redraws the whole layer list and takes longer than the picture.
    """
    data = layer.data
    if not (isinstance(data, np.ndarray) and data.flags.writeable):
        # A file that is mapped, a dask array: a copy that can be changed.
        layer.data = data = np.array(data)
    data[... if frame is None else frame] = values
    layer.refresh(thumbnail=False, highlight=False, extent=False)
    tell_if_hidden(layer)


def leave_brushes(viewer: Any) -> None:
    """Leave the paint mode of this plugin's layers."""
    for layer in viewer.layers:
        if has_record(layer) and layer.mode != "pan_zoom":
            layer.mode = "pan_zoom"


def no_brush_box(viewer: Any) -> None:
    """Remove the invisible box behind napari's circle of the brush.

    napari 0.9.2 leaves the box in the scene when the brush is no longer used, and
    crashes in OpenGL when it draws the box after all layers were removed
    (docs/known-napari-crash.md).
    """
    circle = viewer.canvas.overlays.get("_brush_circle")
    if circle is not None:
        circle.box = False


def first_gate_of(layers: Sequence[Any]) -> Any:
    """The gate map that the preferences show besides the mask, if any."""
    wanted = first_gate()
    for layer in layers:
        record = record_of(layer)
        if record is None or record.gate is None:
            continue
        if f"1/{gate_parts(record.gate)[0]}" == wanted:
            return layer
    return None
