"""A data folder as samples and splits; its layout is found by `layouts`."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets import masks
from attnseg_training.datasets.layouts import Files, find_files
from attnseg_training.datasets.nifti import is_nifti, read_nifti
from attnseg_training.datasets.splits import split_names
from napari_attnseg.errors import InputError, UnknownNameError
from napari_attnseg.intensity import WHOLE_RANGE, Intensity
from napari_attnseg.io.images import read_image
from napari_attnseg.preprocessing import to_rgb
from napari_attnseg.protocols import SplitRule, rule_sentence


@dataclass(frozen=True, slots=True)
class Sample:
    """One image and its masks.

    Attributes
    ----------
    name : str
        Unique in its data set.
    image : Path
        Image file.
    masks : tuple of Path
        Mask files: one per class if `apart`, else merged; none: nothing is in it.
    values : tuple of int
        Mask value of each class; empty for one class that is everything bright.
    apart : bool
        Whether each class has its own mask file; classes may overlap then.
    """

    name: str
    image: Path
    masks: tuple[Path, ...]
    values: tuple[int, ...] = ()
    apart: bool = False

    @property
    def classes(self) -> int:
        """Number of classes, background not counted."""
        return len(self.masks) if self.apart else len(self.values) or 1

    def read(
        self, intensity: Intensity = WHOLE_RANGE
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """RGB uint8 (H, W, 3) and mask uint8 (H, W): 0 background, c + 1 class c.

        Where classes overlap, the last one. Parameters and errors as of `read_planes`.
        """
        rgb, planes = self.read_planes(intensity)
        numbers = np.arange(1, len(planes) + 1, dtype=np.uint8)[:, None, None]
        mask: NDArray[np.uint8] = (planes * numbers).max(0)
        return rgb, mask

    def read_planes(
        self, intensity: Intensity = WHOLE_RANGE
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """RGB uint8 (H, W, 3) and masks uint8 (classes, H, W) of 0 and 1.

        Parameters
        ----------
        intensity : Percentiles or Window
            Rule of the model that is to see the image; see `preprocessing.to_rgb`.

        Raises
        ------
        InputError
            If a file cannot be read, their sizes differ, or a mask holds a value that
            is no class.
        """
        rgb = self.read_rgb(intensity)
        planes = [self._planes(path) for path in self.masks]
        for plane in planes:
            if plane.shape[1:] != rgb.shape[:2]:
                raise InputError(
                    f"The mask of {self.name!r} has {plane.shape[1]}×{plane.shape[2]} "
                    f"px, its image {rgb.shape[0]}×{rgb.shape[1]}; expected the same "
                    "size: export the mask again."
                )
        if self.apart:
            return rgb, np.concatenate(planes)
        if not planes:
            return rgb, np.zeros((self.classes, *rgb.shape[:2]), np.uint8)
        return rgb, np.maximum.reduce(planes)

    def read_raw(self) -> NDArray[np.generic]:
        """The image alone, as it is stored."""
        path = self.image
        return read_nifti(path) if is_nifti(path) else read_image(path)

    def read_rgb(self, intensity: Intensity = WHOLE_RANGE) -> NDArray[np.uint8]:
        """The image alone, as RGB uint8 (H, W, 3); `intensity` as of `read_planes`."""
        rgb, _ = to_rgb(self.read_raw(), intensity=intensity)
        return (rgb * 255).round().astype(np.uint8)

    def _planes(self, path: Path) -> NDArray[np.uint8]:
        if self.apart or not self.values:
            return masks.read_mask(path)[None]
        return masks.planes(masks.read_values(path), self.values, path.name)


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

    @property
    def protocol(self) -> str:
        """Where each split comes from, in words."""
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
        """Say so (`InputError`) where a model of `count` classes does not fit.

        Nor does one of the same classes, by their `names`, in another order.
        """
        if sorted(names) == sorted(self.classes) and tuple(names) != self.classes:
            raise InputError(
                f"Expected the classes {', '.join(self.classes)} in this order for "
                f"{self.root}, got weights with {', '.join(names)}; order them so in "
                "dataset.toml."
            )
        if count != len(self.classes):
            raise InputError(
                f"Expected weights of {len(self.classes)} classes "
                f"({', '.join(self.classes)}) for {self.root}, got weights of {count}; "
                "choose other weights or other data."
            )


def load_dataset(root: Path, seed: int = 0) -> Dataset:
    """Read a folder's layout; images themselves are read later.

    Parameters
    ----------
    root : Path
        A folder in one of the layouts of `DATASETS`, or ``NAME:FOLDER``.
    seed : int
        Of the carved validation part, where there is none.

    Raises
    ------
    InputError
        If the layout is not known, a listed image or a mask is missing, or an image is
        listed for two of the splits train, val and test.
    """
    files = find_files(root)
    _expect_apart(files)
    everything = tuple(sorted(files.images)) if not files.named else ()
    parts, rule = split_names(
        files.named, everything, seed, files.lists, files.spec.group
    )
    splits = {name: samples(files, names) for name, names in parts.items()}
    return Dataset(files.root, splits, rule, files.name, files.spec.classes)


def _expect_apart(files: Files) -> None:
    """An image that is trained on must not be measured on; other lists may overlap."""
    used = [split for split in ("train", "val", "test") if split in files.named]
    for first, second in itertools.combinations(used, 2):
        both = sorted(set(files.named[first]) & set(files.named[second]))
        if both:
            raise InputError(
                f"{len(both)} images of {files.root} are listed for both {first} and "
                f"{second}, first {both[0]!r}; take each out of one of the lists."
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
            away = f"take the name out of {files.lists}/" if files.lists else "drop it"
            raise InputError(
                f"{len(missing)} of {len(names)} {kind}s are missing in "
                f"{files.root / folder}, first {missing[0]!r}; every image needs a "
                f"mask of the same name: add it, or {away}."
            )
    return tuple(sample(files, name) for name in sorted(names))


def missing_masks(files: Files, names: tuple[str, ...]) -> list[str]:
    """Names without a mask, where that does not mean that nothing is in the image."""
    if files.layout.parts and files.spec.empty_masks:
        return []
    return [n for n in names if n not in files.masks]


def sample(files: Files, name: str) -> Sample:
    """One sample by its name."""
    return Sample(
        name,
        files.images[name],
        files.masks.get(name, ()),
        files.spec.values,
        files.apart,
    )
