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
from napari_attnseg.io.images import is_file
from napari_attnseg.io.results import FORMAT, load_results
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
        All of them, the one that names the others last.
    provenance : mapping
        As their JSON has it.
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
        The same with names and defaults resolved.
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
        As it was read, upright.
    weights_sha256 : str
    settings : str
        From `settings_hash`.
    table : bool
        Whether a table of objects belongs to them.
    """
    story = folder / f"{stem}.json"
    facts = read_facts(story, FORMAT)
    if facts is None or facts.get("mask_edited"):
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
