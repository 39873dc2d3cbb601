"""Find masks in a folder for each image, one file per object (Data Science Bowl 2018).

They lie in ``masks/NAME/``, or in ``NAME/masks/`` beside ``NAME/images/NAME.png``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from attnseg_training.datasets.folder_names import PAIRS
from attnseg_training.datasets.further_masks import (
    further_masks,
    only_in_folders,
    several,
    united,
)
from attnseg_training.datasets.pairing import (
    by_stem,
    expect_mask_files,
    paired,
    without_twins,
)
from napari_attnseg.errors import InputError
from napari_attnseg.io.dataset_toml import Descriptor
from napari_attnseg.io.folders import entries, name_key

_IMAGES, _MASKS = PAIRS
#: Number of names that a message lists.
_TOLD = 3


def case_folders(root: Path) -> dict[str, Path]:
    """Find the images ``NAME/images/NAME.png`` below a folder.

    Returns
    -------
    dict
        Name → image file; empty if no folder holds an image of its own name.

    Raises
    ------
    InputError
        If another folder beside these holds ``images/`` or ``masks/``, but not one
        image of its own name.
    """
    if not root.is_dir() or (root / _IMAGES).is_dir():
        return {}
    folders = [path for path in entries(root) if _is_case(path)]
    found: dict[str, Path] = {}
    other = ""
    for folder in folders:
        own = by_stem(folder / _IMAGES) if (folder / _IMAGES).is_dir() else {}
        if [name_key(name) for name in own] == [name_key(folder.name)]:
            (found[folder.name],) = own.values()
        else:
            held = ", ".join(list(own)[:_TOLD]) + " …" * (len(own) > _TOLD)
            other = other or f"{folder.name}, which holds {held or 'none'}"
    if found and other:
        raise InputError(
            f"Expected one image of the name of its folder in each of {root}, such as "
            f"{folders[0].name}/{_IMAGES}/{folders[0].name}.png, found {other}; add "
            "the image, or move the folder elsewhere."
        )
    return without_twins(found)


def _is_case(folder: Path) -> bool:
    return any((folder / part).is_dir() for part in PAIRS)


def above_case_folders(root: Path) -> str:
    """Name of the first folder in `root` that holds `case_folders`; else empty."""
    there = entries(root) if root.is_dir() else []
    return next(
        (path.name for path in there if path.is_dir() and _holds_cases(path)), ""
    )


def _holds_cases(folder: Path) -> bool:
    return any(
        (one / _IMAGES).is_dir()
        and any(name_key(p.stem) == name_key(one.name) for p in entries(one / _IMAGES))
        for one in entries(folder)
        if one.is_dir()
    )


def all_masks(
    root: Path, images: Iterable[str], classes: tuple[str, ...]
) -> dict[str, Path]:
    """Map names to the masks in ``masks/`` or in `case_folders`.

    Masks in a folder of an image have names such as ``NAME/HASH``.

    Raises
    ------
    InputError
        If masks lie in folders that belong to no image, or have the same
        name without suffix.
    """
    folder = root / _MASKS
    if folder.is_dir() or (root / _IMAGES).is_dir():
        return _below(folder, images, classes)
    return _of_cases(root)


def masks_of_images(
    images: Mapping[str, Path], masks: dict[str, Path], said: Descriptor
) -> tuple[dict[str, tuple[Path, ...]], dict[str, list[str]], dict[str, Any]]:
    """Map images to their mask files, and to further masks that need a decision.

    Also returns what was done with further masks, if ``dataset.toml`` decides on them;
    see `Files`.

    Parameters
    ----------
    images : mapping
        Name → image file, in ``images/`` or in `case_folders`.
    masks : dict
        Name → mask file, from `all_masks`.
    said : Descriptor
        Content of ``dataset.toml``.
    """
    pairs = paired(images, masks)
    # A mask that is paired under another name than its own is no further one.
    further = further_masks(
        images, {n: p for n, p in masks.items() if pairs.get(n) == p}
    )
    own: dict[str, tuple[Path, ...]] = {name: (path,) for name, path in pairs.items()}
    alone = {n: of for n, of in only_in_folders(further).items() if n not in own}
    own = united(own, alone, masks)
    further = {name: of for name, of in further.items() if name not in alone}
    if not said.further_masks:
        return own, several(own, further), {}
    number = sum(map(len, further.values()))
    counts = {"rule": said.further_masks, "images": len(further), "masks": number}
    if said.further_masks == "unite":
        own = united(own, further, masks)
    return own, {}, counts if further else {}


def _below(
    folder: Path, images: Iterable[str], classes: tuple[str, ...]
) -> dict[str, Path]:
    """Map names to masks in ``masks/``; those in its folders are ``NAME/HASH``."""
    there = entries(folder) if folder.is_dir() else []
    folders = [path for path in there if path.is_dir()]
    keys = {name_key(name) for name in images}
    if not any(name_key(path.name) in keys for path in folders):
        expect_mask_files(folder, classes, tuple(images))
        return by_stem(folder)
    found = by_stem(folder) if len(folders) < len(there) else {}
    for path in folders:
        found |= _inside(path.name, path)
    return found


def _of_cases(root: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in entries(root):
        if (path / _MASKS).is_dir():
            found |= _inside(path.name, path / _MASKS)
    return found


def _inside(name: str, folder: Path) -> dict[str, Path]:
    return {f"{name}/{mask}": path for mask, path in by_stem(folder).items()}
