"""Files of a folder of DICOM, grouped by series and in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from napari_attnseg.errors import InputError
from napari_attnseg.hashing import text_sha256
from napari_attnseg.io.readers.dicom_file import expect_pydicom, guarded, read_header
from napari_attnseg.io.readers.dicom_header import (
    identifiers_of,
    is_named,
    numbers,
    position_of,
)
from napari_attnseg.io.readers.facts import Assumed
from napari_attnseg.io.readers.formats import stem_of


@dataclass(frozen=True, slots=True)
class Series:
    """Files that belong together.

    Attributes
    ----------
    name : str
        Without anything that tells who the patient is.
    paths : tuple of Path
        In order.
    assumed : tuple of Assumed
        What was taken for granted to order them.
    shows_path : bool
        Whether it is one file whose path names no patient, so that it may be told.
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


def group_series(
    paths: Sequence[Path], keep_identifiers: bool = False
) -> tuple[list[Series], list[Path]]:
    """Group DICOM files by their series, each in order of position, number or name.

    Images of a series that differ in size or kind are series of their own, and so is a
    file with several frames.

    Parameters
    ----------
    paths : sequence of Path
    keep_identifiers : bool
        Whether a path may go into names although it names the patient.

    Returns
    -------
    series : list of Series
        By the first name in each.
    others : list of Path
        Files that are no images, such as reports and DICOMDIR.

    Raises
    ------
    InputError
        If pydicom is missing.
    """
    files, others = [], []
    expect_pydicom()
    for path in paths:
        try:
            with guarded():
                files.append(_look(path, keep_identifiers))
        except InputError:
            others.append(path)
    together: dict[tuple[Any, ...], list[_File]] = {}
    for file in files:
        alone = (file.path,) if file.frames > 1 else ()
        together.setdefault((*file.key, *alone), []).append(file)
    found = [_ordered(group) for group in together.values()]
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
    return named, others


def _own_name(path: Path, header: Any, keep_identifiers: bool) -> str:
    """Name of one file for results; empty where its path names the patient."""
    identifiers = identifiers_of(header)
    if keep_identifiers or not is_named(str(path), identifiers):
        return stem_of(path)
    return ""


def _look(path: Path, keep_identifiers: bool) -> _File:
    header = read_header(path)
    size = (header.Rows, header.Columns, header.get("SamplesPerPixel"))
    kind = (str(header.get("PhotometricInterpretation")), _plane(header))
    number = numbers(header.get("InstanceNumber"))
    series = str(header.get("SeriesInstanceUID") or "")
    return _File(
        path,
        (series or path, size, kind),
        number[0] if number else None,
        position_of(header, 0),
        int(header.get("NumberOfFrames") or 1),
        _series_name(path, header),
        _own_name(path, header, keep_identifiers),
        f"dicom-{text_sha256(str(header.get('SOPInstanceUID') or path))[:8]}",
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
    return Series(files[0].series, tuple(f.path for _, f in pairs), assumed)
