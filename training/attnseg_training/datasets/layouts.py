"""Recognise the layout of a data folder, and the files that belong together."""

from __future__ import annotations

import dataclasses
import itertools
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from attnseg_training.datasets.catalog import DATASETS
from attnseg_training.datasets.folder_names import PAIRS, of_splits, to_rename
from attnseg_training.datasets.listed_pairs import ListedPairs
from attnseg_training.datasets.mask_folders import (
    above_case_folders,
    all_masks,
    case_folders,
    masks_of_images,
)
from attnseg_training.datasets.pairing import (
    by_stem,
    one_name_per_file,
    paired,
    without_twins,
)
from attnseg_training.datasets.spec import DatasetSpec, Layout
from attnseg_training.datasets.split_lists import expect_names, list_text, read_lists
from napari_attnseg.errors import InputError, UnknownNameError
from napari_attnseg.io.dataset_toml import FILE, Descriptor, read_descriptor
from napari_attnseg.io.folders import LeftOut, left_out, left_out_words

#: Folders below the root that are looked through.
_DEPTH = 4


@dataclass(slots=True)
class Files:
    """Files of a data folder, not yet checked.

    Attributes
    ----------
    root : Path
        The folder.
    name : str
        Name in `DATASETS`, or the name in ``dataset.toml``, or else that of the folder.
    spec : DatasetSpec
        Specification of the data set, with the classes of ``dataset.toml`` if it names
        some.
    layout : Layout
        Layout that was recognised.
    images : dict
        Sample name → image file.
    masks : dict
        Sample name → mask files: one per class if `apart`, otherwise files that are
        merged.
    named : dict
        Split → names that are listed for it.
    lists : str
        Folder of the lists; empty if the splits are folders.
    apart : bool
        Whether each class has its own mask file, so that classes may overlap.
    ignore : int or None
        Mask value of pixels that are neither a class nor background.
    orientation : str
        Pixels on which masks were drawn; see `Sample`.
    threshold : float or None
        Number above which masks of one class are lesion.
    stated : bool
        Whether ``dataset.toml`` gives classes.
    lacking : dict
        Sample name → a class for which a mask file is missing, although there are files
        for other classes.
    left_out : dict
        Other files among images and masks, counted by suffix or kind; see
        `napari_attnseg.io.folders.left_out`.
    background : tuple of int
        Mask values of background besides 0, if classes have values.
    several : dict
        Sample name → further masks whose meaning ``dataset.toml`` does not state.
    further_masks : dict
        What was done with further masks, as ``dataset.toml`` says: ``rule``, the
        number of ``images`` that have some, and their number of ``masks``; empty
        without any.
    repeated : dict
        Split → name that is listed for it several times → number of further lines.
    pairs : dict
        Sample name → name of the mask that lists give it.
    """

    root: Path
    name: str
    spec: DatasetSpec
    layout: Layout
    images: dict[str, Path] = field(default_factory=dict)
    masks: dict[str, tuple[Path, ...]] = field(default_factory=dict)
    named: dict[str, tuple[str, ...]] = field(default_factory=dict)
    lists: str = "splits"
    apart: bool = False
    ignore: int | None = None
    orientation: str = ""
    stated: bool = False
    lacking: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    threshold: float | None = None
    background: tuple[int, ...] = ()
    several: dict[str, list[str]] = field(default_factory=dict)
    further_masks: dict[str, Any] = field(default_factory=dict)
    repeated: dict[str, dict[str, int]] = field(default_factory=dict)
    pairs: dict[str, str] = field(default_factory=dict)


