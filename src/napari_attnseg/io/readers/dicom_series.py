"""Files of a folder of DICOM, grouped by series and in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from napari_attnseg.errors import InputError
from napari_attnseg.hashing import text_sha256
from napari_attnseg.io.folders import entries
from napari_attnseg.io.readers.dicom_copies import copies
from napari_attnseg.io.readers.dicom_file import (
    NoImageError,
    expect_pydicom,
    guarded,
    read_header,
)
from napari_attnseg.io.readers.dicom_header import numbers, position_of
from napari_attnseg.io.readers.facts import Assumed
from napari_attnseg.io.readers.formats import stem_of


@dataclass(frozen=True, slots=True)
class Series:
    """Files that belong together.

    Attributes
    ----------
    name : str
        Name that does not identify the patient, unless identifiers are kept.
    paths : tuple of Path
        In order.
    assumed : tuple of Assumed
        Assumptions about their order.
    shows_path : bool
        Whether the path may be shown: the series is one file, and the user asked to
        keep identifiers.
    """

    name: str
    paths: tuple[Path, ...]
    assumed: tuple[Assumed, ...] = ()
    shows_path: bool = False


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    key: tuple[Any, ...]
    number: float | None
    position: float | None
    frames: int
    series: str
    own: str
    code: str
    instance: str


def group_series(
    paths: Sequence[Path], keep_identifiers: bool = False
) -> tuple[list[Series], list[Path]]:
    """Group DICOM files by their series, each in order of position, number or name.

    A file that cannot be read is a series of its own, and its error is raised when it
    is opened.

    Images of a series that differ in size or kind are separate series, and so is a file
    with several frames. Copies of a file are left out.

    Parameters
    ----------
    paths : sequence of Path
    keep_identifiers : bool
        Whether names contain that of the file, or of the folder of several, which may
        identify the patient in a spelling that the header does not have.

    Returns
    -------
    series : list of Series
        Series, sorted by the first file name in each.
    others : list of Path
        Files that are not images, such as reports and DICOMDIR.

    Raises
    ------
    InputError
        If pydicom is missing.
    """
    files, others, bad = [], [], list[Series]()
    expect_pydicom()
    for path in paths:
        try:
            with guarded():
                files.append(_look(path, keep_identifiers))
        except NoImageError:
            others.append(path)
        except InputError:
            name = stem_of(path) if keep_identifiers else _numbered(path)
            bad.append(Series(name, (path,), (), keep_identifiers))
    again = copies({file.path: file.instance for file in files})
    originals = set(again.values())
    together: dict[tuple[Any, ...], list[_File]] = {}
    for file in files:
        if file.path in again:
            continue
        alone = (file.path,) if file.frames > 1 else ()
        together.setdefault((*file.key, *alone), []).append(file)
    found = []
    for group in together.values():
        one = _ordered(group)
        if not originals.isdisjoint(one.paths):
            one = replace(one, assumed=(*one.assumed, Assumed.COPIES))
        found.append(one)
    times = Counter(one.name for one in found)
    # Two series of one number, or of none.
    unique: Counter[str] = Counter()
    named = []
    for one in found:
        if times[one.name] > 1:
            unique[one.name] += 1
            if not one.shows_path:  # `result_stems` tells files of one name apart
                one = replace(one, name=f"{one.name}-{unique[one.name]}")
        named.append(one)
    return named + bad, others


def _numbered(path: Path) -> str:
    """Name of a file that cannot be read: its number, by name, in its folder."""
    try:
        beside = [one.name for one in entries(path.parent)]
    except InputError:
        beside = []
    return f"dicom-file-{sum(name <= path.name for name in beside)}"


def _look(path: Path, keep_identifiers: bool) -> _File:
    header = read_header(path)
    size = (header.Rows, header.Columns, header.get("SamplesPerPixel"))
    kind = (str(header.get("PhotometricInterpretation")), _plane(header))
    number = numbers(header.get("InstanceNumber"))
    series = str(header.get("SeriesInstanceUID") or "")
    instance = str(header.get("SOPInstanceUID") or "")
    return _File(
        path,
        (series or path, size, kind),
        number[0] if number else None,
        position_of(header, 0),
        int(header.get("NumberOfFrames") or 1),
        _series_name(path, header),
        stem_of(path) if keep_identifiers else "",
        f"dicom-{text_sha256(instance or str(path))[:8]}",
        instance,
    )


def _plane(header: Any) -> tuple[float, ...]:
    """Direction of the slice's plane, so far rounded that noise makes no difference."""
    along = numbers(header.get("ImageOrientationPatient"))
    return tuple(round(one, 3) + 0.0 for one in along)


def _series_name(path: Path, header: Any) -> str:
    """``CT-series-3``: its description is free text, in which people write names."""
    modality = "".join(filter(str.isalnum, str(header.get("Modality") or "dicom")))
    number = numbers(header.get("SeriesNumber"))
    if number:
        return f"{modality}-series-{number[0]:.0f}"
    code = text_sha256(str(header.get("SeriesInstanceUID") or path.name))[:8]
    return f"{modality}-series-{code}"


def _ordered(files: list[_File]) -> Series:
    if len(files) == 1:
        (one,) = files
        return Series(one.own or one.code, (one.path,), (), bool(one.own))
    positions = [one.position for one in files]
    order: list[Any]
    if None not in positions and len(set(positions)) == len(files):
        order = positions
    else:
        order = [one.number for one in files]
    assumed: tuple[Assumed, ...] = ()
    if None in order or len(set(order)) < len(files):
        order, assumed = [one.path.name for one in files], (Assumed.ORDER_OF_NAMES,)
    pairs = sorted(zip(order, files, strict=True), key=lambda pair: pair[0])
    name = files[0].series
    if files[0].own:  # it was asked for, and folders are named after patients, too
        name = f"{files[0].path.absolute().parent.name}_{name}"
    return Series(name, tuple(f.path for _, f in pairs), assumed)
