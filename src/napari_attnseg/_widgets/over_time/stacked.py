"""Masks of stacks in a viewer, each with its probability and image. No Qt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_attnseg._widgets.layers.metadata import record_of
from napari_attnseg._widgets.layers.own_image import images_of
from napari_attnseg._widgets.layers.record import Derivation, LayerRecord, Part
from napari_attnseg._widgets.layers.runs import ResultLayers, all_results
from napari_attnseg._widgets.layers.stack_array import let_go
from napari_attnseg.hashing import array_sha256
from napari_attnseg.io.run_facts import PER_FRAME
from napari_attnseg.reliability.estimate import ESTIMATE
from napari_attnseg.results import Segmentation


def stacked_masks(layers: Iterable[Any]) -> list[ResultLayers]:
    """List results of stacks, smoothed ones included, from the top layer down."""
    layers = list(layers)
    found = [one for one in all_results(layers) if one.mask is not None]
    found += _smoothed(layers)
    several = [x for x in found if x.mask.ndim == 3 and len(x.mask.data) > 1]
    return sorted(several, key=lambda one: -layers.index(one.mask))


def _smoothed(layers: list[Any]) -> list[ResultLayers]:
    images = images_of(layers)
    runs: dict[Any, ResultLayers] = {}
    for layer in layers:
        record = record_of(layer)
        if record is None or record.derivation is not Derivation.SMOOTHED:
            continue
        result = runs.setdefault(record.run_id, ResultLayers(images.get(layer)))
        if record.part is Part.MASK:
            result.mask = layer
        else:
            result.probability.append(layer)
    return [result for result in runs.values() if result.mask is not None]


@dataclass(frozen=True, slots=True, eq=False)
class StackedMask:
    """Mask of a stack with all that measuring needs, for use in any thread.

    Attributes
    ----------
    data : array, shape (T, H, W)
    probability : list of array
        One per class; empty if they are not known.
    record : LayerRecord
    hashes : tuple of str
        Hash of each frame's mask as the mask rules last made it, before edits.
    frames : list of int
        Indices of the segmented frames. All attributes are as they were at
        construction.
    """

    data: Any
    probability: list[Any]
    record: LayerRecord
    hashes: tuple[str, ...]
    frames: list[int]

    @classmethod
    def of(cls, result: ResultLayers) -> StackedMask:
        """Make it from the layers of a result."""
        record = record_of(result.mask)
        assert record is not None
        maps = [layer.data for layer in result.probability]
        known = bool(record.image_sha256)
        frames = record.done_frames if known else list(range(len(result.mask.data)))
        return cls(result.mask.data, maps, record, record.mask_sha256, frames)

    @property
    def every(self) -> int:
        """Step from one segmented frame to the next."""
        return int(self.record.provenance.get("every", 1))

    def made(self, frame: int) -> str:
        """Hash of a frame's mask as the mask rules last made it, before edits."""
        return self.hashes[frame] if frame < len(self.hashes) else ""

    def let_go(self) -> None:
        """Free the memory of frames that were read."""
        for array in (self.data, *self.probability):
            let_go(array)

    def segmentation(self, frame: int) -> Segmentation:
        """Present segmentation of one frame; without expected Dice if it was edited."""
        mask = np.array(self.data[frame])
        maps = [np.asarray(one[frame], np.float32) for one in self.probability]
        shape = (0, *mask.shape)
        probability = np.stack(maps) if maps else np.zeros(shape, np.float32)
        facts = of_frame(self.record.provenance, frame)
        if array_sha256(mask) != self.made(frame):
            facts.pop(ESTIMATE, None)
        return Segmentation(mask, probability, (), facts)


def of_frame(provenance: Mapping[str, Any], frame: int) -> dict[str, Any]:
    """Provenance of one frame of a stack."""
    return {
        key: value[frame] if key in PER_FRAME and isinstance(value, list) else value
        for key, value in provenance.items()
    }
