"""Further mask files of one image: ``case_1.png``, or files in a folder ``case/``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from napari_attnseg.io.dataset_toml import FILE
from napari_attnseg.io.folders import name_key

#: What follows the name of an image in that of a further mask begins with one of these.
_SEPARATORS = "_-. (#~+"
#: Between the name of a folder and that of a mask in it; in no name of a file.
_FOLDER = "/"


def further_masks(
    images: Iterable[str], masks: Mapping[str, Path]
) -> dict[str, list[str]]:
    """Map each image to the further masks whose names begin with its name."""
    keys = {name_key(name): name for name in images}
    found: dict[str, list[str]] = {}
    for mask in sorted(masks):
        key = name_key(mask)
        if key in keys:
            continue
        begins = [
            key[:cut]
            for cut in range(len(key) - 1, 0, -1)
            if key[cut] in _SEPARATORS + _FOLDER and key[:cut] in keys
        ]
        if begins:
            found.setdefault(keys[begins[0]], []).append(mask)
    return found


def united(
    own: Mapping[str, tuple[Path, ...]],
    further: Mapping[str, list[str]],
    masks: Mapping[str, Path],
) -> dict[str, tuple[Path, ...]]:
    """Map each image to all its mask files: that of its name and the further ones."""
    paths = {name: tuple(masks[mask] for mask in of) for name, of in further.items()}
    taken = {path for of in paths.values() for path in of}
    kept = {name: of for name, of in own.items() if not taken & set(of)}
    return {name: kept.get(name, ()) + paths.get(name, ()) for name in kept | paths}


def several(
    own: Mapping[str, tuple[Path, ...]], further: Mapping[str, list[str]]
) -> dict[str, list[str]]:
    """Map each image to its further masks; empty if every image has only one mask."""
    if any(len(of) + (name in own) > 1 for name, of in further.items()):
        return dict(further)
    return {}


def only_in_folders(further: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Of further masks those that lie in the folder of an image, and are its only ones.

    Without another one it is clear which is meant.
    """
    alone = {name: of for name, of in further.items() if len(of) == 1}
    return {name: of for name, of in alone.items() if _FOLDER in of[0]}


def several_words(name: str, further: Mapping[str, list[str]], own: bool) -> str:
    """Sentence on an image with several masks whose meaning was not stated.

    Parameters
    ----------
    name : str
        Of the image.
    further : mapping
        As of `further_masks`.
    own : bool
        Whether it has a mask of its very name, too.
    """
    masks = further[name]
    first = f"Expected one mask of the image {name!r}, found"
    unite = f'write further_masks = "unite" into {FILE} if all belong to it, or'
    if _FOLDER in masks[0]:
        beside = " and one beside it" * own
        found = "several" if len(masks) > 1 else "one"
        return (
            f"{first} {found} in the folder of its name{beside}, which may be of other "
            f"objects, classes or readers; {unite} {_one_alone(name, further)}."
        )
    named = ", ".join(masks[:4]) + " …" * (len(masks) > 4)
    beside = " beside its own" if own else ", none of them of its very name"
    return (
        f"{first} {named}{beside}, which may be of another object or a copy; {unite} "
        'further_masks = "leave out" if only masks of the very names of images count.'
    )


def _one_alone(name: str, further: Mapping[str, list[str]]) -> str:
    """What else to do with masks in folders; names that recur may be classes."""
    other = next((of for image, of in further.items() if image != name), [])
    again = {_file(mask) for mask in other} & {_file(mask) for mask in further[name]}
    words = sorted(mask for mask in again if not mask.isdigit())
    if not words:
        return "leave one in each folder"
    listed = ", ".join(f'"{word}"' for word in words)
    return (
        f"leave one in each folder, or move each to masks/{words[0]}/{name} and so on "
        f"and write classes = [{listed}] if these are classes"
    )


def _file(mask: str) -> str:
    return mask.rpartition(_FOLDER)[2]
