"""A data folder as samples and splits; its layout is found by `layouts`."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from attnseg_training.datasets.crossed_pairs import crossed_pairs
from attnseg_training.datasets.folders_left_out import folders_left_out
from attnseg_training.datasets.further_masks import several_words
from attnseg_training.datasets.hints import Hint
from attnseg_training.datasets.layouts import Files, find_files
from attnseg_training.datasets.missing_names import dropped_zeros
from attnseg_training.datasets.named_splits import named_splits
from attnseg_training.datasets.numbered_names import unlike_in_numbers
from attnseg_training.datasets.pairing import (
    named_by_tasks,
    unlike_in_a_beginning,
    unlike_in_a_suffix,
)
from attnseg_training.datasets.repeated_names import repeated_names
from attnseg_training.datasets.same_patients import same_patients
from attnseg_training.datasets.sample import Sample
from attnseg_training.datasets.second_masks import second_masks
from attnseg_training.datasets.split_lists import USED
from attnseg_training.datasets.splits import split_names
from attnseg_training.datasets.unread_lists import unread_lists
from napari_attnseg.errors import InputError, UnknownNameError
from napari_attnseg.io.images import read_image
from napari_attnseg.protocols import SplitRule, rule_sentence

__all__ = ["Dataset", "Sample", "load_dataset", "missing_masks", "sample", "samples"]


@dataclass(frozen=True, slots=True)
class Dataset:
    """A data folder and its splits, names sorted within each."""

    root: Path
    splits: dict[str, tuple[Sample, ...]]
    #: Where each split comes from.
    rule: SplitRule
    #: In `DATASETS`, of its ``dataset.toml``, or the folder's own.
    name: str
    #: Names, background not counted.
    classes: tuple[str, ...]
    #: Mask value of pixels that are left out of loss and metrics.
    ignore: int | None = None
    #: Whether images without any object belong to it.
    empty_masks: bool = False
    #: What else lies in the folder, counted by suffix or kind.
    left_out: dict[str, int] = field(default_factory=dict)
    #: Number above which masks of one class are lesion, where somebody gave it.
    threshold: float | None = None
    #: Mask values of background beside 0.
    background: tuple[int, ...] = ()
    #: What was done with further masks of images, if somebody said so: `Files`.
    further_masks: dict[str, Any] = field(default_factory=dict)
    #: What is told of its files, before any is read.
    hints: tuple[Hint, ...] = ()

    @property
    def mask_rules(self) -> dict[str, Any]:
        """What ``dataset.toml`` says of masks, for provenance; empty without any."""
        said: dict[str, Any] = {}
        if self.threshold is not None:
            said["mask_threshold"] = self.threshold
        if self.background:
            said["mask_background"] = list(self.background)
        if self.further_masks:
            said["further_masks"] = self.further_masks
        return said

    @property
    def protocol(self) -> str:
        """Sentence on where each split comes from."""
        return rule_sentence(self.rule)

    def split(self, name: str) -> tuple[Sample, ...]:
        """Samples of a split, at least one.

        Raises
        ------
        UnknownNameError
            If there is no such split.
        InputError
            If no image is listed for it.
        """
        if name not in self.splits:
            raise UnknownNameError.for_name("split", name, list(self.splits))
        if not self.splits[name]:
            raise InputError(
                f"The split {name!r} of {self.root} is empty; list images in it."
            )
        return self.splits[name]

    def expect_classes(self, count: int, names: Sequence[str] = ()) -> None:
        """Raise `InputError` if a model of `count` classes does not fit.

        A model with the same classes (`names`) in another order does not fit either.
        """
        if sorted(names) == sorted(self.classes) and tuple(names) != self.classes:
            raise InputError(
                f"Expected the classes {', '.join(self.classes)} in this order for "
                f"{self.root}, got weights with {', '.join(names)}; list them in "
                "the order of the weights in dataset.toml."
            )
        if count != len(self.classes):
            raise InputError(
                f"Expected weights of {len(self.classes)} classes "
                f"({', '.join(self.classes)}) for {self.root}, got weights of {count}; "
                "choose other weights or other data. Its masks were not read; "
                "attnseg-train check says whether they are clear."
            )


def load_dataset(root: Path, seed: int = 0) -> Dataset:
    """Read a folder's layout; images themselves are read later.

    Parameters
    ----------
    root : Path
        A folder in one of the layouts of `DATASETS`, or ``NAME:FOLDER``.
    seed : int
        Random seed for choosing validation images, if there is no list of them.

    Raises
    ------
    InputError
        If the layout is not known, a listed image or a mask is missing, an image is
        listed for two of the splits train, val and test, or an image has several masks
        and ``dataset.toml`` does not say what they mean.
    """
    files = find_files(root)
    _expect_apart(files)
    for name in files.several:
        raise InputError(several_words(name, files.several, name in files.masks))
    everything = tuple(sorted(files.images)) if not files.named else ()
    if len(everything) == 1:
        _expect_no_stack(files.images[everything[0]])
    _expect_images(files)
    parts, rule = split_names(
        files.named, everything, seed, files.lists, files.spec.group
    )
    splits = {name: samples(files, names) for name, names in parts.items()}
    return Dataset(
        files.root,
        splits,
        rule,
        files.name,
        files.spec.classes,
        files.ignore,
        files.spec.empty_masks,
        files.left_out,
        files.threshold,
        files.background,
        files.further_masks,
        tuple(file_hints(files, parts)),
    )


def file_hints(files: Files, parts: Mapping[str, tuple[str, ...]]) -> list[Hint]:
    """What is told of the files of a folder and its splits.

    No pixels are read, but those of masks of which a second folder holds another file.
    """
    crossed = crossed_pairs(files.pairs)
    used = {split: parts[split] for split in USED if split in parts}
    patients = same_patients(used, files.images, files.root)
    lists = [*repeated_names(files), *unread_lists(files), *named_splits(files)]
    left_out = folders_left_out(files)
    return [*second_masks(files), *left_out, *lists, *crossed, *patients]


def _expect_no_stack(image: Path) -> None:
    """Validation cannot be carved from frames of one file."""
    try:
        shape = read_image(image).shape
    except InputError:  # NIfTI, or damaged: who reads it says so
        return
    if len(shape) > 3 or (len(shape) == 3 and shape[-1] not in (3, 4)):
        raise InputError(
            f"Expected one image per file, found {image.name} alone, a stack of "
            f"{' × '.join(map(str, shape))} numbers; save each frame and its mask as "
            "files of their own."
        )


def _expect_apart(files: Files) -> None:
    """An image that is trained on must not be measured on; other lists may overlap."""
    used = [split for split in USED if split in files.named]
    for first, second in itertools.combinations(used, 2):
        both = sorted(set(files.named[first]) & set(files.named[second]))
        if both:
            raise InputError(
                f"{len(both)} images of {files.root} are listed for both {first} and "
                f"{second}, first {both[0]!r}; take each out of one of the lists."
            )


def _expect_images(files: Files) -> None:
    """Names in lists are those of images."""
    for split, names in files.named.items():
        missing = [name for name in names if name not in files.images]
        if missing and not files.layout.parts:
            zeros = dropped_zeros(missing[0], files.images)
            raise InputError(
                f"{missing[0]} is listed for {split}, but has no image{zeros}, like "
                f"{len(missing)} of its {len(names)} names in all: correct them, or "
                f"take them out of {files.lists}/."
                if len(missing) > 1
                else f"{missing[0]} is listed for {split}, but has no image{zeros}: "
                f"correct the name, or take it out of {files.lists}/."
            )


def samples(files: Files, names: tuple[str, ...]) -> tuple[Sample, ...]:
    """Samples of these names, sorted.

    Raises
    ------
    InputError
        If an image or a mask is missing.
    """
    for kind, missing in (
        ("image", [n for n in names if n not in files.images]),
        ("mask", missing_masks(files, names)),
    ):
        if missing:
            folder = "" if files.layout.parts else f"{kind}s"
            if kind == "mask" and missing[0] in files.lacking:
                folder += f"/{files.lacking[missing[0]]}"
                missing = [
                    n
                    for n in missing
                    if files.lacking.get(n) == files.lacking[missing[0]]
                ]
            listed = files.lists and files.named
            away = f"take the name out of {files.lists}/" if listed else "drop it"
            needs = "a mask of the same name: add it"
            if kind == "mask" and missing[0] in files.lacking:
                needs += ", all black where the class is not in the image"
            elif kind == "mask" and (end := mask_suffix(files)):
                needs, away = f"a mask of the same name, but {end}: rename them", ""
            raise InputError(
                f"{len(missing)} of {len(names)} {kind}s are missing in "
                f"{files.root / folder}, first {missing[0]!r}; every image needs "
                f"{needs}{f', or {away}' if away else ''}."
            )
    among = masks_of(files)
    return tuple(sample(files, name, among) for name in sorted(names))


def masks_of(files: Files) -> tuple[Path, ...]:
    """All masks of a data set, sorted by the names of their samples."""
    return tuple(path for name in sorted(files.masks) for path in files.masks[name])


def mask_suffix(files: Files) -> str:
    """Describe how unpaired names differ, mostly by a suffix; empty if not known."""
    if numbers := unlike_in_numbers(files.images, files.masks):
        return numbers
    images = [name for name in files.images if name not in files.masks]
    masks = [name for name in files.masks if name not in files.images]
    return (
        unlike_in_a_suffix(images, masks)
        or unlike_in_a_beginning(images, masks)
        or named_by_tasks(masks)
    )


def missing_masks(files: Files, names: tuple[str, ...]) -> list[str]:
    """Names without a mask, unless a missing mask means an empty one."""
    if files.layout.parts and files.spec.empty_masks:
        return []
    return [n for n in names if n not in files.masks]


def sample(files: Files, name: str, among: tuple[Path, ...]) -> Sample:
    """One sample by its name, among all masks of its data set: `masks_of`."""
    return Sample(
        name,
        files.images[name],
        files.masks.get(name, ()),
        files.spec.values,
        files.apart,
        files.ignore,
        files.orientation,
        files.stated,
        files.threshold,
        files.background,
        among,
    )
