"""Open DICOM files without revealing anything about the patient.

Warnings, logs and errors of pydicom and its decoders may name the patient, so none of
their texts is passed on.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from napari_attnseg.errors import InputError
from napari_attnseg.io.readers.dicom_slides import beside_slide_words, tiles_words

#: Takes what pydicom logs.
_UNSAID = logging.NullHandler()


@contextmanager
def silent() -> Iterator[None]:
    """Suppress warnings and logs of pydicom, which may name the patient."""
    log = logging.getLogger("pydicom")
    level, spread = log.level, log.propagate
    log.addHandler(_UNSAID)
    log.setLevel(logging.CRITICAL + 1)
    log.propagate = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
        log.propagate = spread
        log.removeHandler(_UNSAID)


@contextmanager
def guarded() -> Iterator[None]:
    """Run as in `silent`, and replace errors of a damaged header by an `InputError`.

    Raises
    ------
    InputError
    """
    with silent():
        try:
            yield
        except InputError:
            raise
        except Exception as error:  # of many kinds, whose text may name the patient
            raise _refused(f"{type(error).__name__} while its header was read") from (
                None
            )


def expect_pydicom() -> None:
    """Check that pydicom is installed.

    Raises
    ------
    InputError
        If pydicom is missing; the message says how to install it.
    """
    try:
        import pydicom  # noqa: F401
    except ImportError as error:
        raise InputError(
            "Reading DICOM needs pydicom, which is not installed; run "
            'pip install "napari-attnseg[dicom]", or convert the images to PNG.'
        ) from error


class NoImageError(InputError):
    """A DICOM file that holds something other than an image."""


class BesideSlideError(NoImageError):
    """A label, overview or thumbnail, which a scanner stores beside a slide."""


def read_header(path: Path) -> Any:
    """Read everything of a DICOM file except its pixels.

    Raises
    ------
    InputError
        If pydicom is missing, or the file is not DICOM, or holds no image or tiles of a
        slide; a `NoImageError` for kinds of files without images, such as reports, and
        a `BesideSlideError` for labels of slides.
    """
    expect_pydicom()
    import pydicom

    with guarded():
        header = pydicom.dcmread(path, stop_before_pixels=True, force=True)
        meta = getattr(header, "file_meta", None) or {}
        kind = header.get("SOPClassUID") or meta.get("MediaStorageSOPClassUID")
        kind_name = str(getattr(kind, "name", "") or "")
        rows, columns = header.get("Rows"), header.get("Columns")
        beside, tiles = beside_slide_words(header), tiles_words(header)
    if kind is None and rows is None:
        raise _refused("it is no DICOM file, or is cut short")
    if not rows or not columns:
        if "Image" in kind_name or not kind_name:
            lacking = [n for n in ("Rows", "Columns") if not header.get(n)]
            raise _refused(f"it lacks {' and '.join(lacking)}, or is cut short")
        raise _refused(f"it holds no image ({kind_name})", NoImageError)
    if beside:
        raise BesideSlideError(
            f"Expected an image to be segmented, but this DICOM file shows {beside}; "
            "leave it out."
        )
    if tiles:
        raise InputError(
            f"Expected an image in one piece, but this DICOM file holds {tiles}, which "
            "are not put together; export a region of the slide as TIFF or PNG, for "
            "example from QuPath."
        )
    return header


def is_beside_slide(path: Path) -> bool:
    """Whether a file is a label, overview or thumbnail of a slide in DICOM.

    False for any other file, and where pydicom is missing.
    """
    try:
        read_header(path)
    except BesideSlideError:
        return True
    except InputError:
        pass
    return False


def read_whole(path: Path, syntax: Any) -> Any:
    """Read a DICOM file with its pixels, which are stored in this transfer syntax.

    Errors of pydicom pass; call it in `silent`.
    """
    import pydicom

    whole = pydicom.dcmread(path, force=True)
    whole.file_meta.TransferSyntaxUID = syntax
    return whole


def _refused(reason: str, kind: type[InputError] = InputError) -> InputError:
    return kind(
        f"This file cannot be read as DICOM ({reason}); expected a whole DICOM file "
        "with an image: replace it."
    )
