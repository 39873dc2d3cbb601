"""Group the files that were given into one set per image or stack."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from napari_attnseg.errors import InputError
from napari_attnseg.io.folders import entries, left_out, left_out_words, other_folder
from napari_attnseg.io.readers.facts import Assumed
from napari_attnseg.io.readers.formats import (
    SUFFIXES,
    FileFormat,
    file_format,
    stem_of,
)


@dataclass(frozen=True, slots=True)
class FileSet:
    """Files that hold one image, or the frames of one stack.

    Attributes
    ----------
    paths : tuple of Path
        One file or OME-Zarr folder; several of a DICOM series, in order.
    kind : FileFormat
    name : str
        Name for results, layers and messages; it does not identify the patient.
    assumed : tuple of Assumed
        Assumptions about files that belong together.
    shows_path : bool
        Whether the path may be shown: the set is one file, and for DICOM the user asked
        to keep identifiers.
    """

    paths: tuple[Path, ...]
    kind: FileFormat
    name: str
    assumed: tuple[Assumed, ...] = ()
    shows_path: bool = True

    @property
    def label(self) -> Path:
        """Label for messages: the path if it may be shown, otherwise the name."""
        return self.paths[0] if self.shows_path else Path(self.name)


def find_sets(inputs: Sequence[Path], keep_identifiers: bool = False) -> list[FileSet]:
    """Sets of the given files and of the files in each given folder, by name.

    DICOM files of one folder are grouped by their series. A file that occurs several
    times, or under several names, is taken once.

    Parameters
    ----------
    inputs : sequence of Path
    keep_identifiers : bool
        Whether messages may show the path of a DICOM file, which may name the patient.

    Raises
    ------
    InputError
        If an input does not exist, or a folder holds no file that can be read.
    """
    found: dict[Path, FileSet] = {}
    for path in inputs:
        kind = file_format(path)
        if os.path.isdir(path) and kind is None:  # noqa: PTH112 (as `is_file`)
            sets = _in_folder(path, keep_identifiers)
        elif os.path.exists(path):  # noqa: PTH110
            sets = _of_files([path], keep_identifiers)
        else:
            raise InputError(f"There is no file or folder {path}; check the path.")
        for one in sets:
            found.setdefault(one.paths[0].resolve(), one)
    return _told_apart(found.values())


def _told_apart(sets: Iterable[FileSet]) -> list[FileSet]:
    """Sets of which no two DICOM ones without a path have one name."""
    times: Counter[str] = Counter()
    named = []
    for one in sets:
        if not one.shows_path:
            times[one.name] += 1
            if times[one.name] > 1:
                one = replace(one, name=f"{one.name}-{times[one.name]}")
        named.append(one)
    return named


def set_of(path: Path, keep_identifiers: bool = False) -> FileSet:
    """The set of a single file, of an OME-Zarr folder or of a folder with one series.

    Raises
    ------
    InputError
        If there is no such file, or a folder holds more than one image or series.
    """
    sets = find_sets([path], keep_identifiers)
    if len(sets) > 1:
        raise InputError(
            f"Expected one image or series at {path.name}, but it holds {len(sets)}; "
            "choose one of them."
        )
    return sets[0]


def _in_folder(folder: Path, keep_identifiers: bool) -> list[FileSet]:
    inside = [path for path in entries(folder) if file_format(path) is not None]
    files = {path.resolve() for path in inside if not path.is_symlink()}
    inside = [p for p in inside if not (p.is_symlink() and p.resolve() in files)]
    sets = _of_files(inside, keep_identifiers, True) if inside else []
    if not sets:
        others = left_out_words(left_out([folder], []))
        known = ", ".join(end for ends in SUFFIXES.values() for end in ends)
        raise InputError(
            f"Expected images in {folder}, found none with the suffixes "
            f"{known}{f' ({others})' if others else ''}; {other_folder(folder)}."
        )
    return sets


def _of_files(
    paths: Sequence[Path], keep_identifiers: bool, whole_folder: bool = False
) -> list[FileSet]:
    """Sets of files of one folder, or of one file that was given."""
    kinds = {path: file_format(path) or FileFormat.RASTER for path in paths}
    scans = [path for path, kind in kinds.items() if kind is FileFormat.DICOM]
    sets = [
        FileSet((path,), kind, stem_of(path))
        for path, kind in kinds.items()
        if kind is not FileFormat.DICOM
    ]
    # Beside other images they are left out, and counted, where pydicom is missing.
    if scans and (not sets or find_spec("pydicom") is not None):
        from napari_attnseg.io.readers.dicom_series import Series, group_series

        series, others = group_series(scans, keep_identifiers)
        if others and len(paths) == 1 and not whole_folder:
            bad = Series("dicom-without-image", (others[0],))
            series.append(bad)  # told when it is opened
        sets += [
            FileSet(one.paths, FileFormat.DICOM, one.name, one.assumed, one.shows_path)
            for one in series
        ]
    return sorted(sets, key=lambda one: one.paths[0])
