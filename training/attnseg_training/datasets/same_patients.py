"""Find images of one patient in two splits, by DICOM headers or a table beside them."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from attnseg_training.datasets.across_splits import Splits, across_splits
from attnseg_training.datasets.file_names import known_name, without_folders
from attnseg_training.datasets.hints import Hint, grouped
from attnseg_training.datasets.rules import Rule
from napari_attnseg.errors import InputError
from napari_attnseg.hashing import text_sha256
from napari_attnseg.io.folders import entries, name_key
from napari_attnseg.io.readers.dicom_file import guarded
from napari_attnseg.io.readers.formats import FileFormat, file_format
from napari_attnseg.io.text_files import decoded

#: Headings of columns that say whose images they are, from the widest group on.
_HEADINGS = (
    r"(patient(en)?|pat)[_\- .]?(id|uid|no|nr|number|code|name)?|pid",
    r"subj(ect)?[_\- .]?(id|uid|no|nr|number|code|name)?",
    r"(case|exam|examination)[_\- .]?(id|uid|no|nr|number|code|name)?"
    r"|study[_\- .]?(instance[_\- .]?)?uid",
    r"lesion[_\- .]?(id|uid|no|nr|number)",
)
_OF_WHOM = re.compile("|".join(_HEADINGS))
#: Values of such a column that name nobody.
_NOBODY = re.compile(r"|nan|n/?a|none|null|unknown|anonymi[sz]ed|anonymous|[-?.]+")
_TABLES, _SEPARATORS, _LARGEST = (".csv", ".tsv"), ",;\t|", 2**26
#: Fewer different values are those of a kind, such as human and mouse.
_FEWEST = 3
#: Lines that may be above the headings of a table.
_ABOVE = 5

#: Name of an image → hash of its patient, examination or lesion, where it is known.
Patients = dict[str, str]


def same_patients(splits: Splits, images: Mapping[str, Path], root: Path) -> list[Hint]:
    """Give a hint at patients with images in two splits; names one image of each split.

    Parameters
    ----------
    splits : mapping
        Split → names of its images; no name is in two splits.
    images : mapping
        Name of an image → its file.
    root : Path
        Data folder; its tables and those beside the images are read.
    """
    for patients in _sources(images, root):
        if groups := across_splits(splits, patients):
            return grouped(Rule.SAME_PATIENT, groups)
    return []


def _sources(images: Mapping[str, Path], root: Path) -> Iterator[Patients]:
    """Patients as each source says, where these tell several and group images."""
    for found in (*_of_headers(images), *_of_tables(images, root)):
        times = Counter(found.values())
        if len(times) >= _FEWEST and max(times.values()) > 1:
            yield found


def _of_headers(images: Mapping[str, Path]) -> Iterator[Patients]:
    """Patients of DICOM files, and examinations: a patient may be the same for all."""
    tags = ["PatientID", "StudyInstanceUID"]
    of_tag: dict[str, Patients] = {tag: {} for tag in tags}
    for name, path in images.items():
        if file_format(path) is not FileFormat.DICOM:
            continue
        with suppress(InputError), guarded():
            import pydicom

            header = pydicom.dcmread(
                path, specific_tags=[*tags], force=True, stop_before_pixels=True
            )
            for tag in tags:
                _note(of_tag[tag], name, str(header.get(tag) or ""))
    yield from of_tag.values()


def _of_tables(images: Mapping[str, Path], root: Path) -> Iterator[Patients]:
    keys = {name_key(name): name for name in images}
    folders = {root, *(path.parent for path in images.values())}
    for folder in sorted(folders):
        there: list[Path] = []
        with suppress(InputError):
            there = entries(folder)
        for path in sorted(there):
            if path.suffix.lower() in _TABLES:
                yield from _of_table(path, keys)


def _of_table(path: Path, keys: Mapping[str, str]) -> Iterator[Patients]:
    """Groups of each column that says whose images they are."""
    try:
        if path.stat().st_size > _LARGEST:
            return
        rows = _rows(_text(path.read_bytes()))
    except (OSError, ValueError, csv.Error):
        return
    heads = rows[0] if rows else []
    rows = [row for row in rows[1:] if len(row) == len(heads)]
    for pattern in _HEADINGS:
        for at in (i for i, one in enumerate(heads) if re.fullmatch(pattern, one)):
            others = (i for i in range(len(heads)) if i != at)
            found = [_pairs(rows, i, at, keys) for i in others]
            yield max(found, key=len, default={})


def _rows(text: str) -> list[list[str]]:
    """Rows from the headings on; above them may be a title, or ``sep=;`` of Excel."""
    lines = list(io.StringIO(text, newline=""))
    for at, line in enumerate(lines[: _ABOVE + 1]):
        rows = csv.reader(lines[at:], delimiter=max(_SEPARATORS, key=line.count))
        heads = [one.strip().lower() for one in next(rows)]
        if len(heads) > 1 and any(map(_OF_WHOM.fullmatch, heads)):
            return [heads, *rows]
    return []


def _pairs(
    rows: list[list[str]], image: int, patient: int, keys: Mapping[str, str]
) -> Patients:
    """Empty unless a column names at least half of the images, each for one patient."""
    found: Patients = {}
    named = set[str]()
    for row in rows:
        name = known_name(without_folders(row[image].strip()), keys)
        if name is None:
            continue
        known = found.get(name)
        _note(found, name, row[patient])
        if known and found[name] != known:
            return {}
        named.add(name)
    return found if 2 * len(named) >= len(keys) else {}


def _note(found: Patients, name: str, patient: str) -> None:
    """Keep a hash alone, as the value may tell who the patient is."""
    value = patient.strip().lower()
    if not _NOBODY.fullmatch(value):
        found[name] = text_sha256(value)


def _text(data: bytes) -> str:
    """Text of a table; how letters beyond ASCII are spelled makes no difference."""
    try:
        return decoded(data)
    except UnicodeDecodeError:
        return data.decode("latin-1")
