"""Find masks that somebody saved beside those of results, which are not read."""

from __future__ import annotations

import os
import re
from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from itertools import takewhile
from pathlib import Path

from napari_attnseg.errors import InputError
from napari_attnseg.io.folders import entries
from napari_attnseg.io.images import is_file
from napari_attnseg.reader_record import Reader

#: Ends of the names of files that an editor may save a mask as.
_SUFFIX = (
    r"\.(png|tiff?|bmp|gif|jpe?g|jp2|webp|npy|npz|dcm|nii|nii\.gz|nrrd|seg\.nrrd|mha|"
    r"mhd|nhdr|xcf|psd)"
)
#: What attnseg itself writes beside a mask.
OWN = "|".join([*(reader.key for reader in Reader), "disagree"])


def masks_beside(mask: Path, among: Sequence[str] | None = None) -> list[str]:
    """Names of files beside a mask that look like another version of it.

    Such as ``NAME_mask.tif``, ``NAME_mask (1).png`` and ``NAME_mask_corrected.nii.gz``
    beside ``NAME_mask.png``.

    Parameters
    ----------
    mask : Path
        The mask that the results name; it need not exist.
    among : sequence of str, optional
        Sorted names of files of its folder, if they are known already.
    """
    begin = mask.stem
    like = re.compile(rf"(?!_({OWN})\.)([^A-Za-z0-9].*)?{_SUFFIX}", re.I)
    names = names_in(mask.parent) if among is None else among
    first = bisect_left(names, begin)
    found = list(takewhile(lambda name: name.startswith(begin), names[first:]))
    # NAME_mask may be the name of an image of its own, which has results too.
    others = tuple(
        f"{one.removesuffix('.json')}_" for one in found if one.endswith(".json")
    )
    return [
        name
        for name in found
        if name != mask.name
        and like.fullmatch(name.removeprefix(begin))
        and not name.startswith(others)
    ]


def names_in(folder: Path) -> tuple[str, ...]:
    """Sorted names of what is in a folder; empty if there is no folder."""
    try:
        changed = folder.stat().st_mtime_ns
    except OSError:
        return ()
    return _names(folder, changed)


@lru_cache(maxsize=64)
def _names(folder: Path, changed: int) -> tuple[str, ...]:
    """Names in a folder that was changed then: kept, as each result of it asks."""
    return tuple(sorted(os.listdir(folder)))  # noqa: PTH208 (no paths are needed)


def beside_words(mask: Path, beside: list[str]) -> str:
    """Sentence on files beside a mask, from `masks_beside`; empty if there are none."""
    if not beside:
        return ""
    names, one = ", ".join(beside), len(beside) == 1
    lie = "lies" if one else "lie"
    were = "was not read: if it" if one else "were not read: if one of them"
    return (
        f"{names} {lie} beside {mask.name} and {were} is the corrected mask, save it "
        f"as {mask.name} in its place."
    )


def expect_mask(mask: Path) -> None:
    """Refuse a mask that is missing, and name what lies there in its place.

    Raises
    ------
    InputError
    """
    beside = [] if is_file(mask) else masks_beside(mask)
    if not beside:
        expect_part(mask)
    else:
        raise InputError(
            f"There is no file {mask}, but {', '.join(beside)}: save the mask as "
            f"{mask.name}."
        )


def expect_part(file: Path) -> None:
    """Refuse a file that results name and that is missing.

    Raises
    ------
    InputError
    """
    if is_file(file):
        return
    beside = entries(file.parent) if file.parent.is_dir() else []
    folders = [one for one in beside if is_file(one / file.name)]
    if folders:
        raise InputError(
            f"There is no file {file}, which the results name, but {folders[0].name}/ "
            "holds one of this name: put it back, or move all files of this result."
        )
    raise InputError(
        f"There is no file {file}, which the results name: it was deleted or renamed. "
        "Put it back under this name, or segment the image again."
    )


def expect_original(story: Path, mask: str) -> None:
    """Refuse a copy of a JSON file of results, which would count its image twice.

    Parameters
    ----------
    story : Path
        JSON file of results.
    mask : str
        Name of the mask's file in it.

    Raises
    ------
    InputError
    """
    stem, found, _ = mask.rpartition("_mask.")
    original = story.with_name(f"{stem}.json")
    if found and stem != story.stem and is_file(original):
        raise InputError(
            f"{story.name} is a copy of {original.name}: both name the mask {mask}; "
            "delete the copy."
        )
