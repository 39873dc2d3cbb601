"""Recognise the kind of a file by its name or its first bytes, without decoding."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path

from napari_attnseg.io.images import SUFFIXES as PICTURES


class FileFormat(StrEnum):
    """Kinds of files that can be read.

    Attributes
    ----------
    RASTER
        PNG, JPEG, TIFF, BMP, GIF and WebP: one picture.
    DICOM
        One image or several frames; several files of a series.
    VIDEO
        MP4, MOV, AVI, Matroska, WebM, MPEG and WMV.
    NIFTI
        A slice, or a volume of slices.
    OME_TIFF, OME_ZARR
        Microscopy images whose axes are named.
    """

    RASTER = "raster"
    DICOM = "dicom"
    VIDEO = "video"
    NIFTI = "nifti"
    OME_TIFF = "ome_tiff"
    OME_ZARR = "ome_zarr"


#: Ends of names, in lower case; of two that fit, the longer one comes first.
SUFFIXES: dict[FileFormat, tuple[str, ...]] = {
    FileFormat.OME_TIFF: (".ome.tiff", ".ome.tif"),
    FileFormat.RASTER: PICTURES,
    FileFormat.DICOM: (".dcm", ".dicom"),
    FileFormat.VIDEO: (
        *(".mp4", ".m4v", ".3gp", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg"),
        *(".wmv", ".ts", ".mts", ".m2ts"),
    ),
    FileFormat.NIFTI: (".nii.gz", ".nii"),
    FileFormat.OME_ZARR: (".ome.zarr", ".zarr"),
}
#: Files that make a folder an OME-Zarr image: of versions 0.4 and 0.5.
_ZARR = (".zattrs", "zarr.json")
#: What a DICOM file has behind its preamble, and where.
_MAGIC, _AT = b"DICM", 128
#: Groups of the first elements of DICOM, and how many bytes are looked at.
_GROUPS, _HEAD = (0x0002, 0x0008), 512


def file_format(path: Path) -> FileFormat | None:
    """The kind of a file or of an OME-Zarr folder; None if it cannot be read.

    If a name has no suffix, or a number in its place, the first bytes of the file are
    read, because archives give DICOM files such names. bioformats2raw gives them to the
    folders of its images.
    """
    name = path.name.lower()
    for kind, ends in SUFFIXES.items():
        if name.endswith(ends):
            if kind is FileFormat.OME_ZARR:
                return kind if _is_zarr(path) else None
            return kind
    suffix = path.suffix
    if not suffix or suffix[1:].isdigit():
        if _is_zarr(path):
            return FileFormat.OME_ZARR
        return FileFormat.DICOM if is_dicom(path) else None
    return None


def _is_zarr(path: Path) -> bool:
    return any(os.path.isfile(path / one) for one in _ZARR)  # noqa: PTH113 (as below)


def is_dicom(path: Path) -> bool:
    """Whether a file has the marker of DICOM (``DICM``), or begins as one without it.

    Old archives wrote no preamble: such files begin with elements of group 2 or 8.
    """
    try:
        if not os.path.isfile(path):  # noqa: PTH113 (Path's raises for long names)
            return False
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    return head[_AT : _AT + len(_MAGIC)] == _MAGIC or _are_elements(head)


def _are_elements(head: bytes) -> bool:
    """Whether bytes begin with two elements in order, of group 2 or 8."""
    first = _element(head)
    second = None if first is None else _element(head[first[1] :])
    return first is not None and second is not None and first[0] < second[0]


def _element(head: bytes) -> tuple[tuple[int, int], int] | None:
    """Tag and length in bytes of a little-endian element; None if there is none."""
    if len(head) < 8:
        return None
    group, number = (int.from_bytes(head[i : i + 2], "little") for i in (0, 2))
    explicit = head[4:6].isalpha() and head[4:6].isupper()
    length = int.from_bytes(head[6:8] if explicit else head[4:8], "little")
    return ((group, number), 8 + length) if group in _GROUPS else None


def stem_of(path: Path) -> str:
    """Name of a file without the suffix of its kind; ``scan`` for ``scan.nii.gz``."""
    name = path.name.lower()
    ends = (end for kind in SUFFIXES.values() for end in kind if name.endswith(end))
    longest = max(ends, key=len, default="")
    if longest:
        return path.name[: -len(longest)]
    return path.name if path.suffix[1:].isdigit() else path.stem
