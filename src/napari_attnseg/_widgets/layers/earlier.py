"""Earlier results of an image that is segmented again. No Qt, no torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from napari_attnseg._widgets.layers.metadata import record_of
from napari_attnseg._widgets.layers.own_image import images_of
from napari_attnseg._widgets.layers.record import Derivation, Part
from napari_attnseg._widgets.layers.runs import ResultLayers, all_results
from napari_attnseg._widgets.layers.source import Source
from napari_attnseg.hashing import array_sha256
from napari_attnseg.results import GateKey


class Output(NamedTuple):
    """Which output of a run a layer shows."""

    part: Part | None
    class_number: int
    gate: GateKey | None


def output_of(layer: Any) -> Output:
    """Which output of its run a layer of this plugin shows."""
    record = record_of(layer)
    assert record is not None
    return Output(record.part, record.class_number, record.gate)


def earlier_results(layers: Iterable[Any], source: Source) -> list[ResultLayers]:
    """Earlier results, in the layer list, of an image that was segmented again."""
    if not source.layer_id:
        return []
    return [
        result
        for result in all_results(layers)
        if result.image is not None and str(result.image.unique_id) == source.layer_id
    ]


def made_from_results(
    layers: Iterable[Any], source: Source, explained: bool
) -> list[Any]:
    """Find other layers that were made from earlier results of an image.

    These are objects, edited copies of masks and, if asked for, explanations.
    """
    of_image = [
        layer
        for layer, image in images_of(layers).items()
        if str(image.unique_id) == source.layer_id
    ]
    made = (Derivation.OBJECTS, Derivation.EDITED, Derivation.SMOOTHED)
    records = ((layer, record_of(layer)) for layer in of_image)
    return [
        layer
        for layer, record in records
        if record and ((explained and record.explanation) or record.derivation in made)
    ]


def is_edited(mask: Any) -> bool:
    """Whether somebody has painted in a mask since a run or the mask rules made it."""
    return next(_edited(mask), None) is not None


def edited_frames(mask: Any) -> list[int]:
    """Frames of a mask that were changed by hand since it was made; 0 for one image."""
    return list(_edited(mask))


def _edited(mask: Any) -> Iterator[int]:
    record = record_of(mask)
    assert record is not None
    data = np.asarray(mask.data)
    frames = data if data.ndim == 3 else data[None]
    made = record.mask_sha256
    if len(made) != len(frames):
        yield from range(len(frames))
        return
    for index, (frame, sha256) in enumerate(zip(frames, made, strict=True)):
        if frame.any() if not sha256 else array_sha256(frame) != sha256:
            yield index
