"""Smooth a stack's probability over time, in a worker thread. No Qt."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np

from napari_attnseg._widgets.base.jobs import Failed
from napari_attnseg._widgets.layers.record import Derivation
from napari_attnseg._widgets.layers.stack_array import StackArray
from napari_attnseg._widgets.over_time.stacked import StackedMask, of_frame
from napari_attnseg.errors import AttnSegError
from napari_attnseg.hashing import array_sha256
from napari_attnseg.masks import make_mask, rules_of
from napari_attnseg.results import Segmentation
from napari_attnseg.time_smoothing import check_frames, median, smoothed_facts


def smooth(
    mask: StackedMask, frames: int
) -> Generator[tuple[int, str], None, list[Segmentation] | Failed]:
    """Smooth every frame that was segmented, without changing the masks on screen.

    Parameters
    ----------
    mask : StackedMask
        Masks of a stack, whose probability is known.
    frames : int
        Odd; see `time_smoothing`.

    Yields
    ------
    (int, str)
        Number of frames done, and the name of the next step. Cancelling takes effect
        here.

    Returns
    -------
    list of Segmentation or Failed
        One per frame of the stack; their arrays are views of arrays of the whole stack.
    """
    try:
        return (yield from _smooth(mask, check_frames(frames)))
    except AttnSegError as error:
        return Failed(str(error))


def _smooth(
    mask: StackedMask, frames: int
) -> Generator[tuple[int, str], None, list[Segmentation]]:
    total = len(mask.data)
    facts = smoothed_facts(mask.record.provenance, frames)
    facts["made_from"] = str(Derivation.SMOOTHED)
    rules, box = rules_of(facts), mask.record.box
    shape = mask.data.shape[1:]
    maps = StackArray(total, (len(mask.probability), *shape), np.float16)
    masks = StackArray(total, shape, np.uint8)
    done = set(mask.frames)
    hashes: dict[int, str] = {}
    kept: dict[int, Any] = {}
    for at, frame in enumerate(sorted(done)):
        yield at, f"smoothing {at + 1} of {len(done)} slices"
        window = _around(frame, frames // 2, mask.every, done)
        for i in window:
            if i not in kept:
                kept[i] = np.stack([np.asarray(one[i]) for one in mask.probability])
        found = median([kept[i] for i in window]).astype(np.float16)
        made = make_mask(found, rules, box)
        maps.put(frame, found)
        masks.put(frame, made)
        hashes[frame] = array_sha256(made)
        mask.let_go()
        gone = [i for i in kept if i < frame - frames // 2 * mask.every]
        for i in gone:
            del kept[i]
    return [
        Segmentation(
            masks.values[i],
            maps.values[i],
            (),
            {**of_frame(facts, i), "mask_sha256": hashes.get(i)},
        )
        for i in range(total)
    ]


def _around(frame: int, half: int, every: int, done: set[int]) -> list[int]:
    """A frame with its neighbours on both sides, up to a gap or an end."""
    reach = 0
    while reach < half:
        away = (reach + 1) * every
        if frame - away not in done or frame + away not in done:
            break
        reach += 1
    return [frame + i * every for i in range(-reach, reach + 1)]
