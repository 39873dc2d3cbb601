"""Masks of DICOM SEG files, each with the frame or slice that it belongs to.

Most programs name the image of each mask. Others only say where it lies in the body:
then it belongs to the slice whose pixels lie at the same place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from attnseg_training.datasets.frame_masks import Mask
from napari_attnseg.errors import InputError
from napari_attnseg.io.readers import FileSet
from napari_attnseg.io.readers.dicom_file import guarded, read_header
from napari_attnseg.io.readers.dicom_places import PlanePlace, place_of
from napari_attnseg.io.readers.dicom_seg import SegPlane, read_segmentation
from napari_attnseg.io.readers.formats import FileFormat

_CHOOSE = "choose the images that it was made from"


@dataclass(frozen=True, slots=True)
class _Image:
    """A frame of the images: its file, its number in it, and where it lies."""

    instance: str
    series: str
    frame: int
    place: PlanePlace | None


def seg_masks(segs: Sequence[Path], images: FileSet) -> dict[int, Mask]:
    """Frame or slice → its mask in one of some DICOM SEG files.

    Raises
    ------
    InputError
        If a file cannot be read, a mask belongs to none of the images, or to several,
        or two belong to one.
    """
    known = _images(images)
    found: dict[int, Mask] = {}
    for seg in segs:
        for plane in read_segmentation(seg):
            number = _number(plane, known, seg.name)
            if number in found:
                raise InputError(
                    f"Expected one mask of each frame, but {seg.name} has a further "
                    f"one of frame {number} of {images.name}; give the file with the "
                    "masks that you want alone."
                )
            found[number] = plane.labels
    return found


def _images(images: FileSet) -> list[_Image]:
    if images.kind is not FileFormat.DICOM:
        return []
    found = []
    for header in map(read_header, images.paths):
        with guarded():
            instance = str(header.get("SOPInstanceUID") or "")
            series = str(header.get("SeriesInstanceUID") or "")
            found += [
                _Image(instance, series, frame, place_of(header, frame))
                for frame in range(int(header.get("NumberOfFrames") or 1))
            ]
    return found


def _number(plane: SegPlane, images: Sequence[_Image], seg: str) -> int:
    """Frame that a mask belongs to."""
    among = list(range(len(images)))
    if plane.instance:
        among = [at for at in among if images[at].instance == plane.instance]
        if not among:
            raise InputError(
                f"{seg} refers to an image that is not among the given ones; {_CHOOSE}."
            )
        if len(among) == 1:
            return among[0]
        if plane.frame is not None:
            if plane.frame not in range(len(among)):
                raise InputError(
                    f"{seg} refers to frame {plane.frame} of an image that has "
                    f"{len(among)}; {_CHOOSE}."
                )
            return among[plane.frame]
    return _at_its_place(plane, among, images, seg)


def _at_its_place(
    plane: SegPlane, among: Sequence[int], images: Sequence[_Image], seg: str
) -> int:
    """Frame, of those in `among`, whose pixels lie where those of the mask do."""
    names = f"{seg} does not name the image of each mask"
    if plane.place is None:
        raise InputError(
            f"{names}, and not where it lies; export it with references to its images, "
            "or as NIfTI."
        )
    if plane.series and not {images[at].series for at in among} <= {*plane.series}:
        raise InputError(
            f"{seg} refers to another series than the given one; {_CHOOSE}."
        )
    places = {at: images[at].place for at in among}
    references = {one.reference for one in places.values() if one is not None}
    if references != {plane.place.reference}:
        raise InputError(
            f"{names}, and by its FrameOfReferenceUID it cannot be placed on the given "
            f"images; {_CHOOSE}, or export it with references to them."
        )
    found = [at for at, one in places.items() if one and one.is_at(plane.place)]
    if len(found) != 1:
        where = ", ".join(f"{one:g}" for one in plane.place.position)
        what = (
            f"{len(found)} of the given slices lie at the place of one ({where} mm), "
            "as in several phases: give those of one phase"
            if found
            else "none of the given slices has the place, direction, pixels and size "
            f"of one ({where} mm): {_CHOOSE}, or resample the mask to them"
        )
        raise InputError(f"{names}, and {what}.")
    return found[0]
