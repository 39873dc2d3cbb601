"""Layers in a viewer grouped by the run that made them. No Qt, no torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray

from napari_attnseg._widgets.layers.frames import shown_frame
from napari_attnseg._widgets.layers.image_match import find_image
from napari_attnseg._widgets.layers.metadata import REVIEWED, is_image, record_of
from napari_attnseg._widgets.layers.record import (
    ImageReference,
    LayerRecord,
    Part,
    RunId,
)
from napari_attnseg.results import GateKey, gate_parts


@dataclass(slots=True, eq=False)
class ResultLayers:
    """The layers of one run on one image layer.

    Attributes
    ----------
    image : Image or None
        The image that was segmented, if it is open.
    mask : Labels or None
    probability : list of Image
        One per class.
    reviewed : Labels or None
        The mask of the image in Review, which is changed there.
    gates : dict of int or (int, str) to Image
        `results.AttentionMap.key` → gate map, finest first.
    number : int
        Number of earlier runs on images of the same name.
    """

    image: Any = None
    mask: Any = None
    reviewed: Any = None
    probability: list[Any] = field(default_factory=list)
    gates: dict[GateKey, Any] = field(default_factory=dict)
    number: int = 0

    @property
    def record(self) -> LayerRecord:
        """Present record of the mask, or of another part if there is no mask."""
        found = record_of(self.layers[-1])
        assert found is not None
        return found

    @property
    def name(self) -> str:
        """Present name of the image if it is open, or else its name in the run."""
        image = self.image
        return self.record.image.name if image is None else str(image.name)

    @property
    def numbered_name(self) -> str:
        """Name of the image, with a number from the second run on."""
        return f"{self.name} [{self.number}]" if self.number else self.name

    @property
    def title(self) -> str:
        """Text for a list to choose from: image, weights, number."""
        number = f" [{self.number}]" if self.number else ""
        return f"{self.name} · {self.record.weights}{number}"

    @property
    def reference(self) -> ImageReference:
        """The image, with the id and the name of its layer if it is open now."""
        stored = self.record.image
        if self.image is None:
            return stored
        return ImageReference(self.name, str(self.image.unique_id), stored.file)

    @property
    def coarse_first(self) -> list[GateKey]:
        """Keys of the gates, from coarse to fine."""
        return sorted(self.gates, key=lambda key: -gate_parts(key)[0])

    @property
    def complete(self) -> bool:
        """Whether the layers exist from which the mask can be recomputed."""
        classes = self.record.provenance.get("classes", self.probability)
        return self.mask is not None and len(self.probability) == len(classes)

    @property
    def layers(self) -> list[Any]:
        """All layers of the run, bottom to top."""
        mask = [self.mask] if self.mask is not None else []
        return [*self.probability, *self.gates.values(), *mask]

    def shares(self, other: ResultLayers) -> bool:
        """Whether both are the same run: they have a layer in common."""
        mine = {id(layer) for layer in self.layers}
        return any(id(layer) in mine for layer in other.layers)

    def equals(self, other: ResultLayers) -> bool:
        """Whether both have the same layers and image."""
        mine, its = ([*one.layers, one.image, one.reviewed] for one in (self, other))
        return [id(layer) for layer in mine] == [id(layer) for layer in its]

    @property
    def stacked(self) -> bool:
        """Whether it has a leading axis of frames."""
        return any(layer.ndim == 3 for layer in self.layers)

    def frame(self, point: Sequence[float]) -> int:
        """Frame that a viewer shows at the world point ``viewer.dims.point``."""
        layer = self.layers[0]
        if not self.stacked:
            return 0
        return shown_frame(layer, point, layer.data.shape[0])

    def probabilities(self, frame: int) -> NDArray[np.floating[Any]]:
        """Probability (classes, H, W) of one frame."""
        maps = [layer.data for layer in self.probability]
        return np.stack([np.asarray(m[frame] if self.stacked else m) for m in maps])


def all_results(layers: Iterable[Any]) -> list[ResultLayers]:
    """Every run that has a layer in the list, the earliest first.

    Parameters
    ----------
    layers : iterable of napari layers
        ``viewer.layers``.
    """
    layers = list(layers)
    found: dict[RunId, ResultLayers] = {}
    for layer in originals(layers):
        record = record_of(layer)
        if record is None or not record.is_run_output:
            continue  # a what-if that was kept
        result = found.setdefault(record.run_id, ResultLayers())
        if record.gate is not None:
            result.gates[record.gate] = layer
        elif record.part is Part.MASK:
            result.mask = layer
        else:
            result.probability.append(layer)
    images = [x for x in layers if is_image(x)]
    drawn_in = {
        layer.metadata[REVIEWED]: layer
        for layer in reversed(layers)  # a duplicate lies above it
        if REVIEWED in layer.metadata
    }
    names: Counter[str] = Counter()
    for result in found.values():  # numbered as napari numbers the names of layers
        # The user may have moved them in the list.
        result.probability.sort(key=_class_number)
        result.gates = dict(
            sorted(result.gates.items(), key=lambda g: gate_parts(g[0]))
        )
        whole = [*result.probability, *([] if result.mask is None else [result.mask])]
        shape = tuple(whole[0].data.shape) if whole else ()
        result.image = find_image(result.record, shape, images)
        if result.image is not None:
            result.reviewed = drawn_in.get(str(result.image.unique_id))
        result.number = names[result.name]
        names[result.name] += 1
    # Not as they lie in the list, where each is above its own image.
    return sorted(found.values(), key=lambda one: one.record.run_id.date)


def find_results(layers: Iterable[Any]) -> list[ResultLayers]:
    """Runs whose probability is in the list, the latest first.

    Parameters
    ----------
    layers : iterable of napari layers
        ``viewer.layers``.
    """
    return [result for result in reversed(all_results(layers)) if result.probability]


def originals(layers: Iterable[Any]) -> list[Any]:
    """Outputs of runs and of kept what-ifs among layers, each output once.

    Duplicates of an output, and layers that the user made from one by napari's own
    commands (another kind of layer, a projection, single frames), do not count.
    """
    found: dict[Any, Any] = {}
    axes: dict[Any, int] = {}
    for layer in layers:
        record = record_of(layer)
        if record is None or not (record.is_run_output or record.is_kept_what_if):
            continue
        if isinstance(layer, Labels) != (record.part is Part.MASK):
            continue
        run = (record.run_id, record.derivation)
        if layer.ndim == axes.setdefault(run, layer.ndim):
            key = (run, record.part, record.class_number, record.gate)
            found.setdefault(key, layer)
    return list(found.values())


def _class_number(layer: Any) -> int:
    record = record_of(layer)
    return 0 if record is None else record.class_number


def result_of(layer: Any, layers: Iterable[Any]) -> ResultLayers | None:
    """The run to which a layer belongs or from which it was made, or None."""
    record = record_of(layer)
    if record is None:
        return None
    results = find_results(layers)
    found = [one for one in results if one.record.run_id == record.run_id]
    return found[0] if found else None


def kept_mask(layer: Any, layers: Iterable[Any]) -> Any:
    """Mask of the kept what-if to which a layer belongs; None if there is none."""
    record = None if layer is None else record_of(layer)
    if record is None or not record.is_kept_what_if:
        return None
    for other in layers:
        its = record_of(other)
        if its is None or not its.is_kept_what_if or its.part is not Part.MASK:
            continue
        if its.run_id == record.run_id:
            return other
    return None
