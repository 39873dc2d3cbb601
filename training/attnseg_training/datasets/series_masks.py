"""Masks of a DICOM series that are named, or counted, as its files.

Slices are counted by their position in the body. A scanner may write files in the
reverse order, head first, so that the number in the name of a file is not its slice.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from attnseg_training.datasets.frame_numbers import OPTION, OWN
from napari_attnseg.errors import InputError
from napari_attnseg.io.readers import FileSet
from napari_attnseg.io.readers.dicom_file import guarded
from napari_attnseg.io.readers.dicom_header import numbers
from napari_attnseg.io.readers.formats import FileFormat, stem_of

#: What follows the last digit, such as ``_mask``.
_END = re.compile(r"\D*$")


def masks_by_name(pictures: Sequence[Path], images: FileSet) -> dict[int, Path]:
    """Slice → its mask, if masks are named as the files of a series.

    Names may be followed by the same words in all masks, such as ``IM0007_mask.png``.

    Returns
    -------
    dict
        Empty if no mask has the name of a file, or images are no series.

    Raises
    ------
    InputError
        If only some masks have the name of a file, or two have that of one.
    """
    named = {stem_of(one): one for one in pictures}
    if len(named) < 2 or not _is_series(images):
        return {}
    files = images.paths
    spellings = [stem_of(one) for one in files], [one.name for one in files]
    ends = {match[0] if (match := _END.search(one)) else "" for one in named}
    some: dict[str, Path] = {}
    for end in ("", *ends) if len(ends) == 1 else ("",):
        keys = {one.removesuffix(end): file for one, file in named.items()}
        for names in spellings:
            times = Counter(names)
            places = {one: at for at, one in enumerate(names) if times[one] == 1}
            found = {key: file for key, file in keys.items() if key in places}
            if len(found) == len(pictures):
                return {places[key]: file for key, file in found.items()}
            some = max(some, found, key=len)
    if some:
        other = next(one for one in pictures if one not in some.values())
        raise InputError(
            f"Expected masks named as the files of the series, as {len(some)} of "
            f"{len(pictures)} in {other.parent.name} are, but {other.name} has the "
            "name of no file, or that of another mask; give the files of these masks "
            f"alone, or give {OWN} if masks are numbered by the position of their "
            "slices."
        )
    return {}


def expect_one_order(images: FileSet, name: str) -> None:
    """Raise if slices in order of position are not in that of their files.

    Parameters
    ----------
    images : FileSet
        A series in order of position, or other images, which have one order.
    name : str
        Name of the masks, for the message.
    """
    if not _is_series(images):
        return
    counted = [numbers(one.get("InstanceNumber")) for one in _headers(images)]
    instances = [one[0] for one in counted if one]
    files = [_natural(one.name) for one in images.paths]
    if instances == sorted(instances) and files == sorted(files):
        return
    raise InputError(
        f"Expected slices of {images.name} in one order, as masks in {name} have "
        "nothing but their order, but slices are counted by position (without one by "
        "InstanceNumber), and the names of their files or InstanceNumber say "
        "otherwise; "
        "give each mask the name of the file of its slice, such as IM0007.png, "
        f"without {OPTION}, or give {OWN} if masks follow each other by position, as "
        "attnseg segment counts slices."
    )


def _is_series(images: FileSet) -> bool:
    return images.kind is FileFormat.DICOM and len(images.paths) > 1


def _headers(images: FileSet) -> Iterator[Any]:
    import pydicom

    tags = ["InstanceNumber"]
    with guarded():
        for one in images.paths:
            yield pydicom.dcmread(one, specific_tags=tags)


def _natural(name: str) -> list[tuple[str, int]]:
    """Key by which ``IM2`` comes before ``IM10``."""
    return [
        (word, int(digits or 0)) for word, digits in re.findall(r"(\D*)(\d*)", name)
    ]
