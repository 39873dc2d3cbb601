"""Save and load the masks by each encoder alone in a results folder."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.io.files import tiff_bytes
from napari_attnseg.io.mask_values import ReadMask
from napari_attnseg.reader_record import BOTH, READERS, Reader, ReaderRecord
from napari_attnseg.readers import ReaderMask, Readers, mask_agreement
from napari_attnseg.results import Segmentation

#: End of the name of the picture of where the readers disagree, without its suffix.
DISAGREE = "mask_disagree"
#: Key of that picture beside those of the readers, of a frame.
DISAGREE_KEY = "disagree"


def reader_files(stem: str, suffix: str = ".png") -> list[str]:
    """Names of the files of both readers; masks of a stack end in ``.tif``."""
    names = [f"{stem}_mask_{reader.key}{suffix}" for reader in Reader]
    names += [f"{stem}_probability_{reader.key}.tif" for reader in Reader]
    return [*names, f"{stem}_{DISAGREE}{suffix}"]


def reader_parts(
    frames: Sequence[Segmentation],
    stem: str,
    suffix: str,
    stack: Callable[[list[NDArray[Any]]], NDArray[Any]],
    mask_bytes: Callable[[NDArray[Any]], bytes],
) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Files of the readers, and the block ``readers`` of the JSON.

    Both are empty unless every frame has readers.

    Parameters
    ----------
    frames : sequence of Segmentation
        One per frame.
    stem, suffix : str
        Beginning of the names of all files, and end of the names of masks.
    stack : callable
        Joins the arrays of the frames; of a single image it returns the only one.
    mask_bytes : callable
        Encodes joined masks in the same way as the model's own masks.
    """
    found = [frame.readers for frame in frames if frame.readers is not None]
    if len(found) != len(frames):
        return {}, {}
    parts: dict[str, bytes] = {}
    facts: dict[str, Any] = {}
    for reader in Reader:
        alone = [one[reader] for one in found]
        mask = f"{stem}_mask_{reader.key}{suffix}"
        probability = f"{stem}_probability_{reader.key}.tif"
        parts[mask] = mask_bytes(stack([one.mask for one in alone]))
        maps = [one.probability for one in alone]
        maps = [one[0] if len(one) == 1 else one for one in maps]
        parts[probability] = tiff_bytes(stack(maps).astype(np.float32))
        facts[reader.key] = {
            "mask": mask,
            "probability": probability,
            "area_px": _each([_area(one.mask) for one in alone]),
        }
    differs = [(one.disagreement > 0).astype(np.uint8) for one in found]
    name = f"{stem}_{DISAGREE}{suffix}"
    parts[name] = mask_bytes(stack(differs))
    pairs = list(zip(found, frames, strict=True))
    facts |= {
        BOTH: {"area_px": _each([_area(frame.mask) for frame in frames])},
        "disagreement": {
            "mask": name,
            "area_px": _each([_area(one) for one in differs]),
        },
        "dice": {
            "cnn_transformer": _each([one.dice for one in found]),
            **{
                f"{reader.key}_{BOTH}": _each(
                    [mask_agreement(one[reader].mask, own.mask) for one, own in pairs]
                )
                for reader in Reader
            },
        },
        "record": _without_nan(found[0].record.facts),
    }
    return parts, {READERS: facts}


def _area(mask: NDArray[np.integer[Any]]) -> int:
    return int(np.count_nonzero(mask))


def _each(values: list[Any]) -> Any:
    """The value of the only frame, or a list of all."""
    return values[0] if len(values) == 1 else values


def _without_nan(value: Any) -> Any:
    """The same facts with None for what is not defined: JSON has no NaN."""
    if isinstance(value, Mapping):
        return {key: _without_nan(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(one) for one in value]
    undefined = isinstance(value, float) and not math.isfinite(value)
    return None if undefined else value


def load_readers(
    facts: Mapping[str, Any],
    single: bool,
    labels: Callable[[str], ReadMask],
    frames: Callable[[str], NDArray[Any]],
) -> list[Readers] | None:
    """Inverse of `reader_parts`, one per frame; None where there are no readers.

    Parameters
    ----------
    facts : mapping
        Content of the JSON.
    single : bool
        Whether they are of a single image, not of a stack.
    labels : callable
        Reads the file of a mask by its name.
    frames : callable
        Reads a file by its name, as an array with a leading axis of frames.
    """
    own = facts.get(READERS)
    if own is None:
        return None
    alone: dict[Reader, list[ReaderMask]] = {}
    for reader in Reader:
        files = own[reader.key]
        read = labels(files["mask"]).labels
        masks = read[None] if single else read
        maps = frames(files["probability"])
        maps = maps[:, None] if maps.ndim == masks.ndim else maps
        alone[reader] = [ReaderMask(*one) for one in zip(masks, maps, strict=True)]
    record = ReaderRecord(own.get("record", {}))
    both = zip(alone[Reader.CNN], alone[Reader.TRANSFORMER], strict=True)
    return [Readers(cnn, transformer, record) for cnn, transformer in both]


def stale_files(
    earlier: Mapping[str, Any] | None, folder: Path, now: Mapping[str, Any]
) -> list[Path]:
    """Files of the readers that only the earlier results name, not the present ones."""
    blocks = (earlier or {}).get(READERS, {})
    names = [
        name
        for block in blocks.values()
        if isinstance(block, Mapping)
        for name in (block.get("mask"), block.get("probability"))
        if isinstance(name, str) and Path(name).name == name
    ]
    return [folder / name for name in names if name not in now]