def find_files(source: Path) -> Files:
    """Recognise the layout of a folder, and count the files that are left out.

    Parameters
    ----------
    source : Path
        A folder, or ``NAME:FOLDER`` with a name of `DATASETS` for a folder that holds
        several data sets.

    Raises
    ------
    InputError
        If the folder has none of the layouts, or could have several.
    UnknownNameError
        If the list of a split names an image that does not exist.
    """
    files = _recognised(source)
    used = {*files.images.values(), *itertools.chain(*files.masks.values())}
    folders = {path.parent for path in used}
    if not files.layout.parts:  # of masks without an image none is used
        folders |= {path for f in PAIRS if (path := files.root / f).is_dir()}
    for name in files.spec.classes if files.apart else ():
        own = files.root / "masks" / name  # in use, whatever is in it
        masks = paired(files.images, by_stem(own))
        used |= {own, *(path for n, path in masks.items() if n in files.lacking)}
    counts = left_out(folders, used)
    lists = not files.layout.parts and files.named
    listed = set(itertools.chain(*files.named.values()))
    unsaid = set(itertools.chain(*files.several.values()))
    alone = [n for n in files.masks if n not in files.images and n not in unsaid]
    for kind, names in (
        (LeftOut.NO_IMAGE, alone),
        (LeftOut.NOT_LISTED, [n for n in files.images if lists and n not in listed]),
    ):
        if names:
            counts[kind] = len(names)
    files.left_out = counts
    if not files.images:
        words = left_out_words(counts)
        rest = f" ({words})" if words else ""
        raise InputError(
            f"Expected images in {files.root / 'images'}, found none{rest}; put them "
            "there."
        )
    said = read_descriptor(files.root)
    files.ignore, files.orientation = said.ignore, said.orientation
    files.stated, files.threshold = bool(said.classes), said.threshold
    files.background = said.background
    if said.threshold is not None and files.spec.values and not files.apart:
        raise InputError(
            f"Expected no threshold in {files.root / FILE} beside the values of "
            "classes, got both; take one out."
        )
    return files


def _recognised(source: Path) -> Files:
    name, root = _name_and_folder(source)
    said = read_descriptor(root)
    name = name or said.name
    if name in DATASETS:
        candidates = {name: DATASETS[name]}
    else:
        candidates = {} if said.name else DATASETS
    if not candidates or any((root / part).is_dir() for part in PAIRS):
        return _pairs(root, name, said)
    found = _matching(root, candidates)
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(files.name for files in found)
        raise InputError(
            f"{root} holds several data sets: {names}; choose one with "
            f"--data {found[0].name}:{root}."
        )
    if case_folders(root):
        return _pairs(root, name, said)
    raise InputError(_nothing(root, name))


def _name_and_folder(source: Path) -> tuple[str, Path]:
    name, colon, folder = str(source).partition(":")
    if colon and name in DATASETS:
        return name, Path(folder).expanduser()
    # One letter is a Windows drive.
    if colon and len(name) > 1 and not source.exists() and Path(folder).is_dir():
        raise UnknownNameError.for_name("data set", name, list(DATASETS))
    return "", source


def _nothing(root: Path, name: str) -> str:
    if name:
        wanted = " or ".join(layout.expected for layout in DATASETS[name].layouts)
        return f"Expected {DATASETS[name].title} in {root}: {wanted}; {_inside(root)}."
    below = above_case_folders(root)
    give = f"; give {root / below}" if below else of_splits(root)
    advice = to_rename(root) + give
    if root.is_dir() and not advice and not _of_nnunet(root):
        advice = (
            "; put the images into images/ and the masks into masks/, each mask under "
            "its image's name"
        )
    return (
        f"Expected a data folder with images/ and masks/, or a layout that "
        f"`attnseg-train datasets` lists, but {root} {_inside(root)}{advice}."
    )


def _of_nnunet(root: Path) -> str:
    """Advice on a folder that was laid out for nnU-Net; empty for others."""
    if not all((root / part).is_dir() for part in ("imagesTr", "labelsTr")):
        return ""
    return (
        ", as nnU-Net wants it: rename imagesTr to images and labelsTr to masks, take "
        "the end _0000 off the names of images, and save channels of one picture "
        "(_0000, _0001, _0002) as one RGB picture"
    )


def _inside(root: Path) -> str:
    if not root.exists():
        return "is not there"
    if not root.is_dir():
        kind = f" ({root.suffix})" if root.suffix else ""
        return f"is a file{kind} and no folder: give the folder of its images and masks"
    entries = sorted(p.name + "/" * p.is_dir() for p in root.iterdir())
    shown = ", ".join(entries[:5]) + (" …" if entries[5:] else "")
    return f"holds {shown or 'nothing'}{_of_nnunet(root)}"


