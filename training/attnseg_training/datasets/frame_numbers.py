"""The frame of each mask in a folder, whose names may count otherwise.

`attnseg segment` counts frames from 0, FFmpeg, DICOM viewers and others from 1. If
FFmpeg exports only some frames, such as 5 per second, it numbers these.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import numpy as np

from napari_attnseg.errors import InputError

#: At least so many evenly spaced numbers from 1 on are no coincidence.
_FEW = 3
#: Frames as CVAT and ``attnseg segment`` name and count them, from 0.
_FROM_0 = re.compile(r"frame_\d{6,}(_mask)?")
#: Slices as DICOM viewers (Horos, OsiriX, MicroDicom) name them.
_VIEWER = re.compile(r"IM-?\d+-\d+", re.I)
#: Option of the command that says which number the first frame has.
OPTION = "--first-number"
#: Option that says that numbers are those of the film's own frames.
OWN = "--own-frames"


def by_frame(
    numbered: Mapping[int, Path],
    frames: int,
    first: int | None,
    name: str,
    dicom: bool = False,
) -> dict[int, Path]:
    """Frame, counted from 0 → its mask.

    Parameters
    ----------
    numbered : mapping
        Number in the name of a mask → its file.
    frames : int
        Number of frames of the film.
    first : int or None
        Number of the first frame in these names; None: not stated, taken as 0.
    name : str
        Name of the masks, for messages.
    dicom : bool
        Whether the frames are those of a DICOM file or series.

    Raises
    ------
    InputError
        If it is not stated, and the names seem to count from 1; or a number is before
        the stated one.
    """
    numbers = sorted(numbered)
    of_viewer = numbers[0] > 0 and _of_viewer(numbered.values(), dicom)
    if first is None and (of_viewer or _from_1(numbers, frames)):
        listed = ", ".join(map(str, numbers[:_FEW]))
        listed += f" … {numbers[-1]}" if len(numbers) > _FEW else ""
        program = "DICOM viewers do" if of_viewer else "FFmpeg does"
        raise InputError(
            f"Expected masks in {name} that are numbered from 0, as attnseg segment "
            f"does, but their numbers are {listed} for {frames} frames, so that they "
            f"may count from 1, as {program}; give {OPTION} 1 if they do, and {OPTION} "
            "0 if the number of the first frame is 0."
        )
    shift = first or 0
    if numbers[0] < shift:
        raise InputError(
            f"Expected numbers of masks from {OPTION} {shift} on in {name}, but got "
            f"{numbers[0]}; give the number of the film's first frame."
        )
    return {number - shift: file for number, file in numbered.items()}


def expect_up_to_the_end(masks: Collection[int], frames: int, name: str) -> None:
    """Raise if masks are numbered nearly without gaps, but end before the frames do.

    Parameters
    ----------
    masks : collection of int
        Frame, counted from 0, that each mask is taken for.
    frames : int
        Number of frames.
    name : str
        Name of the masks, for the message.
    """
    if len(masks) < 2:
        return
    covered = max(masks) + 1
    gaps, after = covered - len(masks), frames - covered
    # Of every second frame there is one gap for each mask. A last frame may be lost.
    if 3 * len(masks) > 2 * covered and after > gaps + 1:
        raise InputError(
            f"Expected masks in {name} that are numbered by the {frames} frames they "
            f"belong to, but they are numbered one after the other and end {after} "
            "frames before the last one, as those of an export at a lower rate do "
            f"(FFmpeg's filter fps); give {OWN} if they are of the first {covered} "
            "frames, and otherwise name each mask by the number of its own frame, "
            "counted from 0."
        )


def _of_viewer(masks: Iterable[Path], dicom: bool) -> bool:
    """Whether a DICOM viewer may have named masks, by their form or their images.

    It counts from 1. Masks of a few slices show nothing of it, unless there is a 0.
    """
    stems = [one.stem for one in masks]
    if all(_FROM_0.fullmatch(one) for one in stems):
        return False
    return dicom or all(_VIEWER.match(one) for one in stems)


def _from_1(numbers: list[int], frames: int) -> bool:
    if numbers[0] < 1:
        return False
    evenly = len(set(np.diff(numbers))) == 1 and len(numbers) >= _FEW
    # One past the last frame is the last one, counted from 1.
    return numbers[-1] == frames or (numbers[0] == 1 and evenly)
