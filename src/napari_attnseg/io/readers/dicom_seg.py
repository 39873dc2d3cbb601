"""Read DICOM SEG: the masks of one or more images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.errors import InputError
from napari_attnseg.io.readers.dicom_file import expect_pydicom, guarded
from napari_attnseg.io.readers.dicom_places import PlanePlace, place_of
from napari_attnseg.io.readers.dicom_slides import tiles_words

#: SOP classes: Segmentation, and Label Map Segmentation.
_SEG = "1.2.840.10008.5.1.4.1.1.66.4"
_LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.7"


@dataclass(frozen=True, slots=True, eq=False)
class SegPlane:
    """Mask of one image.

    Attributes
    ----------
    labels : ndarray of uint16, shape (H, W)
        Number of the segment; 0 is background.
    instance : str
        ``SOPInstanceUID`` of the image; empty where the file does not say it.
    frame : int or None
        Number of the frame in that image's file, from 0; None where it is not said.
    place : PlanePlace or None
        Where the mask lies in the body; None where the file does not say it.
    series : tuple of str
        ``SeriesInstanceUID`` of each series that the file refers to; may be empty.
    """

    labels: NDArray[np.uint16]
    instance: str = ""
    frame: int | None = None
    place: PlanePlace | None = None
    series: tuple[str, ...] = ()


def is_segmentation(path: Path) -> bool:
    """Whether a DICOM file holds masks."""
    expect_pydicom()
    import pydicom

    with guarded():
        found = pydicom.dcmread(path, specific_tags=["SOPClassUID"], force=True)
        return str(found.get("SOPClassUID", "")) in (_SEG, _LABEL_MAP)


def read_segmentation(path: Path) -> list[SegPlane]:
    """Masks of a DICOM SEG, one per image that it refers to, or per place.

    Raises
    ------
    InputError
        If it cannot be read, holds fractions or tiles of a slide, its segments
        overlap, or it does not tell the images of its masks apart.
    """
    expect_pydicom()
    import pydicom

    with guarded():
        data = pydicom.dcmread(path)
        kind = str(data.get("SegmentationType", ""))
        if kind == "FRACTIONAL":
            raise InputError(
                "Expected masks in the DICOM SEG, but it holds fractions "
                "(SegmentationType FRACTIONAL); export it as BINARY."
            )
        if tiles := tiles_words(data):
            raise InputError(
                "Expected masks of images in one piece, but the DICOM SEG holds "
                f"{tiles}, which are not put together; export a region of the slide "
                "and its mask as TIFF or PNG."
            )
        pixels = np.asarray(data.pixel_array)
        each = pixels[None] if pixels.ndim == 2 else pixels
        shared = (data.get("SharedFunctionalGroupsSequence") or [None])[0]
        groups = list(data.get("PerFrameFunctionalGroupsSequence") or [])
        planes: dict[Any, NDArray[np.uint16]] = {}
        seen = set()
        for at, values in enumerate(each):
            own = groups[at] if at < len(groups) else None
            where = [one for one in (own, shared) if one is not None]
            number = 1 if kind == "LABELMAP" else _segment(where)
            labels = values.astype(np.uint16) * np.uint16(number)
            key = (*_source(where), place_of(data, at))
            if (key, number) in seen:
                raise InputError(
                    "Expected masks of which the DICOM SEG says the image or the place "
                    "of each, but several of one segment have the same, or none; "
                    "export it with references to its images, or as NIfTI."
                )
            seen.add((key, number))
            before = planes.get(key)
            if before is not None and np.any((before > 0) & (labels > 0)):
                raise InputError(
                    "Expected segments that lie apart in the DICOM SEG, but some "
                    "overlap; export each one as a mask of its own."
                )
            planes[key] = labels if before is None else before + labels
        series = tuple(
            str(one.get("SeriesInstanceUID") or "")
            for one in data.get("ReferencedSeriesSequence") or ()
        )
    return [
        SegPlane(labels, instance, frame, place, series)
        for (instance, frame, place), labels in planes.items()
    ]


def _segment(where: list[Any]) -> int:
    for group in where:
        if "SegmentIdentificationSequence" in group:
            item = group.SegmentIdentificationSequence[0]
            return int(item.ReferencedSegmentNumber)
    return 1


def _source(where: list[Any]) -> tuple[str, int | None]:
    """Image that a frame was made from, and its frame; empty where it may be several.

    Some programs list all images of the series for each frame.
    """
    for group in where:
        named = {
            (str(image.get("ReferencedSOPInstanceUID") or ""), number)
            for made in group.get("DerivationImageSequence") or ()
            for image in made.get("SourceImageSequence") or ()
            for number in _frames(image.get("ReferencedFrameNumber"))
        }
        if len(named) == 1:
            return named.pop()
        if named:
            images = {instance for instance, _ in named}
            return (images.pop() if len(images) == 1 else "", None)
    return "", None


def _frames(value: Any) -> list[int | None]:
    """Numbers of frames, from 0, that ``ReferencedFrameNumber`` lists."""
    if value is None or value == "":
        return [None]
    each = value if hasattr(value, "__iter__") else [value]
    return [int(one) - 1 for one in each]
