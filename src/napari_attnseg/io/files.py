"""Parts of results files: encoded arrays, their JSON, and the source image.

The JSON of each kind of results begins with its format, names the other files under
``files``, and gives the path of the image under ``provenance``.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from napari_attnseg.errors import InputError

#: Format of the results of an image, or of a stack that the viewer saved.
RESULTS_FORMAT = "attnseg-results-1"


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


@contextmanager
def expect_files_that_fit(path: Path, what: str) -> Iterator[None]:
    """Refuse files that do not fit the JSON that names them, while they are read.

    Parameters
    ----------
    path : Path
        The JSON.
    what : str
        What to write again, in words.

    Raises
    ------
    InputError
    """
    try:
        yield
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InputError(
            f"{path.name} and the files beside it do not belong together "
            f"({type(error).__name__}: {error}); write the {what} again."
        ) from error


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
