"""Layers of the results of a film or a stack that `attnseg segment` wrote. No Qt.

The film itself is opened with them, if it is found and holds the same pixels; its
frames are read when they are shown. Masks are all read immediately.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from napari.utils.notifications import show_info, show_warning

from napari_attnseg._widgets.layers.classes import class_names, class_options
from napari_attnseg._widgets.layers.display import make_layer
from napari_attnseg._widgets.layers.file_reader import file_layer, placement_by
from napari_attnseg._widgets.layers.metadata import FRAME_NUMBERS
from napari_attnseg._widgets.layers.new_layers import NewLayer, layer_name
from napari_attnseg._widgets.layers.record import ImageReference, LayerRecord, Part
from napari_attnseg._widgets.layers.source import placement_of
from napari_attnseg._widgets.layers.stack_array import StackArray
from napari_attnseg.errors import AttnSegError, InputError
from napari_attnseg.frame_rows import COLUMNS, estimate_of_row
from napari_attnseg.hashing import array_sha256
from napari_attnseg.io.frame_results import FrameResults, load_frame_results
from napari_attnseg.io.readers import find_sets, open_frames
from napari_attnseg.io.readers.facts import FILE_FACTS, FRAME_STEP
from napari_attnseg.io.run_facts import IMAGE
from napari_attnseg.reliability.estimate import ESTIMATE

#: Columns of the table that are no numbers.
_TEXTS = ("mask", "expected_dice_state", "image_sha256", "mask_sha256")


def film_layers(path: Path) -> list[Any]:
    """The film, if it is found, and above it a Labels layer of its masks.

    Parameters
    ----------
    path : Path
        JSON file of the results.

    Raises
    ------
    InputError
        If results are missing or damaged. A film that was moved or has changed is left
        out, with a warning. A notice says that there is no probability.
    """
    found = load_frame_results(path)
    show_info(
        f"The results of {found.names.stem} hold masks and their numbers: attnseg "
        "segment keeps no probability and no gate maps of films and stacks. Segment it "
        "here to see them."
    )
    rows = found.rows()
    image = _image(found, rows)
    total = _count(found)
    masks, hashes = _masks(found, total)
    own = dict(found.provenance)

    def per_frame(value: Mapping[int, Any]) -> list[Any]:
        return [value.get(frame) for frame in range(total)]

    facts: dict[str, Any] = {
        **own,
        IMAGE: per_frame({i: rows[i].get("image_sha256") or None for i in rows}),
        "mask_sha256": per_frame(hashes),
    }
    estimates = {i: estimate_of_row(rows[i]) for i in found.frames}
    if any(one is not None for one in estimates.values()):
        facts[ESTIMATE] = per_frame(estimates)
    name = found.names.stem if image is None else str(image.name)
    layer_id = "" if image is None else str(image.unique_id)
    file = None if found.source is None else str(found.source.resolve())
    record = LayerRecord(facts, ImageReference(name, layer_id, file), Part.MASK)
    placement = _unread_placement(found) if image is None else placement_of(image)
    classes = class_names(own, len(own.get("classes", ("",))))
    options = {"name": layer_name("mask", name), **placement, "opacity": 1.0}
    known = {FRAME_NUMBERS: {i: _numbers(rows[i]) for i in found.frames}}
    mask = make_layer(
        NewLayer(
            "Labels",
            masks.values,
            options | class_options(classes),
            record,
            outlined=True,
            metadata=known,
        )
    )
    return [mask] if image is None else [image, mask]


def _count(found: FrameResults) -> int:
    """Number of frames of the film, as its reader counted them."""
    said = (found.provenance.get(FILE_FACTS) or {}).get("frames", 0)
    return max(int(said), found.frames[-1] + 1)


def _masks(found: FrameResults, total: int) -> tuple[StackArray, dict[int, str]]:
    """Masks of all frames, 0 where none was made, and the hash of each that was."""
    shape = found.mask(found.frames[0]).labels.shape
    masks = StackArray(total, shape, np.uint8)
    hashes: dict[int, str] = {}
    assumed = ""
    for frame in found.frames:
        read = found.mask(frame)
        assumed = assumed or read.assumed
        mask = read.labels.astype(np.uint8)
        if mask.shape != shape:
            raise InputError(
                f"Expected masks of one size in {found.names.masks.name}, but that of "
                f"frame {frame} has {mask.shape} pixels; segment the file again."
            )
        masks.put(frame, mask)
        hashes[frame] = array_sha256(mask)
    if assumed:
        show_warning(assumed)
    return masks, hashes


def _image(found: FrameResults, rows: Mapping[int, Mapping[str, str]]) -> Any:
    """Layer of the film; None, with a warning, if it is missing or has changed."""
    stem = found.names.stem
    if found.source is None:
        show_warning(
            f"The images of {stem} are left out: they were moved, or they are DICOM "
            "files, which results do not name; open them yourself."
        )
        return None
    done = found.frames
    try:
        (files,) = find_sets([found.source])
        with open_frames(files) as frames:
            for frame in sorted({done[0], done[len(done) // 2], done[-1]}):
                wanted = rows[frame].get("image_sha256")
                if frame >= len(frames) or array_sha256(frames[frame]) != wanted:
                    raise InputError(
                        f"{found.source.name} does not hold the pixels that were "
                        "segmented; open the file that belongs to these results."
                    )
        return file_layer(files)
    except (AttnSegError, ValueError) as error:
        show_warning(f"The images of {stem} are left out: {error}")
        return None


def _unread_placement(found: FrameResults) -> dict[str, Any]:
    """Placement as that of the images, which are not open, by the results' JSON."""
    facts = found.provenance.get(FILE_FACTS) or {}
    if FRAME_STEP not in facts:
        show_warning(
            f"The results of {found.names.stem} do not say how far apart slices "
            "are, because an earlier version wrote them: over images that you open "
            "yourself, masks may lie on other slices. Segment the file again, or "
            "give the mask's layer the scale of the images."
        )
    return placement_by(facts, True)


def _numbers(row: Mapping[str, str]) -> dict[str, float]:
    """Numbers of a row, whole ones as such; what is empty is left out."""
    found = {
        name: row[name] for name in COLUMNS if name not in _TEXTS and row.get(name)
    }
    return {k: int(v) if v.isdecimal() else float(v) for k, v in found.items()}
