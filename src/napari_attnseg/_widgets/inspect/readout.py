"""What is at one point of a result, in words. No Qt, no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from napari_attnseg._widgets.layers.classes import class_names
from napari_attnseg._widgets.layers.metadata import METADATA
from napari_attnseg._widgets.layers.runs import Case
from napari_attnseg.results import gate_label


def read_out(case: Case, point: Sequence[float]) -> str:
    """Probability, mask and psi of every gate at a world point; empty outside.

    ``row 120, column 88 · probability 0.93 · in the mask · 1/32 transformer 0.18 …``:
    with each psi stands whose features it uses more; 0 is the transformer alone, 1 the
    CNN alone, or as the gate's layer says. Of two gates per level: their names.
    """
    at = _index(case.probability[0], point)
    if at is None:
        return ""
    words = [f"row {at[-2]}, column {at[-1]}"]
    classes = class_names(case.facts, len(case.probability))
    many = len(classes) > 1
    for known, layer in zip(classes, case.probability, strict=True):
        name = f"probability {known}" if many else "probability"
        words.append(f"{name} {float(np.asarray(layer.data[at])):.2f}")
    if case.mask is not None:
        value = int(np.asarray(case.mask.data[at]))
        # A reader may have painted a label that is no class.
        label = (
            f" of {classes[value - 1]}" if many and 0 < value <= len(classes) else ""
        )
        words.append(f"in the mask{label}" if value else "not in the mask")
    for key in case.coarse_first:
        layer = case.gates[key]
        inside = _index(layer, point)
        if inside is not None:
            psi = float(np.asarray(layer.data[inside]))
            used = _used(layer.metadata[METADATA], psi) if isinstance(key, int) else ""
            words.append(" ".join(filter(None, (gate_label(key), used, f"{psi:.2f}"))))
    return " · ".join(words)


def moved(
    case: Case, point: Sequence[float], by: tuple[int, int] | None
) -> tuple[float, ...]:
    """World point some pixels (rows, columns) away, kept on the image.

    `by` None: the middle of the frame that `point` lies in.
    """
    layer = case.probability[0]
    size = np.array(layer.data.shape[: layer.ndim])
    at = np.array(layer.world_to_data(point[-layer.ndim :]), float).round()
    at[-2:] = size[-2:] // 2 if by is None else at[-2:] + by
    return tuple(layer.data_to_world(np.clip(at, 0, size - 1)))


def _used(facts: Mapping[str, Any], psi: float) -> str:
    # As it is printed: 0.50 is neither.
    shown = round(psi, 2)
    if shown == 0.5:
        return "both alike"
    return str(facts["1" if shown > 0.5 else "0"])


def _index(layer: Any, point: Sequence[float]) -> tuple[int, ...] | None:
    """Pixel of a layer at a world point; None outside."""
    if len(point) < layer.ndim:
        return None
    at = tuple(round(x) for x in layer.world_to_data(point[-layer.ndim :]))
    size = layer.data.shape[: layer.ndim]
    inside = all(0 <= i < n for i, n in zip(at, size, strict=True))
    return at if inside else None
