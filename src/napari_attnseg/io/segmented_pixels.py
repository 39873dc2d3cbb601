"""Read the pixels that were segmented, if their file still holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.axes import read_array
from napari_attnseg.errors import AttnSegError, InputError
from napari_attnseg.hashing import array_sha256
from napari_attnseg.io.file_kinds import VIEWER_DECODING
from napari_attnseg.io.files import read_facts
from napari_attnseg.io.frame_results import load_frame_results
from napari_attnseg.io.images import read_image, turned
from napari_attnseg.io.readers import open_frames
from napari_attnseg.io.readers.formats import FileFormat, file_format
from napari_attnseg.io.results import FORMAT
from napari_attnseg.io.run_facts import IMAGE
from napari_attnseg.io.stack_results import FORMAT as FRAMES_FORMAT


class NoImage(StrEnum):
    """Reasons why the image of a case is not shown."""

    #: Its file was moved or deleted, or it came from no file.
    MISSING = "missing"
    #: The file holds other pixels than those that were segmented.
    CHANGED = "changed"
    #: The file asks to be shown turned, and did not when it was segmented.
    TURNED = "turned"
    UNREADABLE = "unreadable"


#: Pixels of an image, or why there are none.
Picture = NDArray[Any] | NoImage


def pixels_of(file: Path, upright: bool, opened: ExitStack) -> Any:
    """Read the pixels of a picture, or frames one by one, from an open file.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    if file_format(file) in (None, FileFormat.RASTER):
        return read_image(file, upright)
    frames = opened.enter_context(open_frames(file))
    return frames[0] if len(frames) == 1 else frames


def segmented_pixels(data: Any, facts: Mapping[str, Any], frame: int | None) -> Picture:
    """Return the pixels that a run segmented, if an array still holds them.

    Parameters
    ----------
    data : array
        Data of an image's file or layer.
    facts : mapping
        Provenance of the run of that frame.
    frame : int or None
        Frame of a stack.

    Raises
    ------
    InputError
        If the reading of the axes in provenance is invalid.
    """
    at = facts.get("frame") if frame is None else frame
    read = read_array(data, facts)
    try:
        one = np.asarray(read if at is None else read[at])
    except IndexError:
        return NoImage.CHANGED
    return one if array_sha256(one) == facts[IMAGE] else NoImage.CHANGED


def turned_since(file: Path, facts: Mapping[str, Any]) -> bool:
    """Whether a file that holds the segmented pixels asks to be shown turned only now.

    A picture viewer that turns a picture may write nothing but its orientation. A run
    that saw the stored pixels of a file with one has recorded it.

    Parameters
    ----------
    file : Path
        Its stored pixels, not the upright ones, are those that were segmented.
    facts : mapping
        Provenance of the run.
    """
    return VIEWER_DECODING not in facts and turned(file)


def expect_same_image(story: Path, image: Path | None) -> None:
    """Refuse results whose image was replaced by another one, or turned by EXIF.

    Of a film, only the first, a middle and the last segmented frame are compared, so
    that it is not decoded as a whole.

    Parameters
    ----------
    story : Path
        JSON file of the results.
    image : Path or None
        The image's file. If it is None, does not exist or cannot be read, nothing is
        compared.

    Raises
    ------
    InputError
        If the file holds other pixels than those that were segmented.
    """
    if image is None or not image.exists():
        return
    with ExitStack() as opened:
        try:
            if read_facts(story, FRAMES_FORMAT) is not None:
                other = _film(story, image, opened)
            else:
                other = _image(story, image, opened)
        except (AttnSegError, MemoryError):
            return
    if other is NoImage.TURNED:
        raise InputError(
            f"Expected {image.name} as it was segmented, but it asks to be shown "
            "turned since then (EXIF, XMP or TIFF orientation), so the results "
            f"{story.stem} do not lie on it as it is shown; turn it back, or segment "
            "it again."
        )
    if other is not None:
        raise InputError(
            f"Expected the image that was segmented in {image.name}, but it holds "
            f"other pixels, so the results {story.stem} are not of it; put the image "
            "back, segment this one, or move it away to use the masks without it."
        )


def _film(story: Path, image: Path, opened: ExitStack) -> NoImage | None:
    rows = load_frame_results(story).rows()
    hashes = {
        i: row["image_sha256"] for i, row in rows.items() if "image_sha256" in row
    }
    frames = opened.enter_context(open_frames(image))
    same = all(
        frame < len(frames) and array_sha256(np.array(frames[frame])) == hashes[frame]
        for frame in _some([i for i, found in hashes.items() if found])
    )
    return None if same else NoImage.CHANGED


def _image(story: Path, image: Path, opened: ExitStack) -> NoImage | None:
    """Why an image is not the one that was segmented; None: it is."""
    facts = read_facts(story, FORMAT) or {}
    own, count = facts["provenance"], facts["layer"]["frames"]
    hashes = own.get(IMAGE)
    if not isinstance(hashes, list):
        hashes = [hashes]
    chosen = _some([i for i, found in enumerate(hashes) if found])
    # The commands read a file upright, napari's own reader as it is stored.
    for upright in (True, False):
        data = pixels_of(image, upright, opened)
        found = (
            segmented_pixels(
                data, {**own, IMAGE: hashes[i]}, None if count is None else i
            )
            for i in chosen
        )
        if not any(isinstance(one, NoImage) for one in found):
            return NoImage.TURNED if not upright and turned_since(image, own) else None
    return NoImage.CHANGED


def _some(numbers: Sequence[int]) -> list[int]:
    """The first, the middle and the last number; empty without any."""
    return sorted({numbers[i] for i in (0, len(numbers) // 2, -1)}) if numbers else []
