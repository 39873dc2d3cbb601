"""The record of a layer to and from ``layer.metadata``. No Qt, no torch.

Only this module knows the keys. ``layer.metadata["attnseg"]`` is the provenance of the
run and what the layer shows of it, the same in the viewer and in the files of a results
folder. ``layer.metadata["attnseg_image"]`` says which image the layer belongs to; it is
valid as long as the viewer is open.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from napari.layers import Image

from napari_attnseg._widgets.layers.record import (
    Derivation,
    ImageReference,
    LayerRecord,
    Part,
)
from napari_attnseg.io.images import is_file
from napari_attnseg.io.run_facts import PER_FRAME
from napari_attnseg.results import (
    GATE_LEGEND,
    NOT_MEASURED,
    PatternValue,
    gate_key,
    gate_label,
)

#: Key, in ``layer.metadata``, of the record as a dictionary.
METADATA = "attnseg"
#: Key, in ``layer.metadata``, of the `ImageReference` as a dictionary.
IMAGE_REFERENCE = "attnseg_image"
#: Key, in ``layer.metadata`` of a mask, of the JSON file that its run was saved as.
RESULTS_FILE = "attnseg results file"
#: Key, in ``layer.metadata``, of the image's file, where napari names another one.
IMAGE_FILE = "attnseg image file"
#: Key, in ``layer.metadata`` of a gate map, of the effective share of the CNN at each
#: location, an array of the layer's shape, for as long as the viewer lives.
SHARE_MAP = "attnseg effective share"

#: Key, in ``layer.metadata``, of the orientation that was applied to the image's file.
IMAGE_ORIENTATION = "attnseg image orientation"

#: Key, in ``layer.metadata``, of what the image's file says: `FileFacts.to_provenance`.
FILE_FACTS = "attnseg file facts"

#: Key, in ``layer.metadata`` of a film, of the seconds of its frames, where known.
FRAME_TIMES = "attnseg frame times"

#: Key, in ``layer.metadata`` of a mask that was read, of the numbers of its frames as
#: their table has them: frame → column → number.
FRAME_NUMBERS = "attnseg frame numbers"

#: Key, in ``layer.metadata`` of the mask of a case in Review, of the identity of the
#: layer of its image.
REVIEWED = "attnseg reviewed image"

#: Keys of the dictionary that describe the layer; all others are provenance.
_LAYER_KEYS = frozenset(
    {
        *("part", "gate", "shows", "0", "1", "finding", "decorative"),
        "pattern",
        "effective_share",
        *("explanation", "target", "made_from", "made_from_layer", "objects"),
    }
)


def to_dict(record: LayerRecord) -> dict[str, Any]:
    """Plain dictionary, as users see it in ``layer.metadata["attnseg"]``."""
    values = dict(record.provenance)
    if record.part is Part.PROBABILITY and record.class_number:
        values["part"] = f"{record.part} {record.class_number}"
    elif record.part is not None:
        values["part"] = str(record.part)
    if record.gate is not None:
        values |= {"gate": gate_label(record.gate), "0": record.low, "1": record.high}
        values |= {"decorative": record.decorative, "pattern": str(record.pattern)}
    if record.effective_share:  # earlier versions did not measure it
        values["effective_share"] = dict(record.effective_share)
    if record.explanation:
        values |= {"explanation": record.explanation, "target": record.target}
    if record.gate is not None or record.explanation:
        values |= {"shows": record.shows, "finding": record.finding}
    if record.derivation is not None:
        values["made_from"] = str(record.derivation)
    if record.derivation is Derivation.OBJECTS:
        values["objects"] = True
    if record.made_from_layer:
        values["made_from_layer"] = record.made_from_layer
    return values


def run_provenance(record: LayerRecord) -> dict[str, Any]:
    """Provenance for a results folder, which all parts of the run share."""
    values = {k: v for k, v in record.provenance.items() if k != "source"}
    if record.derivation is not None:
        values["made_from"] = str(record.derivation)
    return values


def metadata_of(record: LayerRecord) -> dict[str, Any]:
    """Make the ``metadata`` of a new layer from its record."""
    image = record.image
    reference = {"name": image.name, "layer": image.layer_id, "file": image.file}
    return {METADATA: to_dict(record), IMAGE_REFERENCE: reference}


def record_from(metadata: Mapping[str, Any]) -> LayerRecord | None:
    """The record in ``layer.metadata``; None if the layer is not of this plugin.

    Dictionaries of earlier versions, which lack some of the keys, are read as well.
    """
    values = metadata.get(METADATA)
    if values is None:
        return None
    provenance = {key: v for key, v in values.items() if key not in _LAYER_KEYS}
    part, class_number = _part(values)
    gate = values.get("gate")
    derivation = derivation_of(values)
    return LayerRecord(
        provenance,
        _image(metadata, str(values.get("source"))),
        part,
        class_number,
        None if gate is None else gate_key(str(gate)),
        str(values.get("0", "")),
        str(values.get("1", "")),
        str(values.get("shows", "" if gate is None else GATE_LEGEND)),
        str(values.get("finding", "" if gate is None else NOT_MEASURED)),
        str(values.get("explanation", "")),
        str(values.get("target", "")),
        derivation,
        str(values.get("made_from_layer", "")) or _old_parent(values, derivation),
        dict(values.get("effective_share", {})),
        PatternValue.of(values),
    )


def record_of(layer: Any) -> LayerRecord | None:
    """The record of a layer; None if the layer is not of this plugin."""
    return record_from(layer.metadata)


def has_record(layer: Any) -> bool:
    """Whether a layer was made by this plugin."""
    return METADATA in layer.metadata


def is_image(layer: Any) -> bool:
    """Whether a layer is an image that this plugin did not make."""
    return isinstance(layer, Image) and not has_record(layer)


def set_record(layer: Any, record: LayerRecord) -> None:
    """Replace the record of a layer, and keep the layer's other metadata."""
    layer.metadata.update(metadata_of(record))


