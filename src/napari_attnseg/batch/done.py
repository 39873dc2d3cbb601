"""Find results that an earlier run has made, so that a batch can be resumed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.batch.options import SegmentOptions
from napari_attnseg.cards import versions
from napari_attnseg.errors import InputError
from napari_attnseg.hashing import array_sha256
from napari_attnseg.intensity import Intensity, rule_to_json
from napari_attnseg.io.files import read_facts
from napari_attnseg.io.frame_parts import EarlierFrames
from napari_attnseg.io.frame_table import read_rows
from napari_attnseg.io.images import is_file, read_image
from napari_attnseg.io.results import FORMAT, load_results
from napari_attnseg.io.stack_results import FORMAT as FRAMES_FORMAT
from napari_attnseg.io.stack_results import StackNames
from napari_attnseg.masks import MaskRules
from napari_attnseg.reader_record import READERS
from napari_attnseg.results import GateKey, gate_label

if TYPE_CHECKING:
    from napari_attnseg.forced_gates import Forced

#: Key, in the provenance of a run, of the hash of its settings.
SETTINGS = "settings_sha256"


@dataclass(frozen=True, slots=True)
class Earlier:
    """Results of an earlier run.

    Attributes
    ----------
    files : sequence of Path
        All files; the last one names the others.
    provenance : mapping
        Provenance in their JSON file.
    """

    files: Sequence[Path]
    provenance: Mapping[str, Any]


def settings_hash(
    how: SegmentOptions,
    rules: MaskRules,
    intensity: Intensity,
    gates: Mapping[GateKey, Forced],
) -> str:
    """SHA-256 of the version and the settings, other than weights and device.

    Parameters
    ----------
    how : SegmentOptions
    rules, intensity, gates
        Mask rules, intensity rule and forced gates that follow from `how`, with names
        and defaults replaced by values.
    """
    facts = {
        "version": versions()["napari-attnseg"],
        "rules": asdict(rules),
        "intensity": rule_to_json(intensity),
        "gates": {
            gate_label(key): psi
            if np.ndim(psi) == 0
            else array_sha256(np.asarray(psi, np.float32))
            for key, psi in gates.items()
        },
        "flip": how.flip,
        "objects": how.objects,
        "medsam": None if how.medsam is None else str(how.medsam),
        "medsam_margin": how.medsam_margin,
        "readers": how.readers,
        "box": None if how.box is None else how.box.to_json(),
        "tile": how.tile,
        "precision": how.precision,
    }
    text = json.dumps(facts, sort_keys=True, default=float)
    return hashlib.sha256(text.encode()).hexdigest()


def done_before(
    folder: Path,
    stem: str,
    image: NDArray[Any],
    weights_sha256: str,
    settings: str,
    table: bool,
) -> Earlier | None:
    """Earlier results of this image, made with these weights and settings, or None.

    Parameters
    ----------
    folder : Path
        Folder of the results.
    stem : str
        First part of their names.
    image : ndarray
        The image, as it was read, upright.
    weights_sha256 : str
    settings : str
        From `settings_hash`.
    table : bool
        Whether a table of objects belongs to them.
    """
    story = folder / f"{stem}.json"
    facts = read_facts(story, FORMAT)
    if facts is None:
        return None
    own = facts["provenance"]
    found = own.get("weights_sha256"), own.get(SETTINGS), own.get("image_sha256")
    if found != (weights_sha256, settings, array_sha256(image)):
        return None
    names = [f"{stem}_objects.csv"] if table else []
    names += [facts["files"]["mask"], facts["files"]["probability"]]
    names += [gate["file"] for gate in facts["gates"]]
    for block in facts.get(READERS, {}).values():
        names += [block[part] for part in ("mask", "probability") if part in block]
    files = [*(folder / name for name in names), story]
    return Earlier(files, own) if _are_whole(files) else None


def _are_whole(files: Sequence[Path]) -> bool:
    """Whether files, of which the last names the others, are there and can be read."""
    if not all(is_file(path) and path.stat().st_size for path in files):
        return False
    try:
        load_results(files[-1])
    except InputError:
        return False
    return True


def frames_done_before(
    names: StackNames, weights_sha256: str, settings: str
) -> EarlierFrames | None:
    """Earlier frames of a film, made with these weights and settings, or None.

    `kept_mask` checks whether each is complete and was made from the same pixels.
    """
    facts = read_facts(names.story, FRAMES_FORMAT)
    if facts is None:
        return None
    own = facts["provenance"]
    if (own.get("weights_sha256"), own.get(SETTINGS)) != (weights_sha256, settings):
        return None
    rows = {frame: found[-1:] for frame, found in read_rows(names.table).items()}
    objects = {}
    for frame, found in read_rows(names.objects).items():
        count = _count_of(rows.get(frame, ({},))[0])
        # A process that was killed in between has written them twice.
        objects[frame] = found[len(found) - count :] if count <= len(found) else found
    unit = int(facts["mask_value"])
    return EarlierFrames(own, unit, rows, objects) if rows else None


def kept_mask(
    earlier: EarlierFrames,
    names: StackNames,
    frame: int,
    image: NDArray[Any],
    parts: Sequence[str],
    table: bool,
) -> NDArray[Any] | None:
    """Mask (H, W) of a frame from the earlier run, or None if it must be made again.

    Parameters
    ----------
    earlier : EarlierFrames
    names : StackNames
    frame : int
    image : ndarray
        The frame, as it was read in this run.
    parts : sequence of str
        Keys of further masks that must exist.
    table : bool
        Whether its objects must be in the table.
    """
    (row, *_) = earlier.rows.get(frame, ({},))
    if row.get("image_sha256") != array_sha256(image):
        return None
    if table and len(earlier.objects.get(frame, ())) != _count_of(row):
        return None
    try:
        masks = [read_image(names.mask(frame, of)) for of in ("", *parts)]
    except InputError:
        return None
    mask: NDArray[Any] = masks[0] // earlier.unit
    if any(one.shape != image.shape[:2] for one in masks):
        return None
    return mask if str(np.count_nonzero(mask)) == row.get("area_px") else None


def _count_of(row: Mapping[str, Any]) -> int:
    """Number of objects of a frame by its row."""
    text = str(row.get("objects", ""))
    return int(text) if text.isdecimal() else 0
