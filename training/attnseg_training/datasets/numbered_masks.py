"""Find the masks of frames in a folder of pictures by the numbers in their names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from attnseg_training.datasets.clock_names import is_a_time
from attnseg_training.datasets.frame_numbers import OPTION
from napari_attnseg.errors import InputError
from napari_attnseg.io.readers.formats import FileFormat, file_format

#: Masks as ``attnseg segment`` writes them of a film.
_MASK = re.compile(r"(frame_)(\d+)(_mask)\.(?:png|tif)")
#: Any name that is the same but for its last number, as FFmpeg and CVAT write them.
_NUMBERED = re.compile(r"(.*?)(\d+)(\D*)")


def pictures_of(inside: Iterable[Path]) -> list[Path]:
    """Pictures of a folder; none if there are masks named as by ``attnseg segment``."""
    files = list(inside)
    if any(_MASK.fullmatch(one.name) for one in files):
        return []
    return [one for one in files if file_format(one) is FileFormat.RASTER]


def numbered_masks(inside: Iterable[Path], stated: bool = False) -> dict[int, Path]:
    """Number → mask, of the files of a folder; empty if they are no numbered pictures.

    If there are masks by the names of ``attnseg segment``, other pictures are left out.

    Parameters
    ----------
    inside : iterable of Path
        Files of the folder.
    stated : bool
        Whether the user says that the numbers are those of frames.

    Raises
    ------
    InputError
        If names are times, or differ in more than their numbers, or a number occurs
        twice.
    """
    files = list(inside)
    own = [(hit, one) for one in files if (hit := _MASK.fullmatch(one.name))]
    if own:
        return _by_number(own)
    pictures = pictures_of(files)
    if len(pictures) < 2:
        return {}  # one file, which may hold the masks of all frames
    found = [(hit, one) for one in pictures if (hit := _NUMBERED.fullmatch(one.stem))]
    times = [one for hit, one in found if is_a_time(hit[1], hit[2], hit[3])]
    if len(times) == len(pictures) and not stated:
        raise InputError(
            f"Expected masks in {times[0].parent.name} that are named by the numbers "
            f"of their frames, but {times[0].name} seems to be named by its time; "
            "name each by the number of its frame, counted from 0, such as "
            f"frame_000010.png, or give {OPTION} if these are numbers of frames."
        )
    forms = {_form(one): one for one in pictures}
    if len(found) == len(pictures) and len(forms) == 1:
        return _by_number(found)
    first, other, *_ = forms.values()
    raise InputError(
        f"Expected masks in {first.parent.name} whose names differ only in the number "
        "of the frame, such as frame_000120_mask.png or film_00120.png, got "
        f"{first.name} and {other.name}; name each mask by the number of its frame, "
        "counted from 0, and leave other pictures out of the folder."
    )


def _form(path: Path) -> tuple[str, ...]:
    """Name of a file without its last number."""
    hit = _NUMBERED.fullmatch(path.stem)
    return (hit[1], hit[3], path.suffix.lower()) if hit else (path.name,)


def _by_number(found: Iterable[tuple[re.Match[str], Path]]) -> dict[int, Path]:
    numbered: dict[int, Path] = {}
    for hit, one in found:
        if (other := numbered.setdefault(int(hit[2]), one)) != one:
            raise InputError(
                f"Expected one mask of each frame in {one.parent.name}, but "
                f"{other.name} and {one.name} have the same number; leave one out."
            )
    return numbered
