"""Damage inside AVI files, whose frames have no time stamps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari_attnseg.errors import InputError


def expect_whole_avi(path: Path, stream: Any, count: Callable[[], int]) -> None:
    """Refuse an AVI that is damaged inside.

    If some frames are missing, all later frames would get wrong numbers and times. A
    file that is only cut short is accepted: it has no index at its end, and the frames
    that it holds are correct.

    Parameters
    ----------
    path : Path
    stream : av.video.stream.VideoStream
    count : callable
        Reads the file, and returns the number of frames in it.

    Raises
    ------
    InputError
        If frames are missing inside the file.
    """
    said = stream.frames
    if len(stream.index_entries) >= said:
        return
    found = count()
    if found < said and _ends_with_index(path, said):
        raise InputError(
            f"{path.name} is damaged inside: it holds {found} of the {said} frames "
            "that its header says, and it is not known which; replace it."
        )


def _ends_with_index(path: Path, frames: int) -> bool:
    """Whether a file has the index that is written after the last frame."""
    most = 64 * frames + 65536  # 16 bytes for each chunk, sound among them
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - most))
        return b"idx1" in file.read()
