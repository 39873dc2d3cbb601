"""Save and load results as ``attnseg segment`` and the viewer write them.

The files of an image are ``NAME_mask.png``, ``NAME_probability.tif``,
``NAME_gate_1-4.tif`` and so on, and ``NAME.json``, which names the other files and
holds the provenance.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.boxes import BOX_MEANING, box_of
from napari_attnseg.errors import InputError
from napari_attnseg.hashing import array_sha256
from napari_attnseg.io.atomic import remove, write_together
from napari_attnseg.io.beside_masks import expect_mask, expect_original, expect_part
from napari_attnseg.io.edited_masks import result_doubts
from napari_attnseg.io.exchanged_masks import own_result_words
from napari_attnseg.io.files import (
    RESULTS_FORMAT,
    expect_files_that_fit,
    image_of,
    png_bytes,
    read_facts,
    relative_source,
    tiff_bytes,
)
from napari_attnseg.io.images import is_file, read_numbers
from napari_attnseg.io.mask_values import ReadMask, labels_of
from napari_attnseg.io.reader_masks import load_readers, reader_parts, stale_files
from napari_attnseg.io.run_facts import (
    IMAGE,
    effective_share,
    of_frame,
    provenance,
    share_of_frame,
)
from napari_attnseg.io.unread_masks import unread_words
from napari_attnseg.masks import rules_of
from napari_attnseg.results import (
    GATE_LEGEND,
    NO_GATES,
    AttentionMap,
    PatternValue,
    Segmentation,
    gate_key,
    gate_parts,
)
from napari_attnseg.uncertainty import DOUBT_MEANING, case_doubt

FORMAT = RESULTS_FORMAT
#: Larger masks are TIFFs, like those of stacks: Pillow warns of larger PNGs.
PNG_PIXELS = 89_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """Results of one image or stack, with their placement over it.

    Attributes
    ----------
    name : str
        Name of the image's layer.
    source : str
        The image's file as it was given, or the name of the layer that held it.
    segmentations : sequence of Segmentation
        One per frame.
    frames : int or None
        Length of the stack; None for a single image.
    placement : mapping
        JSON-ready ``scale, translate, rotate, shear, affine, units, axis_labels`` of
        the image's layer; empty: one pixel is one unit.
    image : Path or None
        Present or last known path of the image, if it came from a file.
    assumed : str
        How the numbers of the mask's file were read, if that is not obvious, and which
        files beside it look like masks and were not read; else empty.
    """

    name: str
    source: str
    segmentations: Sequence[Segmentation]
    frames: int | None = None
    placement: Mapping[str, Any] = field(default_factory=dict)
    image: Path | None = None
    assumed: str = ""


def save_results(results: Results, folder: Path, stem: str) -> list[Path]:
    """Write all files of a run; the JSON is last, so that it names only existing files.

    Ask `saved_results.foreign` first whether existing files may be replaced.

    The files are ``<stem>_mask.png`` (uint8; 0 background, 255 for a single class,
    otherwise the number of the class), ``<stem>_probability.tif`` (float32, (H, W) or
    (classes, H, W)), ``<stem>_gate_1-4.tif`` … (float32, each at its own resolution;
    none for a model without gates, ``<stem>_gate_1-4-CNN.tif`` and so on for one with
    two per level) and ``<stem>.json``. A stack has a leading axis in each, and its mask
    is a TIFF. Results with readers also have ``<stem>_mask_cnn``,
    ``<stem>_mask_transformer``, ``<stem>_mask_disagree``,
    ``<stem>_probability_cnn.tif`` and ``<stem>_probability_transformer.tif``. If these
    results have none, such files of earlier results are removed. ``mask_edited`` in the
    JSON says whether somebody has painted in the mask since it was made by the
    threshold or by the ``mask_rules`` in provenance.

    Raises
    ------
    InputError
        If a file cannot be written.
    """
    frames = results.segmentations
    first = frames[0]
    mask = _stack([f.mask for f in frames], results.frames)
    unit = 255 if len(first.probability) == 1 and mask.max(initial=0) <= 1 else 1
    small = mask.dtype == np.uint8 and mask.size <= PNG_PIXELS
    single = results.frames is None and small
    files = {
        "mask": f"{stem}_mask.{'png' if single else 'tif'}",
        "probability": f"{stem}_probability.tif",
    }
    probability = _stack(
        [
            f.probability[0] if len(f.probability) == 1 else f.probability
            for f in frames
        ],
        results.frames,
    )

    def encode(masks: NDArray[Any]) -> bytes:
        return (png_bytes if single else tiff_bytes)(masks * masks.dtype.type(unit))

    # The probability first: by it `foreign` knows what a run that was stopped left.
    parts = {
        files["probability"]: tiff_bytes(probability.astype(np.float32)),
        files["mask"]: encode(mask),
    }
    gates = []
    for i, gate in enumerate(first.attention):
        name = f"{stem}_{gate_file(gate.label)}"
        values = _stack([f.attention[i].values for f in frames], results.frames)
        parts[name] = tiff_bytes(values.astype(np.float32))
        gates.append(
            {
                "file": name,
                "level": gate.label,
                "source_pixels_per_map_pixel": list(gate.stride),
                "0": gate.low,
                "1": gate.high,
                "finding": gate.finding,
                "decorative": gate.decorative,
                "pattern": str(gate.pattern),
                "effective_share": effective_share(frames, i),
            }
        )
    if results.image is not None:
        # Moved since the run, with its results: where it is now.
        moved = not is_file(Path(results.source)) and is_file(results.image)
        source = str(results.image) if moved else results.source
        files["image"] = relative_source(source, folder)
    own = provenance(frames, results.source)
    facts = {
        "format": FORMAT,
        "provenance": own,
        "mask_edited": _edited(frames),
        "files": files,
        "mask_value": unit,
        "gates": gates,
        # A kept what-if writes the maps that were painted only.
        "gates_show": GATE_LEGEND if gates or own.get("gates_forced") else NO_GATES,
        "layer": {
            "name": results.name,
            "frames": results.frames,
            "placement": dict(results.placement),
        },
    }
    missing = [i for i, f in enumerate(frames) if f.provenance.get(IMAGE, "") is None]
    if missing:  # 0 in every file, which is no finding
        facts["frames_not_segmented"] = missing
    box = box_of(own)
    if box is not None:
        facts["box_is"] = BOX_MEANING
    if results.frames is None:
        doubt = case_doubt(first.probability, first.mask, box)
        facts["doubt_bits"] = None if math.isnan(doubt) else round(doubt, 4)
        facts["doubt_is"] = DOUBT_MEANING
    more, block = reader_parts(
        frames,
        stem,
        ".png" if single else ".tif",
        lambda arrays: _stack(arrays, results.frames),
        encode,
    )
    parts |= more
    facts |= block
    earlier = read_facts(folder / f"{stem}.json", FORMAT)
    parts[f"{stem}.json"] = (json.dumps(facts, indent=2) + "\n").encode()
    write_together({folder / name: data for name, data in parts.items()})
    for file in stale_files(earlier, folder, parts):
        remove(file)
    return [folder / name for name in parts]


def gate_file(label: str) -> str:
    """End of a gate map's file name: ``gate_1-4.tif`` or ``gate_1-4-CNN.tif``."""
    return f"gate_{label.replace('/', '-').replace(' ', '-')}.tif"


