"""Masks as DICOM SEG, and their areas as DICOM SR (TID 1500), by highdicom.

Both refer to the images that were segmented. Identifiers of the patient are written
only if the user asks for them.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from napari_attnseg.errors import InputError
from napari_attnseg.exports.dicom_codes import Property, property_of
from napari_attnseg.exports.dicom_report import area_report
from napari_attnseg.exports.dicom_seg import segmentations
from napari_attnseg.exports.dicom_source import sources_of
from napari_attnseg.exports.masks import MaskSeries
from napari_attnseg.io.readers.dicom_file import silent


def dicom_files(
    one: MaskSeries,
    source: Sequence[Path] = (),
    codes: Mapping[str, Property] | None = None,
    keep_identifiers: bool = False,
) -> dict[str, bytes]:
    """Name → DICOM file: ``<stem>_seg.dcm`` and ``<stem>_sr.dcm``.

    If the images have no position in the patient, such as those of endoscopes, a SEG
    holds one image. Then there is one file, such as ``<stem>_000012_seg.dcm``, for each
    frame in which something was found.

    Parameters
    ----------
    one : MaskSeries
    source : sequence of Path
        DICOM files that were segmented, or folders of them; empty: the image that the
        results name.
    codes : mapping of str to Property, optional
        Codes of classes by lower-case name; from `dicom_codes.parse_codes`.
    keep_identifiers : bool
        Whether to write patient and study; if not, their attributes are empty.

    Returns
    -------
    dict of str to bytes
        Files by name. If all masks are empty, there is no report, because there is
        nothing to measure.

    Raises
    ------
    InputError
        If highdicom is missing, a class has no code, or the images are not those that
        were segmented.
    """
    _expect_highdicom(one.stem)
    sources = sources_of(one, source, keep_identifiers)
    kinds = [property_of(name, codes or {}) for name in one.classes]
    with _quiet():
        segs = segmentations(one, sources, kinds, keep_identifiers)
        report = area_report(one, sources, kinds, segs, keep_identifiers)
    found = {}
    for seg in segs:
        frame = ""
        if one.frames is not None and not sources.placed:
            (index,) = seg.by_source.values()
            frame = f"_{one.frames[index]:06d}"
        found[f"{one.stem}{frame}_seg.dcm"] = _bytes(seg.data)
    if report is not None:
        found[f"{one.stem}_sr.dcm"] = _bytes(report)
    return found


def _bytes(data: Any) -> bytes:
    buffer = io.BytesIO()
    data.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep warnings on a source's attributes to ourselves: they may name the patient.

    Raises
    ------
    InputError
        If the source cannot be referred to.
    """
    with silent(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise InputError(
                "These DICOM images cannot be referred to by a segmentation "
                f"({type(error).__name__}): expected whole images of one series; take "
                "them from the archive again."
            ) from error


def _expect_highdicom(stem: str) -> None:
    try:
        import highdicom  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"Writing {stem} as DICOM needs highdicom, which is not installed; run "
            'pip install "napari-attnseg[dicom]", or choose another format.'
        ) from error
