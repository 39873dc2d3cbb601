"""Headers of segmented DICOM images, with or without the patient's identity."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_attnseg.errors import InputError
from napari_attnseg.exports.masks import MaskSeries
from napari_attnseg.hashing import array_sha256
from napari_attnseg.io.readers import FileSet, find_sets, open_frames
from napari_attnseg.io.readers.dicom_file import guarded, read_header
from napari_attnseg.io.readers.dicom_header import of_frame
from napari_attnseg.io.readers.formats import FileFormat

#: What references and geometry need; nothing in it is written by people.
_NEEDED = (
    *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"),
    *("FrameOfReferenceUID", "PositionReferenceIndicator", "Modality"),
    *("InstanceNumber", "SeriesNumber", "Rows", "Columns", "NumberOfFrames"),
    *("PixelSpacing", "SliceThickness", "SpacingBetweenSlices"),
    *("ImageOrientationPatient", "ImagePositionPatient", "SamplesPerPixel"),
    *("PhotometricInterpretation", "BitsAllocated", "BitsStored", "HighBit"),
    *("PixelRepresentation", "SpecificCharacterSet"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
    *("DimensionOrganizationSequence", "DimensionIndexSequence"),
)
#: Attributes of patient and study that may be empty, and are if nobody asks for them.
_PATIENT = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
    *("AccessionNumber", "StudyID", "StudyDate", "StudyTime"),
    "ReferringPhysicianName",
)
_PLACE = ("FrameOfReferenceUID", "ImageOrientationPatient", "ImagePositionPatient")
_OF_FRAMES = (
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
    *("DimensionOrganizationSequence", "DimensionIndexSequence", "NumberOfFrames"),
)
#: Secondary Capture Image Storage.
_ONE_IMAGE = "1.2.840.10008.5.1.4.1.1.7"
_WANTED = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """Images that masks are of.

    Attributes
    ----------
    headers : list of pydicom.Dataset
        One with several frames, or one for each mask.
    multiframe : bool
    placed : bool
        Whether the images have a position in the patient.
    """

    headers: list[Any]
    multiframe: bool
    placed: bool

    @property
    def count(self) -> int:
        """Number of images."""
        frames = int(self.headers[0].get("NumberOfFrames") or 1)
        return frames if self.multiframe else len(self.headers)


def sources_of(
    one: MaskSeries, given: Sequence[Path], keep_identifiers: bool
) -> Sources:
    """Headers of the images of some masks.

    Parameters
    ----------
    one : MaskSeries
    given : sequence of Path
        DICOM files or folders of them; empty: the image that the results name.
    keep_identifiers : bool
        Whether file names and messages may identify the patient.

    Raises
    ------
    InputError
        If there are no images, or they do not belong to the masks.
    """
    paths = list(given) or ([] if one.image is None else [one.image])
    if not paths:
        raise InputError(
            f"The results {one.stem} do not name a DICOM file that exists; give the "
            "images with --source."
        )
    # Results have a code for a name, or the file's own where that was asked for.
    sets = [s for s in find_sets(paths) if s.kind is FileFormat.DICOM]
    own = [s for s in find_sets(paths, True) if s.kind is FileFormat.DICOM]
    named = [s for s in (*sets, *own) if s.name == one.stem][:1] or sets
    if len(named) != 1:
        raise InputError(
            f"Expected the DICOM image or series of {one.stem}, but --source holds "
            f"{len(named)}; give the one that was segmented."
        )
    numbers = one.frames or (0,)
    files = named[0].paths
    first = _header(files[0], keep_identifiers)
    count = int(first.get("NumberOfFrames") or 1)
    if len(files) == 1 and count > 1:
        headers, available = [first], count
    else:
        available = len(files)
        headers = [
            _header(files[i], keep_identifiers) for i in numbers if i < available
        ]
    size = (int(first.Rows), int(first.Columns))
    if one.frames is None and available > 1:
        raise InputError(
            f"The results {one.stem} are of one image, and the DICOM source has "
            f"{available}; give the one that was segmented."
        )
    if max(numbers) >= available or size != one.masks.shape[1:]:
        raise InputError(
            f"The masks of {one.stem} are {len(one.masks)} of {one.masks.shape[1]}×"
            f"{one.masks.shape[2]} pixels up to frame {max(numbers)}, and the DICOM "
            f"source has {available} of {size[0]}×{size[1]}; give the images that were "
            "segmented."
        )
    if given and one.frames is None:
        _expect_pixels(one, named[0])
    placed = all(_is_placed(header) for header in headers)
    if not placed:
        for header in headers:
            for name in (*_PLACE, "PositionReferenceIndicator"):
                if name in header:
                    del header[name]
    return Sources(headers, len(files) == 1 and count > 1, placed)


def _expect_pixels(one: MaskSeries, files: FileSet) -> None:
    """Refuse a given source that holds other pixels.

    Raises
    ------
    InputError
    """
    wanted = one.provenance.get("image_sha256")
    with open_frames(files) as frames:
        same = wanted is None or array_sha256(frames[0]) == wanted
    if not same:
        raise InputError(
            f"The DICOM source does not hold the pixels of which {one.stem} is the "
            "mask; give the image that was segmented."
        )


def single(header: Any) -> Any:
    """Copy a header as if the file held one image instead of several frames.

    highdicom makes no SEG of several frames without a position in the patient.
    `refer_to_frame` then adds the frame that the SEG belongs to.
    """
    found = deepcopy(header)
    for name in _OF_FRAMES:
        if name in found:
            del found[name]
    found.SOPClassUID = _ONE_IMAGE
    return found


def refer_to_frame(seg: Any, header: Any, frame: int) -> None:
    """Let a SEG that was made from a `single` header refer to a frame of the file.

    `frame` is counted from 1.
    """
    images = [
        image
        for group in seg.PerFrameFunctionalGroupsSequence
        for derivation in group.DerivationImageSequence
        for image in derivation.SourceImageSequence
    ]
    for image in images:
        image.ReferencedFrameNumber = frame
    instances = [
        instance
        for series in seg.ReferencedSeriesSequence
        for instance in series.ReferencedInstanceSequence
    ]
    whole = seg.get("SourceImageSequence") or []
    for reference in (*images, *instances, *whole):
        reference.ReferencedSOPClassUID = header.SOPClassUID


def _is_placed(header: Any) -> bool:
    return all(of_frame(header, 0, name) is not None for name in _PLACE)


def _header(path: Path, keep_identifiers: bool) -> Any:
    """Header with what is needed; empty where it would tell who the patient is."""
    import pydicom

    whole = read_header(path)
    with guarded():
        found = pydicom.Dataset()
        found.file_meta = whole.file_meta
        kept = _NEEDED + _PATIENT * keep_identifiers
        for name in kept:
            if name in whole:
                found[name] = whole[name]
        for name in _PATIENT:
            if name not in found:
                setattr(found, name, None if name.endswith(("Date", "Time")) else "")
        missing = [name for name in _WANTED if not found.get(name)]
    if missing:
        raise InputError(
            f"Expected a DICOM image with {', '.join(_WANTED)}, but this one lacks "
            f"{', '.join(missing)}, so that no mask can refer to it; take it from the "
            "archive again."
        )
    return found
