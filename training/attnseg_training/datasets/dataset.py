"""A data folder as samples and splits; its layout is found by `layouts`."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets.layouts import Files, find_files
from attnseg_training.datasets.masks import MaskReading, read
from attnseg_training.datasets.nifti import (
    Spacing,
    is_nifti,
    nifti_spacing,
    read_nifti,
)
from attnseg_training.datasets.rules import Rule, RuleError
from attnseg_training.datasets.splits import split_names
from napari_attnseg.errors import InputError, UnknownNameError
from napari_attnseg.intensity import WHOLE_RANGE, Intensity, IntensityMapping
from napari_attnseg.io.images import UprightImage, read_upright
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
        Mask value of each class; empty for one class: see `masks.read`.
    apart : bool
        Whether each class has its own mask file; classes may overlap then.
    ignore : int or None
        Mask value of what is neither a class nor background.
    """

    name: str
    image: Path
    masks: tuple[Path, ...]
    values: tuple[int, ...] = ()
    apart: bool = False
    ignore: int | None = None

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
        RuleError
            If their sizes differ, or it is not clear what is lesion in a mask.
        InputError
            If a file cannot be read.
        """
        rgb, planes, _ = self.read_all(intensity)
        return rgb, planes

    def read_all(
        self, intensity: Intensity = WHOLE_RANGE
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.bool_] | None]:
        """As `read_planes`, and what is ignored: bool (H, W), or None for nothing."""
        return self.read_all_mapped(intensity)[:3]

    def read_all_mapped(
        self, intensity: Intensity = WHOLE_RANGE
    ) -> tuple[
        NDArray[np.uint8],
        NDArray[np.uint8],
        NDArray[np.bool_] | None,
        IntensityMapping,
    ]:
        """As `read_all`, and how the image's intensities were mapped."""
        image = self._read_upright()
        rgb, mapping = self._rgb(image, intensity)
        readings = self.read_masks()
        for reading in readings:
            self._expect_size(reading, image)
        if not readings:
            empty = np.zeros((self.classes, *rgb.shape[:2]), np.uint8)
            return rgb, empty, None, mapping
        return rgb, *self.united(readings), mapping

    def united(
        self, readings: Sequence[MaskReading]
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_] | None]:
        """Masks (classes, H, W) of all its files, and what is ignored."""
        each = [reading.planes for reading in readings]
        planes = np.concatenate(each) if self.apart else np.maximum.reduce(each)
        ignored = [one.ignored for one in readings if one.ignored is not None]
        if not ignored:
            return planes, None
        void = np.logical_or.reduce(ignored)
        planes[:, void] = 0
        return planes, void

    def read_masks(self) -> list[MaskReading]:
        """Each mask file, in order; raises as `masks.read`."""
        values = () if self.apart else self.values
        like = self.image if is_nifti(self.image) else None
        return [read(path, values, self.ignore, like) for path in self.masks]

    def read_raw(self) -> NDArray[np.generic]:
        """The image alone, upright, with the numbers that are stored."""
        return self._read_upright().pixels

    def read_rgb(self, intensity: Intensity = WHOLE_RANGE) -> NDArray[np.uint8]:
        """The image alone, as RGB uint8 (H, W, 3); `intensity` as of `read_planes`."""
        return self.read_mapped(intensity)[0]

    def read_mapped(
        self, intensity: Intensity = WHOLE_RANGE
    ) -> tuple[NDArray[np.uint8], IntensityMapping]:
        """As `read_rgb`, and how intensities were mapped."""
        return self._rgb(self._read_upright(), intensity)

    @property
    def spacing(self) -> Spacing | None:
        """Size of a pixel, where the image's file says it: that of NIfTI."""
        return nifti_spacing(self.image) if is_nifti(self.image) else None

    def _read_upright(self) -> UprightImage:
        if is_nifti(self.image):
            return UprightImage(read_nifti(self.image), 1)
        return read_upright(self.image)

    def _expect_size(self, mask: MaskReading, image: UprightImage) -> None:
        size, found = image.pixels.shape[:2], mask.planes.shape[1:]
        if found == size:
            return
        if found == size[::-1] and max(image.orientation, mask.orientation) > 4:
            asks = "image" if image.orientation > 4 else "mask"
            raise RuleError(
                Rule.ORIENTATION,
                f"The {asks} of {self.name!r} asks to be shown turned by 90° (EXIF or "
                f"TIFF orientation {max(image.orientation, mask.orientation)}), and "
                "image and mask are of one size only as they are stored; save both "
                "upright.",
            )
        raise RuleError(
            Rule.SIZE,
            f"The mask of {self.name!r} has {found[0]}×{found[1]} px, its image "
            f"{size[0]}×{size[1]}; expected the same size: export the mask again.",
        )

    def _rgb(
        self, image: UprightImage, intensity: Intensity
    ) -> tuple[NDArray[np.uint8], IntensityMapping]:
        try:
            rgb, mapping = to_rgb(image.pixels, intensity=intensity)
        except InputError as error:
            raise InputError(f"{self.image.name} cannot be used: {error}") from error
        return (rgb * 255).round().astype(np.uint8), mapping


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
    return Dataset(
        files.root,
        splits,
        rule,
        files.name,
        files.spec.classes,
        files.ignore,
        files.spec.empty_masks,
        files.left_out,
    )


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
        files.ignore,
    )