def _pairs(root: Path, name: str, said: Descriptor) -> Files:
    """Find the files of ``images/`` and ``masks/`` that have the same names."""
    spec = DATASETS.get(name, DATASETS["folder"])
    if said.classes:
        spec = dataclasses.replace(spec, classes=said.classes, values=said.values)
    layout = next(layout for layout in spec.layouts if not layout.parts)
    name = name or root.resolve().name
    files = Files(root, name, spec, layout, lists=said.splits)
    files.images = case_folders(root) or by_stem(root / PAIRS[0])
    folders = [root / "masks" / c for c in said.classes]
    masks: dict[str, Path] = {}
    if folders and all(folder.is_dir() for folder in folders):
        files.apart = True
        planes = [by_stem(folder) for folder in folders]
        planes = [paired(files.images, plane) for plane in planes]
        whole = set(planes[0]).intersection(*planes[1:])
        files.masks = {n: tuple(plane[n] for plane in planes) for n in whole}
        for part in {*itertools.chain(*planes)} - whole:
            each = zip(said.classes, planes, strict=True)
            files.lacking[part] = next(c for c, plane in each if part not in plane)
    else:
        masks = all_masks(root, files.images, said.classes)
        found = masks_of_images(files.images, masks, said)
        files.masks, files.several, files.further_masks = found
    other = one_name_per_file(files.images, files.masks)
    if said.splits != "splits" and not (root / said.splits).is_dir():
        raise InputError(
            f"Expected lists of names in {root / said.splits}, as dataset.toml says, "
            "but there is no such folder."
        )
    images = files.images | {n: files.images[kept] for n, kept in other.items()}
    named = {n: paths[0] for n, paths in files.masks.items()}
    lines = ListedPairs(images, named if files.apart else masks | named)
    files.named = read_lists(root, said.splits, lines, other)
    files.repeated, files.pairs = lines.repeated, lines.pairs
    lines.apply(files.masks, files.several, other, files.apart)
    return files


def _matching(root: Path, candidates: dict[str, DatasetSpec]) -> list[Files]:
    """One `Files` for each data set of which images were found."""
    paths = _paths(root)
    found = []
    for name, spec in candidates.items():
        for layout in spec.layouts:
            files = _by_patterns(root, name, spec, layout, paths)
            if files.images:
                found.append(files)
                break
    return found


def _paths(root: Path) -> list[str]:
    """Files below a folder, relative to it, not deeper than any layout needs."""
    found = []
    for folder, folders, files in os.walk(root):
        at = Path(folder).relative_to(root)
        if len(at.parts) >= _DEPTH:
            folders.clear()
        found += [(at / file).as_posix() for file in files if not file.startswith(".")]
    return sorted(found)


def _by_patterns(
    root: Path, name: str, spec: DatasetSpec, layout: Layout, paths: list[str]
) -> Files:
    files = Files(root, name, spec, layout, lists="")
    for part in layout.parts:
        images, masks = re.compile(part.images), re.compile(part.masks)
        here = {m[1]: root / p for p in paths if (m := images.fullmatch(p))}
        own: dict[str, list[Path]] = {}
        for path in paths:
            if match := masks.fullmatch(path):
                own.setdefault(match[1], []).append(root / path)
        here = without_twins(here)
        own = paired(here, own)
        if not own and files.images:
            continue  # a test set whose masks are kept back
        # Two splits may number their images alike.
        key = {n: f"{part.split}-{n}" if n in files.images else n for n in here}
        files.images |= {key[n]: path for n, path in here.items()}
        files.masks |= {key[n]: tuple(own[n]) for n in here if n in own}
        if part.split and here:
            files.named[part.split] = tuple(sorted(key.values()))
    for split, file in layout.lists:
        if (root / file).is_file():
            listed = set(list_text(root / file).split())
            expect_names(tuple(listed), root / file, (root / file).stem)
            files.named[split] = tuple(
                n for n in sorted(files.images) if _listed(n, listed, spec.group)
            )
    return files


def _listed(name: str, listed: set[str], group: str) -> bool:
    match = re.match(group, name) if group else None
    return name in listed or (match is not None and match[0] in listed)
