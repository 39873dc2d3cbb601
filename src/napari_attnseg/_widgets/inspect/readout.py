"""Describe the values of a result at one point. No Qt, no torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from napari_attnseg._widgets.layers.classes import class_names
from napari_attnseg._widgets.layers.metadata import SHARE_MAP, record_of
from napari_attnseg._widgets.layers.record import LayerRecord
from napari_attnseg._widgets.layers.runs import ResultLayers
from napari_attnseg.io.run_facts import share_of_frame
from napari_attnseg.results import GateKey, gate_label


def read_out(result: ResultLayers, point: Sequence[float]) -> str:
    """Probability, mask and psi of every gate at a world point; empty outside.

    The number of lines is the same for all points of a frame: ``row 120, column 88 ·
    in the mask``, ``model's probability 0.93``, which a correction does not change, and
    one line per gate, ``1/32: psi 0.18, towards the transformer``. A frame that was not
    segmented has one line, which says so. psi 0 is the transformer alone and 1 the CNN
    alone, unless the gate's layer says otherwise. With two gates per level, lines have
    the names of the gates.
    """
    at = pixel_at(result.probability[0], point)
    if at is None:
        return ""
    place = f"row {at[-2]}, column {at[-1]}"
    box = result.record.box
    if box is not None and not box.holds(at[-2], at[-1]):
        return f"{place} · outside the box that was segmented"
    done = result.record.is_done(_frame_of(at))
    if not done:
        place += " · not segmented"
    classes = class_names(result.record.provenance, len(result.probability))
    many = len(classes) > 1
    if result.mask is not None:
        value = int(np.asarray(result.mask.data[at]))
        # A reader may have painted a label that is no class.
        label = (
            f" of {classes[value - 1]}" if many and 0 < value <= len(classes) else ""
        )
        if value:
            place += f" · in the mask{label}"
        elif done:
            place += " · not in the mask"
    if not done:
        return place
    lines = [place]
    for known, layer in zip(classes, result.probability, strict=True):
        name = "model's probability" + (f" of {known}" if many else "")
        lines.append(f"{name} {float(np.asarray(layer.data[at])):.2f}")
    for key, layer, inside in _gates_at(result, point):
        psi = float(np.asarray(layer.data[inside]))
        record = record_of(layer)
        used = ""
        if record is not None and isinstance(key, int):
            used = f", {_used(record, psi)}"
        lines.append(f"{gate_label(key)}: psi {psi:.2f}{used}")
    return "\n".join(lines)


def shares_at(result: ResultLayers, point: Sequence[float]) -> str:
    """Effective share of the CNN at each gate, one per line; empty if not known.

    The effective share compares feature norms: it is the part of the fused features
    that comes from the CNN. It is given at that point or, for a result that was opened
    from files, as the mean of the image.
    """
    at = pixel_at(result.probability[0], point)
    if at is None or not result.record.is_done(_frame_of(at)):
        return ""
    shares = [
        f"{gate_label(key)}: {share}"
        for key, layer, inside in _gates_at(result, point)
        if (share := _share(layer, record_of(layer), inside))
    ]
    return "\n".join(["Effective share of the CNN:", *shares]) if shares else ""


def all_decorative(result: ResultLayers) -> bool:
    """Whether every gate map of a result was measured to be decorative."""
    records = [record_of(layer) for layer in result.gates.values()]
    return bool(records) and all(one is not None and one.decorative for one in records)


def _gates_at(
    result: ResultLayers, point: Sequence[float]
) -> Iterator[tuple[GateKey, Any, tuple[int, ...]]]:
    """Key, layer and pixel of each gate at a world point, the coarsest first."""
    for key in result.coarse_first:
        layer = result.gates[key]
        inside = pixel_at(layer, point)
        if inside is not None:
            yield key, layer, inside


def moved(
    result: ResultLayers, point: Sequence[float], by: tuple[int, int] | None
) -> tuple[float, ...]:
    """Move a world point by (rows, columns) pixels, clipped to the image.

    If `by` is None, return the middle of the frame in which `point` lies.
    """
    layer = result.probability[0]
    size = np.array(layer.data.shape[: layer.ndim])
    at = np.array(layer.world_to_data(point[-layer.ndim :]), float).round()
    at[-2:] = size[-2:] // 2 if by is None else at[-2:] + by
    return tuple(layer.data_to_world(np.clip(at, 0, size - 1)))


def _frame_of(at: tuple[int, ...]) -> int:
    """Frame of a stack that a pixel is in; 0 of a single image."""
    return at[0] if len(at) > 2 else 0


def _used(gate: LayerRecord, psi: float) -> str:
    """Say which encoder's features have the larger weight."""
    # As it is printed: 0.50 is neither.
    shown = round(psi, 2)
    if shown == 0.5:
        return "both alike"
    return f"towards the {gate.high if shown > 0.5 else gate.low}"


def _share(layer: Any, record: LayerRecord | None, at: tuple[int, ...]) -> str:
    """Effective share of the CNN at a pixel of a gate map; empty if it is not known."""
    values = layer.metadata.get(SHARE_MAP)
    if values is not None:
        share = float(values[at])
        return f"{share:.2f}" if share == share else ""
    if record is None:
        return ""
    mean = share_of_frame(record.effective_share or None, _frame_of(at)).mean
    return "" if mean is None else f"{mean:.2f} (mean of the image)"


def pixel_at(layer: Any, point: Sequence[float]) -> tuple[int, ...] | None:
    """Pixel of a layer at a world point; None outside."""
    if len(point) < layer.ndim:
        return None
    at = tuple(round(x) for x in layer.world_to_data(point[-layer.ndim :]))
    size = layer.data.shape[: layer.ndim]
    inside = all(0 <= i < n for i, n in zip(at, size, strict=True))
    return at if inside else None
