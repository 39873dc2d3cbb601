"""Masks of frames in a TIFF stack whose axes ImageJ or Fiji has named."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.io.images import decode_file
from napari_attnseg.io.readers import FileSet, Frames, open_frames
from napari_attnseg.io.readers.facts import FileFacts
from napari_attnseg.io.readers.formats import FileFormat

#: Frames that follow each other as slices or as times; ImageJ calls both slices.
_AXES = ("ZYX", "TYX")


def open_masks(files: FileSet) -> Frames:
    """Open masks as `open_frames` does, and stacks of ImageJ as well.

    Raises
    ------
    InputError
        If it cannot be read, or the library for it is missing.
    """
    if files.kind is FileFormat.RASTER:
        pages = _pages(files)
        if pages is not None:
            return _Stack(files.paths[0].name, pages)
    return open_frames(files)


def _pages(files: FileSet) -> NDArray[Any] | None:
    """Pages (N, H, W) with their numbers as stored, also where 0 is shown white.

    Of a palette, such as that of labels, whose number 0 is black, they are its indices.
    """
    import tifffile

    path, kinds = files.paths[0], tifffile.PHOTOMETRIC
    try:
        with tifffile.TiffFile(path) as file:
            (series,) = file.series
            kind, colours = series.keyframe.photometric, series.keyframe.colormap
            if not file.is_imagej or series.axes not in _AXES:
                return None
            black = colours is not None and not colours[:, 0].any()
            if kind == kinds.PALETTE and black:
                return np.asarray(series.asarray())
    except Exception:  # of many kinds, for a damaged file and for one that is no TIFF
        return None
    grey = kind in (kinds.MINISBLACK, kinds.MINISWHITE)
    return decode_file(path).series[0].array if grey else None


class _Stack(Frames):
    def __init__(self, name: str, pages: NDArray[Any]) -> None:
        super().__init__(name, FileFacts(FileFormat.RASTER, *pages.shape))
        self._pages = pages

    def _frame(self, index: int) -> NDArray[Any]:
        return np.array(self._pages[index])
