"""Pair images and masks by name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from attnseg_training.datasets.file_names import without_suffix
from attnseg_training.datasets.folder_names import PAIRS, to_rename
from attnseg_training.datasets.inner_suffixes import SUFFIXES, named_after_files
from napari_attnseg.errors import InputError
from napari_attnseg.io.dataset_toml import is_class_name
from napari_attnseg.io.folders import entries, left_out, left_out_words, name_key
from napari_attnseg.io.other_formats import SUFFIXES as NOT_READ
from napari_attnseg.io.readers.formats import is_dicom

#: Suffixes of files of annotations as outlines, in place of masks.
_POLYGONS = (".txt", ".json", ".xml")
#: More folders of masks than this are told in part, and are no classes.
FOLDERS = 16
#: Letters before the number in a name, and what follows.
_BEGINNING = re.compile(r"([^\W\d_]*[_ .-]*)(.+)")
#: Name of a channel of a picture, as nnU-Net wants it.
_CHANNEL = re.compile(r"(.+)(_000\d)")
#: What parts of a name are joined by.
_SEPARATOR = re.compile(r"[_ .-]")
#: Name of a mask that Label Studio exports, by the number of its task.
_TASK = re.compile(r"task-\d+-annotation-\d+-.+", re.IGNORECASE)
Mask = TypeVar("Mask")


def by_stem(folder: Path) -> dict[str, Path]:
    """Images of a folder by their name without suffix.

    Raises
    ------
    InputError
        If the folder does not exist, holds no images, or two files have the same name.
    """
    if not folder.is_dir():
        remedy = to_rename(folder.parent) or (
            "; see docs/training.md on how to lay it out"
        )
        raise InputError(
            f"Expected a data folder with images/ and masks/, but {folder} does not "
            f"exist{remedy}."
        )
    found: dict[str, Path] = {}
    there = entries(folder)
    for path in there:
        stem = without_suffix(path.name)
        # Archives give DICOM files no suffix.
        if path.is_file() and (stem != path.name or is_dicom(path)):
            if stem in found and not found[stem].samefile(path):
                raise InputError(
                    f"{found[stem].name} and {path.name} in {folder} are one name with "
                    "two suffixes, so it is not clear which is meant; remove one."
                )
            if stem not in found or found[stem].is_symlink():
                found[stem] = path
    _refuse_other_formats(there, found)
    if there and not found and all(path.is_dir() for path in there):
        named = ", ".join(path.name for path in there)
        raise InputError(
            f"Expected {', '.join(SUFFIXES)} files in {folder}, found folders only: "
            f"{named}; move the files up{_renamed(there)}, and where these are splits "
            "list the names of each in splits/, such as splits/train.txt."
        )
    if there and not found:
        counts = left_out([folder], [])
        polygons = folder.name != PAIRS[0] and any(kind in counts for kind in _POLYGONS)
        remedy = (
            "if these are polygons (YOLO, LabelMe), draw them as PNG masks of the size "
            "and with the names of the images, such as with skimage.draw.polygon2mask"
            if polygons
            else "convert them to one of these"
        )
        raise InputError(
            f"Expected {', '.join(SUFFIXES)} files in {folder}, found none "
            f"({left_out_words(counts)}); {remedy}, or choose another folder."
        )
    return without_twins(found)


def _refuse_other_formats(there: Sequence[Path], found: Collection[str]) -> None:
    """Refuse pictures that are not read, unless they were converted."""
    left = [p for p in there if p.suffix.lower() in NOT_READ and p.stem not in found]
    if left:
        name = NOT_READ[left[0].suffix.lower()]
        raise InputError(
            f"Expected {', '.join(SUFFIXES)} files in {left[0].parent}, found "
            f"{len(left)} of the format {name} or the like, first {left[0].name}, "
            "which are not read; export them as PNG under the same names."
        )


def _renamed(folders: Sequence[Path]) -> str:
    """Advice to rename files whose names are in several folders; empty without any."""
    first: dict[str, Path] = {}
    for folder in folders:
        for path in entries(folder):
            one = first.setdefault(path.name, path)
            if one != path and path.is_file():
                return (
                    f" under names of their own, as {one.name} is in {one.parent.name} "
                    f"and in {folder.name}: put the folder's name in front "
                    f"({one.parent.name}_{one.name}), of masks too"
                )
    return ""


def expect_mask_files(
    folder: Path, classes: Sequence[str], images: Collection[str]
) -> None:
    """Refuse a folder that holds folders of masks instead of mask files.

    Raises
    ------
    InputError
        If it holds only folders of masks. The message says how to name the classes.
    """
    there = entries(folder) if folder.is_dir() else []
    inside = [path.name for path in there if path.is_dir() and by_stem(path)]
    if not inside or len(inside) < len(there):
        return
    found = ", ".join(inside[:FOLDERS]) + " …" * (len(inside) > FOLDERS)
    if lacking := [name for name in classes if name not in inside]:
        raise InputError(
            f"Expected a folder in {folder} for each of the classes "
            f"{', '.join(classes)} of dataset.toml, found {found}, none for "
            f"{lacking[0]!r}; rename the folders or the classes."
        )
    if end := unlike_in_a_suffix(images, inside):
        raise InputError(
            f"Expected masks in {folder}, or folders of masks of the names of images, "
            f"found folders only: {found}, and {end}; rename the folders."
        )
    own = [name for name in inside if is_class_name(name)]
    names = ", ".join(f'"{name}"' for name in own)
    aside = f" (without {', '.join(n for n in inside if n not in own)})"
    of_classes = (
        f"write classes = [{names}] into dataset.toml if each{aside * (own != inside)} "
        "holds the masks of a class, "
        if own and len(inside) <= FOLDERS
        else ""
    )
    raise InputError(
        f"Expected masks in {folder}, found folders only: {found}; {of_classes}name "
        "each as the image that its masks belong to if they are of one, or move the "
        "files up."
    )


def unlike_in_a_suffix(images: Collection[str], masks: Collection[str]) -> str:
    """Find a suffix that names of masks have and those of images lack, or the reverse.

    Parameters
    ----------
    images, masks : collection of str
        Names without a partner.

    Returns
    -------
    str
        ``"names of the masks end in '_mask' beyond those of the images"``, or
        ``"names of the images end in '_img' and those of the masks in '_seg'"``; empty
        where no such end makes a pair of most images, or of all masks.
    """
    for longer, shorter, words in (
        (masks, images, "the masks end in {!r} beyond those of the images"),
        (images, masks, "the images end in {!r} beyond those of the masks"),
    ):
        keys = {name_key(name) for name in shorter}
        ends = Counter(
            name[cut:]
            for name in map(name_key, longer)
            for cut in range(1, len(name))
            if name[:cut] in keys
        )
        end, count = max(ends.items(), key=lambda one: one[1], default=("", 0))
        if count > len(images) / 2:
            return f"names of {words.format(end)}"
        if longer is masks and count == len(masks) and any(map(str.isalpha, end)):
            pairs = {name_key(name).removesuffix(end) for name in masks}
            alone = [name for name in images if name_key(name) not in pairs]
            if not alone:  # names of images that differ in case alone
                return f"names of {words.format(end)}"
            return (
                f"names of {words.format(end)} (of which {len(alone)}, such as "
                f"{min(alone)!r}, have no such mask: move them elsewhere if they are "
                "other pictures)"
            )
    channels = [one for one in map(_CHANNEL.fullmatch, images) if one]
    keys = {name_key(name) for name in masks}
    if sum(name_key(one[1]) in keys for one in channels) > len(images) / 2:
        named = ", ".join(map(repr, sorted({one[2] for one in channels})))
        return (
            f"names of the images end in {named} beyond those of the masks, as "
            "channels of one picture do for nnU-Net (make one RGB picture of them)"
        )
    own, others = _ends(images), _ends(masks)
    for end, stems in own.items():
        for other, further in others.items():
            if len(stems & further) > len(images) / 2:
                return (
                    f"names of the images end in {end!r} and those of the masks in "
                    f"{other!r}"
                )
    return ""


def _ends(names: Collection[str]) -> dict[str, set[str]]:
    """End, such as ``_img``, of more than half of the names → what is before it.

    Shorter ends come first.
    """
    found: dict[str, set[str]] = {}
    for name in map(name_key, names):
        for match in _SEPARATOR.finditer(name, 1):
            found.setdefault(name[match.start() :], set()).add(name[: match.start()])
    ends = sorted(found, key=len)
    return {end: found[end] for end in ends if len(found[end]) > len(names) / 2}


def unlike_in_a_beginning(images: Collection[str], masks: Collection[str]) -> str:
    """Find what names of images begin with in place of what names of masks begin with.

    Parameters are those of `unlike_in_a_suffix`.

    Returns
    -------
    str
        ``"names of the images begin with 'img_' and those of the masks with 'mask_'"``;
        empty where what follows does not make a pair of most images.
    """
    for longer, shorter, whose in ((masks, images, "masks"), (images, masks, "images")):
        keys = {name_key(name) for name in shorter}
        begins = Counter(
            name[:cut]
            for name in map(name_key, longer)
            for cut in range(1, len(name))
            # 12 is no 2 that begins with 1.
            if name[cut:] in keys and not name[cut - 1 : cut + 1].isdigit()
        )
        begin, count = max(begins.items(), key=lambda one: one[1], default=("", 0))
        if count > len(images) / 2:
            return f"names of the {whose} alone begin with {begin!r}"
    (image, ends), (mask, others) = _beginning(images), _beginning(masks)
    if image == mask or len(ends & others) <= len(images) / 2:
        return ""
    return (
        f"names of the images begin with {image!r} and those of the masks with {mask!r}"
    )


def _beginning(names: Collection[str]) -> tuple[str, set[str]]:
    """Letters that most names begin with, and what follows in these."""
    split = [_BEGINNING.match(name_key(name)) for name in names]
    begins = Counter(one.group(1) for one in split if one)
    begin, _ = max(begins.items(), key=lambda one: one[1], default=("", 0))
    return begin, {one.group(2) for one in split if one and one.group(1) == begin}


def named_by_tasks(masks: Iterable[str]) -> str:
    """Describe names of masks without an image that Label Studio gave; else empty."""
    if not any(map(_TASK.fullmatch, masks)):
        return ""
    return (
        "names of the masks are those of tasks of Label Studio, whose export as JSON "
        "says which image each task is of"
    )


def without_twins(found: dict[str, Path]) -> dict[str, Path]:
    """Keep one of several names that differ only in case or the form of accents.

    Raises
    ------
    InputError
        If they are names of different files.
    """
    kept: dict[str, str] = {}
    for name in sorted(found, key=lambda n: (found[n].is_symlink(), n)):
        first = kept.setdefault(name_key(name), name)
        if first != name and not found[first].samefile(found[name]):
            raise InputError(
                f"{found[first].name} and {found[name].name} in "
                f"{found[first].parent} differ only in capital letters, in how an "
                "accent is stored or in invisible characters, such as a no-break "
                "space, so it is not clear which mask belongs to which image; "
                "rename one."
            )
    return {name: path for name, path in found.items() if kept[name_key(name)] == name}


def paired(images: Iterable[str], masks: dict[str, Mask]) -> dict[str, Mask]:
    """Map images to masks by name.

    Names may differ as `name_key` allows, or in a suffix inside.
    """
    keys = {name_key(name): name for name in images}
    # An exact pair comes first.
    exact = {name: masks[name] for name in keys.values() if name in masks}
    others = {
        keys.get(name_key(name), name): mask
        for name, mask in masks.items()
        if name not in exact
    }
    found = {**others, **exact}
    whole = named_after_files(keys.values(), found)
    return {whole.get(name, name): mask for name, mask in found.items()}


def one_name_per_file(
    images: dict[str, Path], masks: dict[str, tuple[Path, ...]]
) -> dict[str, str]:
    """Drop images that are symbolic links to another one of the folder.

    A link that has its own mask, such as the mask of a second reader, is kept as a
    separate image. Returns each dropped name with the name that is kept for the same
    file.
    """
    links = {name for name, path in images.items() if path.is_symlink()}
    if not links:
        return {}
    first: dict[Path, str] = {}
    dropped = {}
    for name in sorted(images, key=lambda n: (n in links, n)):
        kept = first.setdefault(images[name].resolve(), name)
        if kept == name:
            continue
        own = [path.resolve() for path in masks.get(name, ())]
        others = [path.resolve() for path in masks.get(kept, ())]
        if own and others and own != others:
            continue
        dropped[name] = kept
        if own and not others:
            masks[kept] = masks[name]
        masks.pop(name, None)
        del images[name]
    return dropped
