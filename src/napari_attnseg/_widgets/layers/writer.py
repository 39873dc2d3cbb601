"""napari's writer of results folders, as ``attnseg segment`` writes them. No Qt."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from napari_attnseg._widgets.layers.metadata import (
    derivation_of,
    record_from,
    run_provenance,
)
from napari_attnseg._widgets.layers.record import Derivation, LayerRecord, Part
from napari_attnseg.errors import InputError
from napari_attnseg.io.images import SUFFIXES, is_file
from napari_attnseg.io.results import Results, save_results
from napari_attnseg.io.run_facts import PER_FRAME
from napari_attnseg.results import GateKey, Segmentation, gate_parts

#: Data, attributes and type of a layer, as napari passes them to a writer.
LayerTuple = tuple[Any, Mapping[str, Any], str]


class _Written(NamedTuple):
    """One layer to write."""

    record: LayerRecord
    data: Any
    options: Mapping[str, Any]


#: Part, number of the class, key of the gate: which output of a run a layer is.
_Output = tuple[Part | None, int, GateKey | None]


def write(path: str, layers: list[LayerTuple]) -> list[str]:
    """Write the results among the layers into a folder; returns the files.

    Raises
    ------
    InputError
        If there are no results, a run is incomplete, or the folder cannot be written.
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
    """Make a different file name stem for each, from the name of its image."""
    names: list[str] = []
    for results in found:
        plain = re.sub(r"[^\w.-]+", "_", results.name).strip("._") or "image"
        derivation = derivation_of(results.segmentations[0].provenance)
        if derivation is Derivation.WHAT_IF:
            plain += "_what_if"
        if derivation is Derivation.SMOOTHED:
            plain += "_smoothed"
        name, number = plain, 2
        while name in names:
            name, number = f"{plain}_{number}", number + 1
        names.append(name)
    return names


def results_of(layers: Sequence[LayerTuple]) -> list[Results]:
    """Results of every run that has layers among these; other layers are ignored.

    Raises
    ------
    InputError
        If a run lacks its mask or probability, or has one of them twice.
    """
    runs: dict[Any, dict[_Output, _Written]] = {}
    for data, options, _ in layers:
        record = record_from(options.get("metadata", {}))
        if record is None or not record.is_saved:
            continue  # another plugin's, or a copy beside the run's own layer
        outputs = runs.setdefault((record.run_id, record.derivation), {})
        key = (record.part, record.class_number, record.gate)
        if key in outputs:
            raise InputError(
                "Expected each part of a run once, but "
                f"{outputs[key].options['name']!r} and {options['name']!r} are the "
                "same part; select one of them to save."
            )
        outputs[key] = _Written(record, data, options)
    return [_results(list(outputs.values())) for outputs in runs.values()]


def _results(outputs: Sequence[_Written]) -> Results:
    of_part: dict[Part | None, list[_Written]] = {part: [] for part in Part}
    for output in outputs:
        of_part[output.record.part].append(output)
    probabilities = sorted(
        of_part[Part.PROBABILITY], key=lambda one: one.record.class_number
    )
    if not of_part[Part.MASK] or not probabilities:
        raise InputError(
            "Expected a run's mask and probability together, but one of the two is not "
            "among the layers to save; select both."
        )
    record, data, options = of_part[Part.MASK][0]
    mask = np.asarray(data)
    count = mask.shape[0] if mask.ndim == 3 else None
    gates = sorted(of_part[Part.GATE], key=_level_and_name)
    provenance = run_provenance(record)
    several = count is not None and count > 1

    def frame(data: Any, index: int) -> Any:
        return np.asarray(data if count is None else data[index])

    segmentations = [
        Segmentation(
            frame(mask, i),
            np.stack([frame(p.data, i).astype(np.float32) for p in probabilities]),
            tuple(
                gate.record.attention_map(frame(gate.data, i), mask.shape[-2:], i)
                for gate in gates
            ),
            {
                k: v[i] if several and k in PER_FRAME else v
                for k, v in provenance.items()
            },
        )
        for i in range(count or 1)
    ]
    name = record.image.name
    return Results(
        name,
        record.source,
        segmentations,
        count,
        _placement(options),
        _image_file(record),
    )


def _image_file(record: LayerRecord) -> Path | None:
    """The image's file where it is now, else where it was; None: it came from none."""
    source, found = Path(record.source), record.image.file
    if is_file(source) or (source.is_absolute() and found is None):
        return source
    if found is not None:
        return Path(found)
    looks_like_one = len(source.parts) > 1 and source.suffix.lower() in SUFFIXES
    return source if looks_like_one else None


def _level_and_name(gate: _Written) -> tuple[int, str]:
    assert gate.record.gate is not None
    return gate_parts(gate.record.gate)


def _placement(options: Mapping[str, Any]) -> dict[str, Any]:
    """Placement of a layer, JSON-ready."""
    numbers = ("scale", "translate", "rotate", "shear", "affine")
    return {
        **{key: np.asarray(options[key]).tolist() for key in numbers},
        "units": [str(unit) for unit in options["units"]],
        "axis_labels": list(options["axis_labels"]),
    }
