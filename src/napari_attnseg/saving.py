"""A segmentation as files: mask, probability, gate maps and where they came from."""

from __future__ import annotations

import io
import json
import os
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.errors import InputError
from napari_attnseg.results import GATE_LEGEND, NO_GATES, Segmentation


def write_bytes(path: Path, data: bytes) -> None:
    """Write beside the target and rename, so that a reader never sees half a file.

    Raises
    ------
    InputError
        If the folder cannot be written or the disk is full; an earlier file stays.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        # mkstemp's 0600 would hide the file from others.
        Path(temporary).chmod(0o666 & ~umask)
        Path(temporary).replace(path)
    except BaseException as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise InputError(
                f"{path} cannot be written ({error.strerror}); expected a folder with "
                "space that can be written: choose another one. What was written "
                "before is kept."
            ) from error
        raise


def write_text(path: Path, text: str) -> None:
    """`write_bytes` of UTF-8 text."""
    write_bytes(path, text.encode("utf-8"))


def save_segmentation(result: Segmentation, folder: Path, stem: str) -> list[Path]:
    """Write every part of a result, the JSON last, so that it names only what exists.

    ``<stem>_mask.png`` (uint8; 0 background, 255 for a single class, else the class
    number), ``<stem>_probability.tif`` (float32, (H, W) or (classes, H, W)),
    ``<stem>_gate_1-4.tif`` … (float32, each at its own resolution; none for a model
    without gates, ``<stem>_gate_1-4-CNN.tif`` and so on for one with two per level) and
    ``<stem>.json``.

    Raises
    ------
    InputError
        If a file cannot be written.
    """
    from PIL import Image

    single = len(result.probability) == 1
    mask = io.BytesIO()
    Image.fromarray(result.mask * 255 if single else result.mask).save(mask, "PNG")
    parts = {f"{stem}_mask.png": mask.getvalue()}
    probability = result.probability[0] if single else result.probability
    parts[f"{stem}_probability.tif"] = _tiff(probability)
    gates = []
    for gate in result.attention:
        name = f"{stem}_gate_{gate.label.replace('/', '-').replace(' ', '-')}.tif"
        parts[name] = _tiff(gate.values)
        gates.append(
            {
                "file": name,
                "level": gate.label,
                "source_pixels_per_map_pixel": list(gate.stride),
                "0": gate.low,
                "1": gate.high,
                "finding": gate.finding,
            }
        )
    facts = {
        **result.provenance,
        "files": {"mask": f"{stem}_mask.png", "probability": f"{stem}_probability.tif"},
        "gates": gates,
        "gates_show": GATE_LEGEND if gates else NO_GATES,
    }
    parts[f"{stem}.json"] = (json.dumps(facts, indent=2) + "\n").encode()
    for name, data in parts.items():
        write_bytes(folder / name, data)
    return [folder / name for name in parts]


def _tiff(values: NDArray[np.float32]) -> bytes:
    import tifffile

    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values, compression="zlib", photometric="minisblack")
    return buffer.getvalue()