def load_results(path: Path) -> Results:
    """Inverse of `save_results`, from its JSON file.

    Raises
    ------
    InputError
        If it is not such a file, or a file that it names cannot be read.
    """
    facts = read_facts(path, FORMAT)
    if facts is None:
        raise InputError(
            "Expected the JSON file of a results folder, written by attnseg "
            f"segment or by the viewer ({FORMAT}), but {path.name} is another kind "
            "of file: choose NAME.json."
        )
    with expect_files_that_fit(path, "results"):
        return _results(path, facts)


def _results(path: Path, facts: dict[str, Any]) -> Results:
    layer, files, own = facts["layer"], facts["files"], facts["provenance"]
    count = layer["frames"]
    rules_of(own)  # what it cannot read is not to reach the mask panel
    box = box_of(own)

    def stored(name: str) -> NDArray[Any]:
        expect_part(path.parent / name)
        return read_numbers(path.parent / name)

    def frames(name: str) -> NDArray[Any]:
        values = stored(name)
        return values[None] if count is None else values

    def labels(name: str) -> ReadMask:
        pixels, unit = stored(name), facts["mask_value"]
        return labels_of(pixels, unit, name, stack=count is not None)

    expect_original(path, files["mask"])
    file = path.parent / files["mask"]
    expect_mask(file)
    read = labels(files["mask"])
    masks = read.labels[None] if count is None else read.labels
    probabilities = frames(files["probability"])
    if probabilities.ndim == masks.ndim:
        probabilities = probabilities[:, None]
    sizes = masks.shape, probabilities.shape[:1] + probabilities.shape[2:]
    if masks.ndim != 3 or len(masks) != (count or 1):
        raise ValueError(f"mask of shape {masks.shape}")
    if sizes[0] != sizes[1]:
        rows, columns = masks.shape[-2:]
        raise InputError(
            f"Expected the size of the probability, {sizes[1][-1]}×{sizes[1][-2]} "
            f"pixels, in {files['mask']}, but it has {columns}×{rows}; save the mask "
            "in its first size, or segment the image again."
        )
    if box is not None:
        box.expect_inside(masks.shape[-2:])
    maps = [(gate, frames(gate["file"])) for gate in facts["gates"]]
    readers = load_readers(facts, count is None, labels, frames)
    segmentations, doubts = [], []
    for i in range(count or 1):
        said = of_frame(own, i, count)
        if said.get(IMAGE, "") is not None:
            doubts.append(own_result_words(path, facts, masks[i], i))
        if facts["mask_value"] == 255 and said.get(IMAGE, "") is not None:
            known = probabilities[i], said, files["mask"]
            doubts.append(result_doubts(masks[i], *known))
        attention = tuple(_attention(gate, values[i], i) for gate, values in maps)
        if box is not None:
            attention = tuple(replace(gate, origin=box.origin) for gate in attention)
        alone = None if readers is None else readers[i]
        parts = (masks[i], probabilities[i], attention, said, alone)
        segmentations.append(Segmentation(*parts))
    image = image_of(path, facts)
    beside = unread_words(file, masks[0] if count is None else masks, image)
    return Results(
        layer["name"],
        own["source"],
        segmentations,
        count,
        layer["placement"],
        image,
        " ".join(filter(None, (read.assumed, *dict.fromkeys(doubts), beside))),
    )


def _attention(
    gate: dict[str, Any], values: NDArray[np.float32], frame: int
) -> AttentionMap:
    rows, columns = gate["source_pixels_per_map_pixel"]
    level, name = gate_parts(gate_key(gate["level"]))
    return AttentionMap(
        values,
        level,
        (rows, columns),
        gate["0"],
        gate["1"],
        gate["finding"],
        name,
        share_of_frame(gate.get("effective_share"), frame),
        PatternValue.of(gate),
    )


def _edited(frames: Sequence[Segmentation]) -> bool:
    """Whether a mask was painted in after it was made."""
    made = [(frame.mask, frame.provenance.get("mask_sha256", "")) for frame in frames]
    return any(
        bool(mask.any()) if sha256 is None else array_sha256(mask) != sha256
        for mask, sha256 in made
    )


def _stack(parts: list[NDArray[Any]], frames: int | None) -> NDArray[Any]:
    return parts[0] if frames is None else np.stack(parts)
