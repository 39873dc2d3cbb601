"""Writing files whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from napari_attnseg.errors import InputError


def write_bytes(path: Path, data: bytes) -> None:
    """Write beside the target and rename, so that a reader never sees half a file.

    Raises
    ------
    InputError
        If the folder cannot be written or the disk is full; an earlier file stays.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        # mkstemp's 0600 would hide the file from others.
        Path(temporary).chmod(0o666 & ~umask)
        Path(temporary).replace(path)
    except BaseException as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise InputError(
                f"{path} cannot be written ({error.strerror}); expected a folder with "
                "space that can be written: choose another one. What was written "
                "before is kept."
            ) from error
        raise


def remove(path: Path) -> None:
    """Remove a file, if there is one.

    Raises
    ------
    InputError
        If it cannot be removed.
    """
    try:
        path.unlink(missing_ok=True)
    except NotADirectoryError:
        return
    except OSError as error:
        raise InputError(
            f"{path} cannot be replaced ({error.strerror}); choose another folder."
        ) from error


def write_text(path: Path, text: str) -> None:
    """`write_bytes` of UTF-8 text."""
    write_bytes(path, text.encode("utf-8"))
