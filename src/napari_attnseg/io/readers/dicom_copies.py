"""Find copies of DICOM files, such as ``IM0003 (1).dcm`` beside ``IM0003.dcm``."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from napari_attnseg.errors import InputError
from napari_attnseg.hashing import array_sha256
from napari_attnseg.io.readers.dicom_file import guarded

#: Attributes that decide, with the stored pixels, what an image shows, and where.
_SHOWN = (
    *("Rows", "Columns", "PhotometricInterpretation", "NumberOfFrames"),
    *("RescaleSlope", "RescaleIntercept", "ImagePositionPatient", "InstanceNumber"),
)


def copies(instances: Mapping[Path, str]) -> dict[Path, Path]:
    """Each file that is a copy → its original, which is that of the shortest name.

    Parameters
    ----------
    instances : mapping
        File → its ``SOPInstanceUID``; empty if it has none. Files of one are copies if
        their stored pixels, size and place are the same.
    """
    together: dict[str, list[Path]] = {}
    for path, instance in instances.items():
        together.setdefault(instance or str(path), []).append(path)
    found: dict[Path, Path] = {}
    for paths in together.values():
        if len(paths) < 2:
            continue
        first: dict[Any, Path] = {}
        for path in sorted(paths, key=lambda one: (len(one.name), one.name)):
            original = first.setdefault(_content(path), path)
            if original is not path:
                found[path] = original
    return found


def _content(path: Path) -> Any:
    """What is equal for copies; the path of a file that cannot be read."""
    with suppress(InputError), guarded():
        import pydicom

        header = pydicom.dcmread(path, force=True)
        pixels = np.frombuffer(header.PixelData, np.uint8)
        syntax = header.file_meta.get("TransferSyntaxUID")
        said = tuple(str(header.get(name)) for name in _SHOWN)
        return str(syntax), said, array_sha256(pixels)
    return path
