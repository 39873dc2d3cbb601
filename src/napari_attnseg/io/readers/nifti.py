"""Read NIfTI by nibabel: one slice, or a volume as slices along its last axis.

An axis of length 1 before or between those of a slice is left out.

Slices are shown as they are stored, x to the right and y downwards, and the trainer
reads them in the same way. An affine that asks for another view is noted, not applied.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.errors import InputError
from napari_attnseg.io.readers.facts import FileFacts, FrameAxis, NotUsed
from napari_attnseg.io.readers.formats import FileFormat
from napari_attnseg.io.readers.frames import Frames
from napari_attnseg.io.readers.nifti_axes import nifti_axes
from napari_attnseg.io.readers.nifti_forms import contradict, is_placed

#: Key, in provenance, of an axis of length 1 before or between those of the image.
SINGLE_AXIS = "axis_of_length_1"
_UNITS = {"mm": "mm", "micron": "micrometer", "meter": "meter"}
_SECONDS = {"sec": 1.0, "msec": 1e-3, "usec": 1e-6}


class NiftiFrames(Frames):
    """Slices of a NIfTI file.

    A compressed file has to be decompressed from its start for any slice, so it is read
    as a whole when the first one is asked for.

    Raises
    ------
    InputError
        If nibabel is missing, or the file cannot be read or does not hold slices.
    """

    _file: Any

    def __init__(self, path: Path, name: str) -> None:
        with opened_nifti(path) as self._file:
            header = self._file.header
            shape = tuple(int(n) for n in self._file.shape)
            zooms = stored_zooms(self._file, path)
            place, moment = header.get_xyzt_units()
            window = float(header["cal_min"]), float(header["cal_max"])
            placed = is_placed(header)
            self._axes = axes = nifti_axes(self._file, zooms, path.name)
        self._whole: NDArray[Any] | None = None
        self._compressed = path.name.lower().endswith(".gz")
        along = axes.along
        count = 1 if along is None else shape[along]
        kind = np.dtype(self._file.get_data_dtype())
        colours = len(kind.names) if kind.names else 1
        colours = colours if axes.colour is None else shape[axes.colour]
        unit = _UNITS.get(str(place), "pixel")
        axis = FrameAxis.UNKNOWN if count == 1 else FrameAxis.DEPTH
        times = positions = None
        if along is not None:
            step = zooms[along]
            steps = [i * step for i in range(count)] if step else []
            if along == 2:
                positions = tuple(steps) if steps and unit != "pixel" else None
            else:
                axis = FrameAxis.TIME
                scale = _SECONDS.get(str(moment))
                if steps and scale is not None:
                    times = tuple(scale * one for one in steps)
        size = zooms[axes.rows], zooms[axes.columns]
        used = size if along is None else (*size, zooms[along])
        affine = axes.affine(np.asarray(self._file.affine, np.float64))
        turned = placed and shown_otherwise(affine)
        super().__init__(
            name,
            FileFacts(
                FileFormat.NIFTI,
                count,
                shape[axes.rows],
                shape[axes.columns],
                colours,
                axis,
                times,
                positions,
                size if min(size) > 0 else None,
                unit,
                window if window[0] < window[1] and colours == 1 else None,
                {} if axes.single is None else {SINGLE_AXIS: axes.single},
                not_used=(NotUsed.ORIENTATION,) * turned
                + (NotUsed.IMPOSSIBLE,) * (0.0 in used)
                + (NotUsed.QFORM,) * contradict(self._file),
            ),
        )

    def _frame(self, index: int) -> NDArray[Any]:
        try:
            if self._compressed and self._whole is None:
                self._whole = np.asanyarray(self._file.dataobj)
            source = self._file.dataobj if self._whole is None else self._whole
            values = self._axes.image(source, index)
        except Exception as error:  # as in `opened_nifti`
            raise InputError(
                f"Slice {index} of {self.name} cannot be read ({error}); expected a "
                "whole NIfTI file: replace it."
            ) from error
        if values.dtype.names:
            values = np.stack([values[name] for name in values.dtype.names], -1)
        return np.array(values)


@contextmanager
def opened_nifti(path: Path) -> Iterator[Any]:
    """Open an image with nibabel; any error while it is read is an `InputError`.

    Raises
    ------
    InputError
        If nibabel is missing, or the file cannot be read.
    """
    try:
        import nibabel
    except ImportError as error:
        raise InputError(
            f"Reading {path.name} needs nibabel, which is not installed; run "
            'pip install "napari-attnseg[nifti]", or convert the images to PNG.'
        ) from error
    try:
        if path.stat().st_size == 0:
            raise ValueError("it is empty: 0 bytes")
        yield nibabel.load(path)
    except InputError:
        raise
    # Many kinds of error for a damaged file, one meaning.
    except Exception as error:
        raise InputError(
            f"{path.name} cannot be read as NIfTI ({error}); replace it."
        ) from error


def stored_zooms(image: Any, path: Path) -> list[float]:
    """Size of a voxel along each axis, as the file states it; 0 if it is invalid.

    nibabel itself replaces a missing size by 1, which would look like a size in mm.
    """
    from nibabel.openers import ImageOpener

    with ImageOpener(str(path), "rb") as file:
        header = type(image.header).from_fileobj(file, check=False)
    found = np.abs(np.asarray(header["pixdim"][1 : 1 + len(image.shape)], np.float64))
    return [float(one) if np.isfinite(one) else 0.0 for one in found]


def shown_otherwise(affine: NDArray[np.float64]) -> bool:
    """Whether viewers show slices of this affine in another way than they are stored.

    They show the left side of a body, or its back, at the right, and the back, or the
    feet, at the bottom.
    """
    along = np.nan_to_num(affine[:3, :2])  # in space: to the right, the front and up
    axes = np.abs(along).argmax(0)
    return not (axes[0] < axes[1] and (along[axes, [0, 1]] < 0).all())
