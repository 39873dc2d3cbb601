"""Find masks of earlier results that somebody has changed by hand since."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.errors import InputError
from napari_attnseg.hashing import array_sha256
from napari_attnseg.how_many import how_many
from napari_attnseg.io.files import read_facts
from napari_attnseg.io.frame_results import load_frame_results
from napari_attnseg.io.frame_table import CENTRE_ROUNDING, read_rows
from napari_attnseg.io.images import read_numbers
from napari_attnseg.io.mask_values import labels_of
from napari_attnseg.io.results import FORMAT
from napari_attnseg.io.stack_results import FORMAT as FRAMES_FORMAT
from napari_attnseg.io.stack_results import StackNames


def expect_not_by_hand(folder: Path, stem: str) -> None:
    """Refuse to replace masks that were changed by hand since they were made.

    Parameters
    ----------
    folder : Path
        Folder of the results.
    stem : str
        First part of their names.

    Raises
    ------
    InputError
        It names the first of these masks.
    """
    names = StackNames(folder, stem)
    facts = read_facts(names.story, FORMAT)
    changed: list[Path] = []
    if facts is not None:
        mask = folder / facts["files"]["mask"]
        changed = [mask] if facts.get("mask_edited") or _is_changed(mask, facts) else []
    elif read_facts(names.story, FRAMES_FORMAT) is not None:
        changed = _changed_frames(names)
    if not changed:
        return
    others = how_many(len(changed) - 1, "more mask")
    more = f" (and {others})" if changed[1:] else ""
    raise InputError(
        f"{changed[0]}{more} was changed by hand since it was made, so it was left as "
        "it is; choose another --out, or replace it with --replace-edited."
    )


def _is_changed(mask: Path, facts: Mapping[str, Any]) -> bool:
    """Whether the mask of an image or a saved stack is not the one that was made."""
    made = facts["provenance"].get("mask_sha256")
    if made is None:
        return False  # an older file does not say
    stacked = facts["layer"]["frames"] is not None

    def differs(labels: NDArray[Any]) -> bool:
        hashes = made if isinstance(made, list) else [made]
        masks = labels if stacked else labels[None]
        return len(masks) != len(hashes) or any(
            bool(one.any()) if known is None else array_sha256(one) != known
            for one, known in zip(masks, hashes, strict=True)
        )

    return _holds(mask, int(facts["mask_value"]), differs, stacked)


def _changed_frames(names: StackNames) -> list[Path]:
    """Masks of frames whose area or centre is not that of the table."""
    # Late: they take SciPy and scikit-image.
    from napari_attnseg.frame_rows import number_in
    from napari_attnseg.objects.shape import centre

    def differs(labels: NDArray[Any], row: Mapping[str, str]) -> bool:
        inside = labels > 0
        area = number_in(row, "area_px")
        if area is None or np.count_nonzero(inside) != area:
            return area is not None
        if not area:
            return False
        here = dict(zip(("centre_row", "centre_column"), centre(inside), strict=True))
        known = {column: number_in(row, column) for column in here}
        return any(
            number is not None and abs(number - here[column]) > CENTRE_ROUNDING
            for column, number in known.items()
        )

    try:
        unit = load_frame_results(names.story).unit
    except InputError:
        return []  # no frame was done
    return [
        names.mask(frame)
        for frame, (*_, row) in read_rows(names.table).items()
        if _holds(names.mask(frame), unit, partial(differs, row=row))
    ]


def _holds(
    mask: Path,
    unit: int,
    differs: Callable[[NDArray[Any]], bool],
    stack: bool = False,
) -> bool:
    """Whether a mask holds something else than what was made.

    A file that cannot be read, as after a run that was killed, holds nothing.
    """
    try:
        pixels = read_numbers(mask)
    except InputError:
        return False
    try:
        return differs(labels_of(pixels, unit, mask.name, stack).labels)
    except InputError:
        return True  # attnseg wrote no such numbers
