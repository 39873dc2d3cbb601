"""Recognise whole slide images in DICOM, and what their scanner adds to them.

A slide is stored as tiles, once for each level of resolution. Tiles are no frames of a
film, and their masks are not those of the slide.
"""

from __future__ import annotations

from typing import Any

#: SOP classes: VL Whole Slide Microscopy, and Confocal Microscopy Tiled Pyramidal.
_SLIDES = ("1.2.840.10008.5.1.4.1.1.77.1.6", "1.2.840.10008.5.1.4.1.1.77.1.9")
#: Third values of ``ImageType`` → what such an image shows.
_BESIDE = {
    "LABEL": "the label of a slide, which may name the patient",
    "OVERVIEW": "a photo of the whole glass of a slide, with its label",
    "THUMBNAIL": "a slide once more, reduced",
    "LOCALIZER": "a photo of the whole glass of a slide, with its label",
}


def beside_slide_words(header: Any) -> str:
    """What an image shows that a scanner stores beside a slide; empty for others."""
    if not _is_slide(header):
        return ""
    kind = [str(one).upper() for one in header.get("ImageType") or ()]
    return next((words for one, words in _BESIDE.items() if one in kind[2:3]), "")


def tiles_words(header: Any) -> str:
    """What a file holds that stores tiles of a slide; empty if it is one picture."""
    matrix = _matrix(header)
    tile = int(header.get("Rows") or 0), int(header.get("Columns") or 0)
    count = int(header.get("NumberOfFrames") or 1)
    if not _is_slide(header) or (count == 1 and matrix in (None, tile)):
        return ""
    size = f" of {matrix[1]} × {matrix[0]} pixels" if matrix else ""
    return f"a whole slide{size} as tiles of {tile[1]} × {tile[0]} (frames: {count})"


def _is_slide(header: Any) -> bool:
    meta = getattr(header, "file_meta", None) or {}
    kind = header.get("SOPClassUID") or meta.get("MediaStorageSOPClassUID")
    return str(kind) in _SLIDES or _matrix(header) is not None


def _matrix(header: Any) -> tuple[int, int] | None:
    """Height and width of the slide, which the tiles make up."""
    found = [header.get(f"TotalPixelMatrix{one}") for one in ("Rows", "Columns")]
    return (int(found[0]), int(found[1])) if all(found) else None
