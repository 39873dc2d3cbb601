"""Check before the work begins that a file or a folder can be written."""

from __future__ import annotations

import os
from pathlib import Path

from napari_attnseg.errors import InputError


def expect_writable(path: Path, folder: bool, option: str) -> None:
    """Check that a result can be written; missing folders are allowed.

    Parameters
    ----------
    path : Path
        File or folder of the result.
    folder : bool
        Whether `path` is a folder for results; otherwise it is one file.
    option : str
        Command-line option that gave the path, for the message.

    Raises
    ------
    InputError
        If `path` is a folder where a file is expected or a file where a folder is
        expected, or if it lies below a file or in a folder that cannot be written.
    """
    if not folder and os.path.isdir(path):  # noqa: PTH112 (Path's raises for long names)
        raise InputError(
            f"{path} cannot be written because it is a folder; expected a file for "
            f"{option}: give the name of a file in it."
        )
    above = path if folder else path.parent
    while not os.path.lexists(above) and above != above.parent:
        above = above.parent
    if not os.path.isdir(above):  # noqa: PTH112
        raise InputError(
            f"{path} cannot be written, as {above} is no folder; expected a "
            f"{'folder' if folder else 'file in a folder'} for {option}: choose "
            "another one."
        )
    if not os.access(above, os.W_OK | os.X_OK):
        raise InputError(
            f"{path} cannot be written, because you may not write into the folder "
            f"{above}; choose another place for {option}."
        )


def with_suffix(path: Path, suffixes: tuple[str, ...], option: str) -> Path:
    """Path of a file to write, with the first of these suffixes if it has none.

    Raises
    ------
    InputError
        If it has another suffix, or cannot be written with the one that was added.
    """
    if path.suffix.lower() in suffixes:
        return path
    if path.suffix:
        raise InputError(
            f"Expected a file for {option} that ends in {' or '.join(suffixes)}, got "
            f"{path.name}; choose {path.with_suffix(suffixes[0]).name}."
        )
    added = path.with_name(path.name + suffixes[0])
    expect_writable(added, False, option)
    return added
