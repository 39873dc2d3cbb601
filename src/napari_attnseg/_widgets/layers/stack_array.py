"""Arrays of all frames of a stack, on the disk if they are large. No Qt, no torch."""

from __future__ import annotations

import math
import mmap
import os
import shutil
import tempfile
import weakref
from typing import IO, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from napari_attnseg.errors import InputError

#: Bytes; a larger array lies in a temporary file, so that memory does not grow with the
#: length of a film.
IN_MEMORY = 4 * 1024 * 1024


class StackArray:
    """An array of zeros that is filled frame by frame.

    A large array is a temporary file that the system removes when the array is no
    longer used. Frames are written into the file, not through its memory mapping, so
    that a full disk raises an error, and written pages do not count as memory of this
    process.

    Parameters
    ----------
    frames : int
    shape : tuple of int
        Shape of a frame.
    dtype : dtype

    Attributes
    ----------
    values : ndarray, shape (frames, *shape)
        A plain, writeable array.

    Raises
    ------
    InputError
        If the disk has no space for it.
    """

    def __init__(self, frames: int, shape: tuple[int, ...], dtype: DTypeLike) -> None:
        whole, kind = (frames, *shape), np.dtype(dtype)
        size = math.prod(whole) * kind.itemsize
        self._file: IO[bytes] | None = None
        self.values: NDArray[Any]
        if size <= IN_MEMORY:
            self.values = np.zeros(whole, kind)
            return
        folder = tempfile.gettempdir()
        if shutil.disk_usage(folder).free < size:
            raise _no_room(size)
        try:
            self._file = tempfile.TemporaryFile(prefix="attnseg-")  # noqa: SIM115
            # The mapping keeps the file itself.
            weakref.finalize(self, self._file.close)
            self._file.truncate(size)
            mapped = mmap.mmap(self._file.fileno(), size)
        except OSError as error:
            raise _no_room(size) from error
        self.values = np.ndarray(whole, kind, buffer=mapped)

    def read(self, frame: int) -> NDArray[Any]:
        """A frame as it is now, with what was painted in `values`.

        Not through the mapping, where it can: its pages would count as memory of this
        process. Nor through the file's buffer, which may be older than the mapping.
        """
        if self._file is None or not hasattr(os, "pread"):
            found: NDArray[Any] = self.values[frame]
            return found
        shape, kind = self.values.shape[1:], self.values.dtype
        size = math.prod(shape) * kind.itemsize
        data = os.pread(self._file.fileno(), size, frame * size)
        return np.frombuffer(data, kind).reshape(shape)

    def put(self, frame: int, values: NDArray[Any]) -> None:
        """Write a frame.

        Raises
        ------
        InputError
            If the disk is full.
        """
        if self._file is None:
            self.values[frame] = values
        else:
            data = np.ascontiguousarray(values, self.values.dtype)
            try:
                self._file.seek(frame * data.nbytes)
                self._file.write(data.data)
                self._file.flush()
            except OSError as error:
                raise _no_room(self.values.nbytes) from error


def let_go(array: Any) -> None:
    """Free the memory of frames that were read from a memory-mapped array, if possible.

    They stay in the file, and are read again when they are needed.
    """
    while isinstance(array, np.ndarray):
        array = array.base
    if isinstance(array, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        array.madvise(mmap.MADV_DONTNEED)


def _no_room(size: int) -> InputError:
    return InputError(
        f"Expected {size / 1e9:.1f} GB of free space for the results of this stack in "
        f"{tempfile.gettempdir()}, but there is less; make room there, or segment "
        "fewer frames of it."
    )
