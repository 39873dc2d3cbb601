"""Sentences of the Objects widget about a table and its mask. No Qt."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from napari_attnseg._widgets.layers.own_image import (
    deleted_image,
    images_of,
    is_wanted,
    spoken_of,
)
from napari_attnseg._widgets.objects.measurement import Measurement
from napari_attnseg.how_many import how_many
from napari_attnseg.objects.descriptors import EDITED
from napari_attnseg.objects.sentences import number
from napari_attnseg.uncertainty import DOUBT_MEANING


def summary(measured: Measurement) -> str:
    """Say what was measured, from which layers, and the doubt of the case."""
    task, n = measured.task, len(measured.records)
    used = [] if task.image is None else [f"image {task.image.name!r}"]
    used += ["the model's probability"] if task.probability else []
    maps = len(task.gates)
    used += [how_many(maps, "gate map")] if maps else []
    text = f"{how_many(n, 'object')} of {task.name!r}, measured with "
    text += f"{', '.join(used) or 'nothing but the labels'}."
    edited = task.origin.get(EDITED, "")
    text += f"\nThis mask was {edited}." if edited else ""
    doubt = [value for value in measured.doubt if not math.isnan(value)]
    if doubt:
        over = "" if len(measured.doubt) == 1 else " on average over slices"
        text += f"\nDoubt of this case: {number(float(np.mean(doubt)))} bit{over} "
        text += f"({DOUBT_MEANING})."
    return text


def elsewhere(viewer: Any, layer: Any) -> str:
    """Name of a layer's image, open or deleted, if another image is on screen."""
    image = images_of(viewer.layers).get(layer)
    seen, _ = spoken_of(viewer, image)
    if image is None and seen is not None:
        return deleted_image(layer, viewer.layers)
    return "" if image is None or seen in (None, image) else str(image.name)


def why_not_seen(viewer: Any, labels: Any) -> str:
    """Sentence if the chosen labels are not on screen; else an empty text."""
    image = elsewhere(viewer, labels)
    if image:
        return f"This is a mask of {image!r}, which is not the image on screen."
    if is_wanted(labels):
        return ""
    own = images_of(viewer.layers)
    seen = [
        layer.name
        for layer in viewer.layers
        if hasattr(layer, "contour")
        and layer.visible
        and own.get(layer) is not None
        and own.get(layer) is own.get(labels)
    ]
    over = f" What is seen is {seen[-1]!r}." if seen else ""
    return f"This mask is hidden.{over}"
