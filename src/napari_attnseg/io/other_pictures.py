"""Find further pictures in an image file; a phone's JPEG may hold two that differ.

Such files (MPO) hold another view, depth or a gain map; mere previews do not count.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.io.pillow_files import large_pictures

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

#: Key, in provenance, of the number of pictures that were left out.
OTHER_PICTURES = "other_pictures"
#: Sentence on such a file, with a place for its name.
OTHER_PICTURES_WORDS = (
    "{} holds another picture beside the first one, which was used: save the right one "
    "alone if it is not that."
)
#: Side to which pictures are reduced, and the mean difference, of 255, of two of them.
_SIDE, _DIFFERENT = 32, 4.0


def different_pictures(file: Picture) -> int:
    """Number of pictures in an open MPO that differ from the first one.

    The first picture is loaded again at the end, so that `file` shows it as before.
    """
    from PIL import Image

    def small(index: int) -> NDArray[np.float64]:
        file.seek(index)
        grey = file.convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX)
        return np.asarray(grey, np.float64)

    if file.format != "MPO":
        return 0
    first, count = small(0), 0
    for index in range(1, getattr(file, "n_frames", 1)):
        try:
            count += bool(np.abs(small(index) - first).mean() > _DIFFERENT)
        except (OSError, SyntaxError, ValueError):  # a damaged one is no picture
            continue
    file.seek(0)
    return count


def other_pictures(path: str | Path) -> int:
    """Number of pictures in a file that differ from its first; 0 if it is no MPO."""
    try:
        stat = os.stat(path)  # noqa: PTH116 (Path's raises for too long a name)
        return _other_pictures(Path(path), stat.st_mtime_ns, stat.st_size)
    except (OSError, ValueError):
        return 0


@lru_cache(maxsize=256)
def _other_pictures(path: Path, modified: int, size: int) -> int:
    from PIL import Image

    if path.suffix.lower() not in (".jpg", ".jpeg", ".jfif", ".mpo"):
        return 0
    # The decoders raise many kinds for a damaged file.
    try:
        with large_pictures(), Image.open(path, formats=("JPEG",)) as file:
            return different_pictures(file)
    except Exception:
        return 0
