"""napari's writer: a run's layers as ``attnseg segment`` writes them. No Qt."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_attnseg._widgets.layers.metadata import (
    METADATA,
    WHAT_IF,
    class_number,
    run_of,
)
from napari_attnseg.errors import InputError
from napari_attnseg.io.results import PER_FRAME, Results, save_results
from napari_attnseg.results import (
    AttentionMap,
    GateKey,
    Segmentation,
    gate_key,
    gate_parts,
)

#: Data, attributes and type of a layer, as napari passes them to a writer.
LayerTuple = tuple[Any, Mapping[str, Any], str]


def write(path: str, layers: list[LayerTuple]) -> list[str]:
    """Napari's writer: what is ours among the layers, into a folder.

    Raises
    ------
    InputError
        If nothing is ours, a run is incomplete, or the folder cannot be written.
    """
    found = results_of(layers)
    if not found:
        raise InputError(
            "Expected layers that AttnSeg made, but there are none among these; "
            "choose another file type to save them."
        )
    written: list[Path] = []
    for results, stem in zip(found, stems(found), strict=True):
        written += save_results(results, Path(path), stem)
    return [str(file) for file in written]


def stems(found: Sequence[Results]) -> list[str]:
    """A file name for each, made of its image's name, all different."""
    names: list[str] = []
    for results in found:
        plain = re.sub(r"[^\w.-]+", "_", results.name).strip("._") or "image"
        if results.segmentations[0].provenance.get("made_from") == WHAT_IF:
            plain += "_what_if"
        name, number = plain, 2
        while name in names:
            name, number = f"{plain}_{number}", number + 1
        names.append(name)
    return names


def results_of(layers: Sequence[LayerTuple]) -> list[Results]:
    """Results of every run that has layers among these; other layers are passed over.

    Raises
    ------
    InputError
        If a run lacks its mask or probability, or has one of them twice.
    """
    runs: dict[tuple[str, ...], dict[str, LayerTuple]] = {}
    for layer in layers:
        facts = layer[1].get("metadata", {}).get(METADATA, {})
        if "part" not in facts or facts.get("made_from", WHAT_IF) != WHAT_IF:
            continue  # not ours, or a copy that was kept beside the run's own layer
        parts = runs.setdefault(run_of(facts), {})
        part = facts["part"] + facts.get("gate", "")
        if part in parts:
            raise InputError(
                f"Expected each part of a run once, but {parts[part][1]['name']!r} and "
                f"{layer[1]['name']!r} are the same one; select one of them to save."
            )
        parts[part] = layer
    return [_results(parts) for parts in runs.values()]


def _results(parts: Mapping[str, LayerTuple]) -> Results:
    named = (name for name in parts if name.startswith("probability"))
    probabilities = [parts[name] for name in sorted(named, key=class_number)]
    if "mask" not in parts or not probabilities:
        raise InputError(
            "Expected a run's mask and probability together, but one of the two is not "
            "among the layers to save; select both."
        )
    data, options, _ = parts["mask"]
    mask = np.asarray(data)
    count = mask.shape[0] if mask.ndim == 3 else None
    facts = options["metadata"][METADATA]
    gates = sorted(
        (layer for name, layer in parts.items() if name.startswith("gate")),
        key=lambda gate: gate_parts(_key(gate)),
    )
    own = {key: value for key, value in facts.items() if key not in ("part", "source")}
    several = count is not None and count > 1

    def frame(data: Any, index: int) -> Any:
        return np.asarray(data if count is None else data[index])

    segmentations = [
        Segmentation(
            frame(mask, i),
            np.stack([frame(p[0], i).astype(np.float32) for p in probabilities]),
            tuple(
                _attention(gate, frame(gate[0], i), mask.shape[-2:]) for gate in gates
            ),
            {k: v[i] if several and k in PER_FRAME else v for k, v in own.items()},
        )
        for i in range(count or 1)
    ]
    source = facts["source"]
    image = Path(source) if Path(source).is_file() else None
    name = options["name"].partition(" · ")[0]
    return Results(name, source, segmentations, count, _placement(options), image)


def _key(gate: LayerTuple) -> GateKey:
    return gate_key(gate[1]["metadata"][METADATA]["gate"])


def _attention(gate: LayerTuple, values: Any, shape: tuple[int, ...]) -> AttentionMap:
    facts = gate[1]["metadata"][METADATA]
    level, name = gate_parts(_key(gate))
    return AttentionMap(
        values.astype(np.float32),
        level,
        (shape[0] / values.shape[0], shape[1] / values.shape[1]),
        facts["0"],
        facts["1"],
        facts["finding"],
        facts["decorative"],
        name,
    )


def _placement(options: Mapping[str, Any]) -> dict[str, Any]:
    """A layer's placement as JSON."""
    numbers = ("scale", "translate", "rotate", "shear", "affine")
    return {
        **{key: np.asarray(options[key]).tolist() for key in numbers},
        "units": [str(unit) for unit in options["units"]],
        "axis_labels": list(options["axis_labels"]),
    }
