"""Cases of a film or a volume, from its masks and table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.errors import AttnSegError
from napari_attnseg.exports.masks import MaskSeries, load_masks
from napari_attnseg.frame_rows import estimate_of_row, number_in
from napari_attnseg.hashing import array_sha256
from napari_attnseg.io.frame_results import load_frame_results
from napari_attnseg.io.readers import open_frames
from napari_attnseg.io.segmented_pixels import NoImage, Picture
from napari_attnseg.reliability.estimate import ESTIMATE
from napari_attnseg.reports.cases import Case
from napari_attnseg.reports.facts import STOPPED
from napari_attnseg.reports.order import worst_frames
from napari_attnseg.results import Segmentation


def film_cases(path: Path) -> list[Case]:
    """Cases of the frames of a film or a volume that most need a look.

    Raises
    ------
    InputError
        If masks or table are missing or damaged.
    """
    series, found = load_masks(path), load_frame_results(path)
    rows = found.rows()
    if not found.complete:
        series = replace(series, provenance={**series.provenance, STOPPED: True})
    cases = [
        _case(series, path, mask, frame, rows[frame])
        for mask, frame in zip(series.masks, found.frames, strict=True)
    ]
    kept = worst_frames(cases)
    with ExitStack() as opened:
        frames: Any = None
        if series.image is not None:
            try:
                frames = opened.enter_context(open_frames(series.image))
            except AttnSegError:
                frames = NoImage.UNREADABLE
        return [replace(case, image=_picture(frames, case)) for case in kept]


def _picture(frames: Any, case: Case) -> Picture:
    """Read the pixels of a case from its open file, if there is one."""
    if frames is None:
        return NoImage.MISSING
    if isinstance(frames, NoImage):
        return frames
    try:
        pixels = np.array(frames[case.frame])
    except IndexError:
        return NoImage.CHANGED
    except AttnSegError:
        return NoImage.UNREADABLE
    wanted = case.result.provenance["image_sha256"]
    return pixels if array_sha256(pixels) == wanted else NoImage.CHANGED


def _case(
    series: MaskSeries,
    path: Path,
    mask: NDArray[Any],
    frame: int,
    row: Mapping[str, str],
) -> Case:
    facts = {
        **series.provenance,
        "image_sha256": row.get("image_sha256", ""),
        # Nobody paints in these masks: there is no hash to compare them with.
        "mask_sha256": array_sha256(mask.astype(np.uint8)),
    }
    estimate = estimate_of_row(row)
    if estimate is not None:
        facts[ESTIMATE] = estimate
    nothing = np.zeros((0, *mask.shape), np.float32)
    seconds = number_in(row, "seconds")
    at = "" if seconds is None else f" ({seconds:g} s)"
    doubt = number_in(row, "doubt_bits")
    return Case(
        f"{path.stem}, frame {frame}{at}",
        Segmentation(mask.astype(np.uint8), nothing, (), facts),
        NoImage.MISSING,
        str(facts.get("source", "")),
        path.name,
        frame,
        series.pixel,
        math.nan if doubt is None else doubt,
        assumed=series.assumed,
    )
