"""Separate the pages of a TIFF from its thumbnails: copies that it marks as smaller."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image as Picture
    from tifffile import TiffFile

#: Key, in provenance, of the number of thumbnails that were left out.
THUMBNAILS = "thumbnails"
#: TIFF tag of the kind of a page, and its bit of smaller copies.
_KIND, _REDUCED = 254, 1


def main_page(file: TiffFile) -> Any:
    """Return the first page of an open TIFF that is no thumbnail.

    If all pages are thumbnails, the first one is returned.

    Raises
    ------
    Exception
        Of many kinds, as tifffile raises them for a damaged file.
    """
    first = file.pages.first
    if not _is_reduced(first):
        return first
    others = (file.pages[i] for i in range(1, len(file.pages)))
    return next((page for page in others if not _is_reduced(page)), first)


def main_series(file: TiffFile) -> tuple[list[Any], int]:
    """Return the series of pages of an open TIFF, and the number of its thumbnails.

    The series contain neither thumbnails nor the smaller copies of a pyramid.

    Raises
    ------
    Exception
        Of many kinds, as for `main_page`.
    """
    every = list(file.series)
    main = [one for one in every if not _is_reduced(one.keyframe)] or every
    aside = sum(len(one.pages) for one in every if one not in main)
    return main, aside + sum(len(one.levels) - 1 for one in main)


def _is_reduced(page: Any) -> bool:
    return bool(getattr(page, "is_reduced", False))


def main_frames(file: Picture, count: int) -> list[int]:
    """Numbers of those of `count` frames of an open picture that are no thumbnails.

    All frames, if all are thumbnails or it is no TIFF.
    """
    if file.format != "TIFF" or count == 1:
        return list(range(count))
    found = []
    for index in range(count):
        file.seek(index)
        tags: Any = file
        if not int(tags.tag_v2.get(_KIND, 0)) & _REDUCED:
            found.append(index)
    file.seek(0)
    return found or list(range(count))