def set_frame(
    layer: Any, frame: int, facts: Mapping[str, Any], share: float | None = None
) -> None:
    """Note in the record of a stack's layer what is known of one frame.

    Parameters
    ----------
    layer : napari layer
        Layer of a run of several frames.
    frame : int
    facts : mapping
        Provenance of the frame; only the values that differ between frames are used.
    share : float or None
        Mean effective share of a gate map in this frame.
    """
    values = layer.metadata[METADATA]
    for key in PER_FRAME:
        if key in values and key in facts:
            values[key][frame] = facts[key]
    means = values.get("effective_share", {}).get("mean")
    if isinstance(means, list):
        means[frame] = share


def derivation_of(values: Mapping[str, Any]) -> Derivation | None:
    """``made_from`` of a layer's dictionary or of the provenance in a results folder.

    For an edited mask and for objects, earlier versions wrote the name of the layer
    from which they were made.
    """
    made_from = values.get("made_from")
    if made_from is None:
        return None
    with suppress(ValueError):
        return Derivation(str(made_from))
    return Derivation.OBJECTS if "objects" in values else Derivation.EDITED


def _old_parent(values: Mapping[str, Any], derivation: Derivation | None) -> str:
    """Name of a layer that an earlier version wrote as ``made_from``."""
    made_from = str(values.get("made_from", ""))
    named = derivation in (Derivation.EDITED, Derivation.OBJECTS)
    return made_from if named and made_from != derivation else ""


def _part(values: Mapping[str, Any]) -> tuple[Part | None, int]:
    """Part, and number of its class."""
    text = values.get("part")
    if text is None:
        # Earlier versions marked no part; what they derived is none.
        if "explanation" in values or "made_from" in values:
            return None, 0
        return (Part.GATE if "gate" in values else Part.PROBABILITY), 0
    name, _, number = str(text).partition(" ")
    try:
        return Part(name), int(number or 0)
    except ValueError:  # of a later version
        return None, 0


def _image(metadata: Mapping[str, Any], source: str) -> ImageReference:
    """The stored reference; of a layer without one, what its provenance says."""
    known = metadata.get(IMAGE_REFERENCE)
    file = metadata.get(IMAGE_FILE)
    if known is not None:
        return ImageReference(known["name"], known["layer"], file or known["file"])
    file = file or (source if is_file(Path(source)) else None)
    return ImageReference(source if file is None else Path(file).stem, "", file)


def file_facts(layer: Any) -> Mapping[str, Any] | None:
    """What the file of an image layer says; None if that is not known.

    The key may be there without a value: the image of a case in Review stays a layer,
    and takes the facts of the next case, or none.
    """
    found: Mapping[str, Any] | None = layer.metadata.get(FILE_FACTS)
    return found


def results_file(layer: Any) -> Path | None:
    """The JSON file that the run of a mask layer was saved as; None if it was not."""
    found = layer.metadata.get(RESULTS_FILE)
    return None if found is None else Path(found)


def set_results_file(layer: Any, file: Path) -> None:
    """Record the JSON file that the run of a mask layer was saved as."""
    layer.metadata[RESULTS_FILE] = str(file.resolve())
