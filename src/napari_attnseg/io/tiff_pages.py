"""Separate the pages of a TIFF from its thumbnails and transparency masks.

It marks smaller copies, and pages that say which pixels of another one are transparent.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image as Picture
    from tifffile import TiffFile

#: Key, in provenance, of the number of thumbnails that were left out.
THUMBNAILS = "thumbnails"
#: Key, in provenance, of the number of transparency masks that were left out.
TRANSPARENCY = "transparency_masks"
#: Sentence on such a file, with a place for its name.
TRANSPARENCY_WORDS = (
    "{} holds a transparency mask beside its picture: the mask was left out, and all "
    "pixels of the picture were used."
)
#: Bits of the kind of a page: smaller copies and masks.
_REDUCED, _MASK = 1, 4


def main_page(file: TiffFile) -> Any:
    """Return the first page of an open TIFF that is no thumbnail or transparency mask.

    If there is none, the first page is returned.

    Raises
    ------
    Exception
        Of many kinds, as tifffile raises them for a damaged file.
    """
    first = file.pages.first
    if not _is_aside(first):
        return first
    others = (file.pages[i] for i in range(1, len(file.pages)))
    return next((page for page in others if not _is_aside(page)), first)


def main_series(file: TiffFile) -> tuple[list[Any], int, int]:
    """Return the series of an open TIFF, and the numbers of thumbnails and masks.

    The series contain no thumbnails, smaller copies of a pyramid or transparency masks.

    Raises
    ------
    Exception
        Of many kinds, as for `main_page`.
    """
    every = list(file.series)
    main = [one for one in every if not _is_aside(one.keyframe)] or every
    left = [one for one in every if one not in main]
    masks = sum(len(one.pages) for one in left if _is_mask(one.keyframe))
    small = sum(len(one.pages) for one in left) - masks
    return main, small + sum(len(one.levels) - 1 for one in main), masks


def are_red_green_blue(series: Any) -> bool:
    """Whether three channels (C, H, W) of ImageJ are shown in red, green and blue.

    So it saves an RGB image of 16 bits.
    """
    if series.axes != "CYX" or series.shape[0] != 3:
        return False
    found = (getattr(series.keyframe.parent, "imagej_metadata", None) or {}).get("LUTs")
    if not isinstance(found, list) or len(found) != 3:
        return False
    full = np.eye(3)[:, :, None] * np.arange(256)
    return np.shape(found) == full.shape and bool(np.array_equal(found, full))


def _is_aside(page: Any) -> bool:
    return bool(getattr(page, "is_reduced", False)) or _is_mask(page)


def _is_mask(page: Any) -> bool:
    return bool(getattr(page, "is_mask", False))


def main_frames(file: Picture, path: Path) -> tuple[list[int], int, int]:
    """Numbers of the main frames of an open picture, and as `main_series` what is left.

    All frames, if none is a main one, or it is no TIFF; of an MPO the first one.

    Raises
    ------
    Exception
        Of many kinds, as for `main_page`.
    """
    import tifffile

    if file.format != "TIFF":
        count = 1 if file.format == "MPO" else getattr(file, "n_frames", 1)
        return list(range(count)), 0, 0
    # Pillow counts frames by opening each, and opens no page of transparency.
    with tifffile.TiffFile(path) as tiff:
        kinds = [int(getattr(page, "subfiletype", 0)) for page in tiff.pages]
    found = [i for i, kind in enumerate(kinds) if not kind & (_REDUCED | _MASK)]
    if not found:
        return list(range(len(kinds))), 0, 0
    masks = sum(bool(kind & _MASK) for kind in kinds)
    return found, len(kinds) - len(found) - masks, masks
