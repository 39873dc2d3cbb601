"""Names of files without folders and suffix, and known names that they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from attnseg_training.datasets.inner_suffixes import SUFFIXES
from napari_attnseg.io.folders import entries, name_key


def without_suffix(file: str) -> str:
    """File name without the suffix of an image."""
    suffix = next((s for s in SUFFIXES if file.lower().endswith(s)), "")
    return file[: len(file) - len(suffix)]


def without_folders(path: str) -> str:
    """Last part of a path, which may have been written on Windows."""
    return path.replace("\\", "/").rpartition("/")[2]


def known_name(file: str, keys: Mapping[str, str]) -> str | None:
    """Known name to which a file name without folders belongs, or None.

    Parameters
    ----------
    file : str
        With or without the suffix of an image.
    keys : mapping
        Normalised name (`name_key`) → name.
    """
    for name in (file, without_suffix(file)):
        if name_key(name) in keys:
            return keys[name_key(name)]
    return None


def pictures_in(folder: Path) -> dict[str, Path]:
    """Files of a folder with the suffix of an image, by their name without it."""
    files = (path for path in entries(folder) if path.is_file())
    found = ((without_suffix(path.name), path) for path in files)
    return {name: path for name, path in found if name != path.name}
