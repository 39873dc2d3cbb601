"""Find the image that a result belongs to, and what is in view. No Qt, no torch.

A result lies directly above its own image. Therefore an image on top covers the results
of the images below it, and they never cover it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from napari_attnseg._widgets.layers.metadata import has_record, is_image, record_of
from napari_attnseg._widgets.layers.runs import ResultLayers, all_results

#: Key, in ``layer.metadata``, of a result that is hidden only because its image is not
#: looked at; it is shown again with its image.
HIDDEN = "attnseg hidden with its image"
#: The same of a filled mask that its objects, a fill too, are shown over.
BEHIND = "attnseg hidden behind its objects"
#: The same of objects, hidden only while Inspect draws outlines on their image.
ASIDE = "attnseg hidden beside outlines"
#: Images whose blending lets what is below them through, as channels do.
_SEEN_THROUGH = frozenset({"additive", "minimum", "multiplicative"})
#: Share of an image that another one must overlap to cover it.
_COVERED = 0.5


def images_of(layers: Iterable[Any]) -> dict[Any, Any]:
    """The open image of every result, explanation and edited copy among layers.

    Parameters
    ----------
    layers : iterable of napari layers
        ``viewer.layers``.

    Returns
    -------
    dict of layer to Image
        Layers of this plugin whose image is open.
    """
    layers = list(layers)
    ids = {str(x.unique_id): x for x in layers if is_image(x)}
    found: dict[Any, Any] = {}
    others = []
    for layer in layers:
        record = record_of(layer)
        if record is not None and record.image.layer_id in ids:
            found[layer] = ids[record.image.layer_id]
        elif record is not None:
            others.append((layer, record))
    if others and ids:  # the image was opened later, or once more
        of_run = {one.record.run_id: one.image for one in all_results(layers)}
        for layer, record in others:
            if of_run.get(record.run_id) is not None:
                found[layer] = of_run[record.run_id]
    return found


def place_above(layers: Sequence[Any], image: Any) -> int:
    """Index at which a new result of an image belongs.

    It is directly above the image and its other layers, and below every other image
    that lies higher. If the image is not in the list, it is the end of the list.
    """
    order = list(layers)
    if image not in order:
        return len(order)
    own = images_of(order)
    place = start = order.index(image) + 1
    for index, layer in enumerate(order[start:], start):
        if is_image(layer):
            break
        if own.get(layer) is image:
            place = index + 1
    return place


def of_other_images(layers: Iterable[Any], image: Any) -> list[Any]:
    """Other images than this one, and the layers that belong to them.

    A layer that is not of this plugin belongs to the nearest image below it in the
    list, where it was drawn; one below all images belongs to none.

    Parameters
    ----------
    layers : iterable of napari layers
        ``viewer.layers``.
    image : Image or None
        None where no image is this one: all others are.
    """
    layers = list(layers)
    own = images_of(layers)
    found, below = [], None
    for layer in layers:
        below = layer if is_image(layer) else below
        its = own.get(layer, None if has_record(layer) else below)
        if its is not None and its is not image:
            found.append(layer)
    return found


def looked_at(layers: Sequence[Any]) -> list[Any]:
    """Visible images that no other image covers; several if they lie side by side."""
    seen: list[Any] = []
    for layer in reversed(layers):
        visible = is_image(layer) and layer.visible
        if visible and not any(_covers(above, layer) for above in seen):
            seen.append(layer)
    return seen


def spoken_of(viewer: Any, chosen: Any) -> tuple[Any, bool]:
    """Image to describe among those in view, and whether to name it.

    Parameters
    ----------
    viewer : napari.Viewer
    chosen : Image or None
        Image on which a dock works; it is chosen if several are in view.

    Returns
    -------
    image : Image or None
        Image to describe; None if no image is in view.
    named : bool
        Whether it is not the chosen one, or not the only one in view.
    """
    seen = _seen(viewer)
    image = chosen if chosen in seen else next(iter(seen), None)
    return image, len(seen) > 1 or (image is not None and image is not chosen)


def deleted_image(layer: Any, layers: Iterable[Any]) -> str:
    """Name of the image of a layer of this plugin if it was deleted; else empty.

    A result that was opened from files, without its image, never had one.
    """
    record = record_of(layer)
    if record is None or not record.image.layer_id or layer in images_of(layers):
        return ""
    return record.image.name


def why_not_seen(viewer: Any, result: ResultLayers) -> str:
    """Say that the image of a result is not on screen; empty while it is.

    It is empty too where the image is not open and no other image is on screen.

    Parameters
    ----------
    viewer : napari.Viewer
    result : ResultLayers
    """
    seen, image = _seen(viewer), result.image
    if image is None:
        if not seen or not deleted_image(result.layers[-1], viewer.layers):
            return ""
        return (
            f"Paused: the image of this result was deleted, and {seen[0].name} is on "
            "screen. Open the image again to go on."
        )
    if image in seen:
        return ""
    others = f", and {seen[0].name} is on screen" if seen else ", which is hidden"
    return (
        f"Paused: this result is of {image.name}{others}. Choose the result above once "
        "more to bring its image forward."
    )


def image_at(viewer: Any, point: Sequence[float]) -> Any:
    """The uppermost image at a world point that lets nothing through; None if none."""
    for layer in reversed(viewer.layers):
        if is_image(layer) and layer.visible and not _is_seen_through(layer):
            place = layer.world_to_data(tuple(point)[-layer.ndim :])[-2:]
            size = layer.data.shape[: layer.ndim][-2:]
            if all(-0.5 <= x < n - 0.5 for x, n in zip(place, size, strict=True)):
                return layer
    return None


def layers_in_view(viewer: Any) -> list[Any]:
    """Layers, without those of this plugin whose image is open but not in view.

    If no image is in view, all layers.
    """
    seen, own = _seen(viewer), images_of(viewer.layers)
    return [x for x in viewer.layers if not seen or own.get(x, seen[0]) in seen]


def bring_forward(viewer: Any, image: Any) -> None:
    """Move an image that others cover to the top of the list, with its own layers."""
    layers = viewer.layers
    if image not in layers or image in looked_at(layers):
        return
    image.visible = True
    if image in looked_at(layers):
        return
    own = images_of(layers)
    moved = [i for i, x in enumerate(layers) if x is image or own.get(x) is image]
    layers.move_multiple(moved, len(layers))


def show_only_own(viewer: Any) -> None:
    """Hide layers of images that are not in view, and show them again with the image.

    Layers that the user hid stay hidden. In a grid, side by side, every visible image
    is in view, and nothing is hidden.
    """
    layers, grid = viewer.layers, viewer.canvas.grid.enabled
    seen = _seen(viewer)
    for layer, image in images_of(layers).items():
        if image in seen:
            show_again(layer)
        elif layer.visible and not grid:
            hide_with_image(layer)


def show_all_again(viewer: Any) -> None:
    """Show everything that `show_only_own` hid."""
    for layer in viewer.layers:
        if has_record(layer):
            show_again(layer)


def is_wanted(layer: Any) -> bool:
    """Whether a layer is visible, or would be if its image or only it were in view."""
    return bool(
        layer.visible
        or layer.metadata.get(HIDDEN, False)
        or layer.metadata.get(BEHIND, False)
        or layer.metadata.get(ASIDE, False)
    )


def hide(layer: Any) -> None:
    """Hide a layer so that it stays hidden when its image comes into view again."""
    for because in (HIDDEN, BEHIND, ASIDE):
        layer.metadata.pop(because, None)
    layer.visible = False


def hide_with_image(layer: Any) -> None:
    """Hide a layer only as long as its image is not in view."""
    layer.metadata[HIDDEN] = True  # before others learn of it
    layer.visible = False


def show_again(layer: Any) -> None:
    """Show a layer that `hide_with_image` hid."""
    if layer.metadata.pop(HIDDEN, False):
        layer.visible = True


def _seen(viewer: Any) -> list[Any]:
    """Images that are looked at, the uppermost first; in a grid all visible ones."""
    if viewer.canvas.grid.enabled:
        return [x for x in reversed(viewer.layers) if is_image(x) and x.visible]
    return looked_at(viewer.layers)


def _is_seen_through(image: Any) -> bool:
    return str(image.blending) in _SEEN_THROUGH or image.opacity < 1


def _covers(above: Any, below: Any) -> bool:
    """Whether an image hides most of what is below it."""
    if _is_seen_through(above):
        return False
    (top_low, top_high), (low, high) = (_extent(one) for one in (above, below))
    shared = np.clip(np.minimum(top_high, high) - np.maximum(top_low, low), 0, None)
    return bool(np.prod(shared) >= _COVERED * np.prod(high - low))


def _extent(layer: Any) -> Any:
    """Lowest and highest (y, x) of a layer in the world, pixel edges included."""
    world = np.asarray(layer.extent.world)[:, -2:]
    half = np.abs(np.asarray(layer.scale)[-2:]) / 2
    return world[0] - half, world[1] + half
