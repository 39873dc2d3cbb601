"""Cases of a film or a volume, from its masks and table."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.errors import AttnSegError, InputError
from napari_attnseg.exports.masks import MaskSeries, load_masks
from napari_attnseg.hashing import array_sha256
from napari_attnseg.io.files import read_facts
from napari_attnseg.io.readers import open_frames
from napari_attnseg.io.stack_results import FORMAT, StackNames
from napari_attnseg.reliability.estimate import ESTIMATE
from napari_attnseg.reports.cases import Case, NoImage, Picture
from napari_attnseg.reports.facts import STOPPED
from napari_attnseg.reports.order import worst_frames
from napari_attnseg.results import Segmentation


def film_cases(path: Path) -> list[Case]:
    """Frames of a film or a volume that are most worth a look.

    Raises
    ------
    InputError
        If masks or table are missing or damaged.
    """
    series = load_masks(path)
    rows = _rows(StackNames(path.parent, path.stem).table)
    facts = read_facts(path, FORMAT) or {}
    stopped = not facts.get("complete", True)
    if stopped:
        series = replace(series, provenance={**series.provenance, STOPPED: True})
    cases = []
    for mask, frame in zip(series.masks, series.frames or (), strict=True):
        if frame not in rows:
            raise InputError(
                f"The table of {path.stem} has no row of frame {frame}, of which there "
                "is a mask; segment the file again."
            )
        cases.append(_case(series, path, mask, frame, rows[frame]))
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
    """Pixels of a case from its open file; None: there is no such file."""
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
    state = row.get("expected_dice_state")
    if state:
        names = {"mean": "expected_dice", "low": "expected_dice_low"}
        names["high"] = "expected_dice_high"
        found = {key: _number(row.get(name)) for key, name in names.items()}
        facts[ESTIMATE] = {"state": state, **found}
    nothing = np.zeros((0, *mask.shape), np.float32)
    seconds = _number(row.get("seconds"))
    at = "" if seconds is None else f" ({seconds:g} s)"
    doubt = _number(row.get("doubt_bits"))
    return Case(
        f"{path.stem}, frame {frame}{at}",
        Segmentation(mask.astype(np.uint8), nothing, (), facts),
        NoImage.MISSING,
        str(facts.get("source", "")),
        path.name,
        frame,
        series.pixel,
        math.nan if doubt is None else doubt,
    )


def _rows(table: Path) -> dict[int, dict[str, str]]:
    """Frame → row of the table.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    try:
        with table.open(newline="", encoding="utf-8") as file:
            return {int(row["frame"]): row for row in csv.DictReader(file)}
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{table.name} cannot be read as the table of a film "
            f"({type(error).__name__}); segment the file again."
        ) from error


def _number(text: str | None) -> float | None:
    return float(text) if text else None
