"""Further mask files of one image, whose names begin with its name: ``case_1.png``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from napari_attnseg.io.dataset_toml import FILE
from napari_attnseg.io.folders import name_key

#: What follows the name of an image in that of a further mask begins with one of these.
_SEPARATORS = "_-. (#~+"


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
            if key[cut] in _SEPARATORS and key[:cut] in keys
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


def several_words(name: str, further: list[str], own: bool) -> str:
    """Sentence on an image with several masks whose meaning was not stated."""
    named = ", ".join(further[:4]) + (" …" if len(further) > 4 else "")
    beside = " beside its own" if own else ", none of them of its very name"
    return (
        f"Expected one mask of the image {name!r}, found {named}{beside}, which may be "
        f'of another object or a copy; write further_masks = "unite" into {FILE} if '
        'all belong to it, or further_masks = "leave out" if only masks of the very '
        "names of images count."
    )
