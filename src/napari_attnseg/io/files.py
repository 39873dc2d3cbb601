"""Parts of results files: encoded arrays, their JSON, and the source image.

The JSON of each kind of results begins with its format, names the other files under
``files``, and gives the path of the image under ``provenance``.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from numpy.typing import NDArray


def read_facts(path: Path, file_format: str) -> dict[str, Any] | None:
    """Content of a JSON file of that format; None for any other file."""
    try:
        with path.open(encoding="utf-8") as file:
            # The format is written first: other people's files may be large.
            if file_format not in file.read(100):
                return None
            file.seek(0)
            facts: dict[str, Any] = json.load(file)
    except (OSError, ValueError):
        return None
    return facts


def image_of(path: Path, facts: Mapping[str, Any]) -> Path | None:
    """Source image of results, if its file still exists.

    Parameters
    ----------
    path : Path
        JSON file of the results.
    facts : mapping
        Content of that file.
    """
    if "image" not in facts["files"]:
        return None
    beside = path.parent / facts["files"]["image"]
    candidates = (beside, Path(facts["provenance"]["source"]))
    return next((found for found in candidates if found.is_file()), None)


def relative_source(source: str, folder: Path) -> str:
    """Path of the image relative to the results, so that both may be moved together.

    `source` is returned unchanged if a relative path would reveal more about the
    folders of this machine than `source` does.
    """
    if Path(source).is_absolute() == folder.is_absolute():
        with suppress(ValueError):  # two drives
            return Path(os.path.relpath(source, folder)).as_posix()
    return source


def png_bytes(values: NDArray[Any]) -> bytes:
    """PNG of a grey or RGB array of uint8."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "PNG")
    return buffer.getvalue()


def tiff_bytes(values: NDArray[Any]) -> bytes:
    """TIFF of an array of any type, compressed without loss."""
    import tifffile

    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values, compression="zlib", photometric="minisblack")
    return buffer.getvalue()
