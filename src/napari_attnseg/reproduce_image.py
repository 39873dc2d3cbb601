"""Find the image of a run, and write code that reads it as the run did. No Qt."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.axes import AXIS_READING, read_array
from napari_attnseg.errors import AttnSegError
from napari_attnseg.hashing import array_sha256
from napari_attnseg.io.images import read_image
from napari_attnseg.io.readers import open_frames
from napari_attnseg.io.readers.facts import FILE_FACTS
from napari_attnseg.io.saved_results import saved_image

#: Larger files are not read to see whether they still hold what was segmented.
CHECKED_BYTES = 50_000_000

#: What `reading_code` needs for a DICOM file, a film or a volume.
OPENING = "from napari_attnseg.io.readers import open_frames"


def reading_code(file: str, facts: Mapping[str, Any], upright: bool) -> str:
    """Python that reads the image as the run did."""
    if FILE_FACTS in facts:
        stack = isinstance(facts["mask_sha256"], list) or "frame" in facts
        return f"open_frames(Path({file!r})){'' if stack else '[0]'}"
    stored = "" if upright else ", upright=False"
    plain = f"read_image(Path({file!r}){stored})"
    if AXIS_READING not in facts:
        return plain
    return f"read_array({plain}, { {AXIS_READING: dict(facts[AXIS_READING])}!r})"


def image_of_run(
    facts: Mapping[str, Any], saved: Path | None, reading: Mapping[str, Any]
) -> tuple[str, list[str], bool]:
    """Find the file of the image, and whether the run turned it upright.

    Returns the file, comments for the user, and whether the image was turned upright.
    There is a comment if the file is missing or holds other pixels than those of the
    run. `reading` is the provenance that `axes.read_array` takes; it is empty for a
    command, which has no option for an axis.
    """
    source = str(facts["source"])
    if saved is not None and not Path(source).is_file():
        # As the results name it, which may have been made from another folder.
        source = str(saved_image(saved, facts["date"]) or source)
    path = Path(source)
    how = (
        "save the image layer in napari (File > Save Selected Layers...) and put the "
        "path of that file here."
    )
    if not path.is_file():
        text = f"The image was the layer {source!r}, which came from no file: {how}"
        if len(path.parts) > 1:
            text = f"There is no file {source} any more: {how}"
            return source, comment(text).splitlines(), True
        return f"{source}.tif", comment(text).splitlines(), True
    wanted = facts["image_sha256"]
    if isinstance(wanted, str) and path.stat().st_size < CHECKED_BYTES:
        for upright in (True, False):
            try:
                pixels = read_array(_pixels(path, facts, upright), reading)
                if array_sha256(pixels) == wanted:
                    return source, [], upright
            except (AttnSegError, IndexError):
                break
        text = f"{path.name} does not hold the pixels that were segmented: {how}"
        return source, comment(text).splitlines(), True
    return source, [], True


def _pixels(path: Path, facts: Mapping[str, Any], upright: bool) -> NDArray[np.generic]:
    if FILE_FACTS in facts:
        with open_frames(path) as frames:
            return frames[int(facts.get("frame", 0))]
    pixels = read_image(path, upright)
    return pixels[facts["frame"]] if "frame" in facts else pixels


def comment(text: str) -> str:
    """Format a text as a comment, for Python or a shell."""
    # Provenance may come from somebody's file: no line of it is to become code.
    return f"# {' '.join(text.split())}\n"
