"""A mask layer and its image as a correction for a training set. No Qt, no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from napari_attnseg._widgets.layers.classes import class_names
from napari_attnseg._widgets.layers.frames import shown_frame
from napari_attnseg._widgets.layers.metadata import has_record, record_of
from napari_attnseg._widgets.layers.own_image import images_of
from napari_attnseg._widgets.layers.record import Derivation, LayerRecord, Part
from napari_attnseg._widgets.layers.source import finest, source_of
from napari_attnseg.errors import InputError
from napari_attnseg.hashing import array_sha256
from napari_attnseg.io.training_set import Correction
from napari_attnseg.masks import rules_of

#: What provenance of a run is kept with a correction; no path and no layer's name.
_KEPT = ("model", "weights_sha256", "intensity_rule", "intensity_mapping")


def correction_of(viewer: Any, layer: Any) -> Callable[[], Correction]:
    """Take a mask layer with its image; for a stack, only the shown frame.

    Returns a function that makes the correction. It reads the pixels of the image,
    which may take a while.

    Parameters
    ----------
    viewer : napari.Viewer
    layer : Labels

    Raises
    ------
    InputError
        If the layer is not a mask, or its image is not open.
    """
    record = record_of(layer)
    made = record is not None and (
        record.part is Part.MASK
        or record.derivation in (Derivation.EDITED, Derivation.OBJECTS)
    )
    if record is not None and not made:
        raise InputError(
            f"Expected a mask, but {layer.name!r} is something else that AttnSeg made; "
            "select the layer of the mask."
        )
    if record is not None and record.box is not None:
        raise InputError(
            "This mask covers a box only and says nothing about the rest of its image; "
            "segment the whole image before its mask goes to a training set."
        )
    image = _image_of(viewer, layer)
    if image is None:
        raise InputError(
            f"The image of the mask {layer.name!r} is not open; open an image of "
            "the same size."
        )
    source = source_of(image)
    stack = layer.ndim == 3
    data = finest(layer)
    frame = shown_frame(layer, viewer.dims.point, data.shape[0]) if stack else 0
    mask = np.array(data[frame] if stack else data)
    if record is not None and not record.is_done(frame) and not mask.any():
        raise InputError(
            f"Slice {frame} of {layer.name!r} was not segmented, so there is no mask; "
            "segment it first."
        )
    classes = _classes(record)
    about = _about(record, mask, frame if stack else None)

    def read() -> Correction:
        pixels = source.frame(frame if source.frames is not None else 0)
        file = Path(source.file) if source.file and source.frames is None else None
        return Correction(pixels, mask, classes, about, file)

    return read


def _classes(record: LayerRecord | None) -> list[str]:
    named = [] if record is None else list(record.provenance.get("classes", ()))
    if record is None or len(named) < 2:
        return []
    if record.derivation is Derivation.OBJECTS:
        raise InputError(
            "Expected a mask of classes, but this layer numbers its objects; "
            "select the mask from which it was made."
        )
    return class_names(record.provenance, len(named))


def _about(record: LayerRecord | None, mask: Any, frame: int | None) -> dict[str, Any]:
    """Record of a correction, without paths and names of layers."""
    about: dict[str, Any] = {
        "corrected_by_hand": True,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    if frame is not None:
        about["frame"] = frame
    if record is not None:
        made = record.mask_sha256
        last = made[frame or 0] if len(made) > (frame or 0) else None
        edited = record.derivation is not Derivation.OBJECTS
        about["corrected_by_hand"] = edited and array_sha256(mask) != last
        about |= {k: record.provenance[k] for k in _KEPT if k in record.provenance}
        about["mask_rules"] = asdict(rules_of(record.provenance))
    return about


def _image_of(viewer: Any, layer: Any) -> Any:
    """The image of a mask; of one that is not AttnSeg's, the uppermost that fits."""
    layers = list(viewer.layers)
    if has_record(layer):
        # Not by the layer itself: napari hands out its selection in a wrapper.
        of_id = {own.unique_id: image for own, image in images_of(layers).items()}
        return of_id.get(layer.unique_id)
    shape = tuple(finest(layer).shape)
    for image in reversed(layers):
        if (
            hasattr(image, "rgb")
            and not has_record(image)
            and image.ndim == layer.ndim
            and tuple(finest(image).shape[: layer.ndim]) == shape
        ):
            return image
    return None
