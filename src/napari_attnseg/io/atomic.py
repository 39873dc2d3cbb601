"""Write files atomically: completely or not at all."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from napari_attnseg.errors import InputError

#: Names of temporary files: 8 characters at random, machine and process that write it.
_PARTIAL = re.compile(r"\.\w{8}\.(?P<machine>[0-9a-f]{8})-(?P<process>\d+)\.partial")
_MACHINE = f"{zlib.crc32(platform.node().encode()):08x}"


def write_bytes(path: Path, data: bytes) -> None:
    """Write a temporary file and rename it, so that no program can read half a file.

    Raises
    ------
    InputError
        If the folder cannot be written or the disk is full; an earlier file stays.
    """
    write_together({path: data})


def write_together(files: Mapping[Path, bytes]) -> None:
    """Write files that belong together, the one that names the others last.

    All files are written under temporary names first. While they are renamed, the last
    file is missing, so it never names files of two versions.

    Raises
    ------
    InputError
        If a folder cannot be written or the disk is full; earlier files stay.
    """
    written: dict[Path, Path] = {}
    path = next(iter(files))
    try:
        for path, data in files.items():
            written[path] = _beside(path, data)
        if len(files) > 1:
            path.unlink(missing_ok=True)
        for path, temporary in written.items():
            temporary.replace(path)
    except BaseException as error:
        for temporary in written.values():
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise InputError(
                f"{path} cannot be written ({error.strerror}); expected a folder with "
                "space that can be written: choose another one. What was written "
                "before is kept."
            ) from error
        raise


def new_temporary(folder: Path) -> tuple[int, Path]:
    """Create a temporary file, which `remove_leftovers` knows; returns its handle too.

    Raises
    ------
    OSError
        If it cannot be created.
    """
    by = f".{_MACHINE}-{os.getpid()}.partial"
    handle, name = tempfile.mkstemp(dir=folder, prefix=".", suffix=by)
    return handle, Path(name)


def make_readable(path: Path) -> None:
    """Give a temporary file the permissions of an ordinary new file."""
    umask = os.umask(0)
    os.umask(umask)
    path.chmod(0o666 & ~umask)


def _beside(path: Path, data: bytes) -> Path:
    """Write a temporary file in the folder of `path` and flush it to the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = new_temporary(path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        make_readable(temporary)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of processes of this machine that were killed.

    Files of running processes stay, and so do files that cannot be removed.
    """
    import psutil

    if not folder.is_dir():
        return
    for path in folder.iterdir():
        found = _PARTIAL.fullmatch(path.name)
        if found is None or found["machine"] != _MACHINE:
            continue
        if not psutil.pid_exists(int(found["process"])):
            with contextlib.suppress(OSError):
                path.unlink()


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
    """Write text as UTF-8, atomically; raises as `write_bytes`."""
    write_bytes(path, text.encode("utf-8"))
