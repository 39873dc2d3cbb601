"""Results in a viewer: which layers belong to one run on one image. No Qt, no torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from napari.layers import Image, Labels
from numpy.typing import NDArray

from napari_attnseg._widgets.layers.display import shown_frame
from napari_attnseg._widgets.layers.metadata import (
    METADATA,
    WHAT_IF,
    class_number,
    image_name,
    number_of,
    run_of,
)
from napari_attnseg._widgets.layers.source import IMAGE_FILE, file_of
from napari_attnseg.results import GateKey, gate_key, gate_parts


@dataclass(slots=True, eq=False)
class Case:
    """Layers of one run on one image layer.

    Attributes
    ----------
    facts : dict
        Provenance of the run.
    image : Image or None
        What was segmented, if it is still there: from the same file, else of the same
        name.
    mask : Labels or None
    probability : list of Image
        One per class.
    gates : dict of int or (int, str) to Image
        `results.AttentionMap.key` → gate map, finest first.
    """

    facts: dict[str, Any]
    image: Any = None
    mask: Any = None
    probability: list[Any] = field(default_factory=list)
    gates: dict[GateKey, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """For a list to choose from."""
        number = number_of(self.probability[0])
        return f"{self.name} · {self.facts.get('model', '?')}{number}"

    @property
    def name(self) -> str:
        """Of the image."""
        return image_name(self.probability[0])

    @property
    def coarse_first(self) -> list[GateKey]:
        """Keys of its gates, the coarsest first."""
        return sorted(self.gates, key=lambda key: -gate_parts(key)[0])

    @property
    def whole(self) -> bool:
        """Whether mask and every class's probability are there to make it anew."""
        classes = self.facts.get("classes", self.probability)
        return self.mask is not None and len(self.probability) == len(classes)

    @property
    def layers(self) -> list[Any]:
        """All that were made by the run, bottom to top."""
        mask = [self.mask] if self.mask is not None else []
        return [*self.probability, *self.gates.values(), *mask]

    def shares(self, other: Case) -> bool:
        """Whether both are the same run: a layer of one is a layer of the other."""
        mine = {id(layer) for layer in self.layers}
        return any(id(layer) in mine for layer in other.layers)

    def equals(self, other: Case) -> bool:
        """Whether both have the same layers and image."""
        mine, its = ([*case.layers, case.image] for case in (self, other))
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
        """(classes, H, W) of one frame."""
        maps = [layer.data for layer in self.probability]
        return np.stack([np.asarray(m[frame] if self.stacked else m) for m in maps])


def find_cases(layers: Iterable[Any]) -> list[Case]:
    """Runs whose probability is in the list, the latest first.

    Parameters
    ----------
    layers : iterable of napari layers
        ``viewer.layers``.
    """
    layers = list(layers)
    parts = {id(layer) for layer in originals(layers)}
    found: dict[tuple[str, ...], Case] = {}
    # By file and name, by file, by name: two layers may be of one file or one name.
    images: dict[Any, Any] = {}
    for layer in layers:
        facts = layer.metadata.get(METADATA)
        if facts is None:
            if isinstance(layer, Image):
                file = file_of(layer)
                for key in ((file, layer.name), file, layer.name):
                    if key is not None:
                        images.setdefault(key, layer)
            continue
        if id(layer) not in parts or "made_from" in facts:
            continue  # made of a run's results, no part of it
        case = found.setdefault(run_of(facts), Case(facts))
        if "gate" in facts:
            case.gates[gate_key(str(facts["gate"]))] = layer
        elif isinstance(layer, Labels):
            case.mask, case.facts = layer, facts
        else:
            case.probability.append(layer)
    cases = [case for case in reversed(found.values()) if case.probability]
    for case in cases:
        # The user may have moved them in the list.
        case.probability.sort(key=lambda layer: class_number(_part(layer)))
        case.gates = dict(sorted(case.gates.items(), key=lambda g: gate_parts(g[0])))
        file = case.probability[0].metadata.get(IMAGE_FILE, case.facts.get("source"))
        keys = ((file, case.name), file, case.name)
        case.image = next((images[key] for key in keys if key in images), None)
    return cases


def originals(layers: Iterable[Any]) -> list[Any]:
    """Parts of runs and of kept what-ifs among layers, each part once.

    A duplicate of one, or what somebody made of one by napari's own commands (another
    kind of layer, a projection, frames of their own), is the user's.
    """
    found: dict[Any, Any] = {}
    axes: dict[Any, int] = {}
    for layer in layers:
        facts = layer.metadata.get(METADATA, {})
        made_from = facts.get("made_from")
        if not facts or "explanation" in facts or made_from not in (None, WHAT_IF):
            continue
        part, run = _part(layer), (run_of(facts), made_from)
        if isinstance(layer, Labels) != (part == "mask"):
            continue
        if layer.ndim == axes.setdefault(run, layer.ndim):
            found.setdefault((run, part, facts.get("gate")), layer)
    return list(found.values())


def _part(layer: Any) -> str:
    return str(layer.metadata[METADATA].get("part", "probability"))


def case_of(layer: Any, layers: Iterable[Any]) -> Case | None:
    """The run that a layer came from, or was made from; None if it is not there."""
    facts = layer.metadata.get(METADATA)
    if facts is None:
        return None
    found = [case for case in find_cases(layers) if run_of(case.facts) == run_of(facts)]
    return found[0] if found else None


def kept_mask(layer: Any, layers: Iterable[Any]) -> Any:
    """Mask of the kept what-if that a layer belongs to; None if it is of none."""
    facts = {} if layer is None else layer.metadata.get(METADATA, {})
    if facts.get("made_from") != WHAT_IF:
        return None
    for other in layers:
        its = other.metadata.get(METADATA, {})
        if its.get("part") == "mask" and run_of(its) == run_of(facts):
            return other
    return None
