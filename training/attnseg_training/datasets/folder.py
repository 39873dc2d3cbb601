"""A data folder: ``images/``, ``masks/`` and, optionally, ``splits/*.txt``.

A split file lists one name (without suffix) per line. Three rules make any folder
trainable without touching its test images:

* ``test`` is ``splits/test.txt``; without one, the official ``splits/val.txt`` is the
  test set, because published numbers are computed on it (Kvasir-SEG's 120).
* ``val`` is ``splits/val.txt`` where a test file exists too; otherwise it is carved out
  of the training names (a tenth, seeded), and ``train`` is what remains.
* Without ``splits/`` there is one split, ``all``; training carves ``val`` out of it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from napari_attnseg.errors import InputError, UnknownNameError
from napari_attnseg.images import read_image
from napari_attnseg.preprocessing import to_rgb

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
VALIDATION_FRACTION = 0.1


@dataclass(frozen=True, slots=True)
class Sample:
    """One image and its mask."""

    name: str
    image: Path
    mask: Path

    def read(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """RGB uint8 (H, W, 3) and mask uint8 (H, W) of 0 and 1.

        Raises
        ------
        InputError
            If either file cannot be read or their sizes differ.
        """
        rgb, _ = to_rgb(read_image(self.image))
        mask = read_mask(self.mask)
        if mask.shape != rgb.shape[:2]:
            raise InputError(
                f"The mask of {self.name!r} has {mask.shape[0]}×{mask.shape[1]} px, "
                f"its image {rgb.shape[0]}×{rgb.shape[1]}; expected the same size: "
                "export the mask again."
            )
        return (rgb * 255).round().astype(np.uint8), mask


@dataclass(frozen=True, slots=True)
class Dataset:
    """A data folder and its splits, names sorted within each."""

    root: Path
    splits: dict[str, tuple[Sample, ...]]
    #: In words: where each split comes from.
    protocol: str

    def split(self, name: str) -> tuple[Sample, ...]:
        """Samples of a split; an unknown name is an `UnknownNameError`."""
        try:
            return self.splits[name]
        except KeyError:
            raise UnknownNameError.for_name("split", name, list(self.splits)) from None


def read_mask(path: Path) -> NDArray[np.uint8]:
    """Mask file → uint8 (H, W) of 0 and 1.

    Masks of 0/1 and of 0/255 both read right; above 127 is foreground where values
    exceed 1, so that JPEG masks lose their ringing.
    """
    try:
        with Image.open(path) as file:
            # A palette index is a class; turning it into grey would lose that.
            values = np.asarray(file if file.mode in ("P", "1") else file.convert("L"))
    except (OSError, SyntaxError) as error:
        raise InputError(
            f"The mask {path.name} cannot be read ({error}); expected a PNG, JPEG or "
            "TIFF image: replace it."
        ) from error
    return (values > (127 if values.max() > 1 else 0)).astype(np.uint8)


def load_dataset(root: Path, seed: int = 0) -> Dataset:
    """Read a folder's layout; images themselves are read later.

    Parameters
    ----------
    root : Path
        Folder with ``images/`` and ``masks/``.
    seed : int
        Of the carved validation part, where there is none.

    Raises
    ------
    InputError
        If a folder, a listed image or a mask is missing.
    """
    images, masks = _by_stem(root / "images"), _by_stem(root / "masks")
    named = {}
    for file in sorted((root / "splits").glob("*.txt")):
        named[file.stem] = tuple(file.read_text(encoding="utf-8").split())
    everything = tuple(sorted(images)) if not named else ()

    def samples(names: tuple[str, ...]) -> tuple[Sample, ...]:
        for kind, found in (("image", images), ("mask", masks)):
            missing = [n for n in names if n not in found]
            if missing:
                raise InputError(
                    f"{len(missing)} of {len(names)} {kind}s are missing in "
                    f"{root / (kind + 's')}, first {missing[0]!r}; every image needs a "
                    "mask of the same name: add it, or take the name out of splits/."
                )
        return tuple(Sample(n, images[n], masks[n]) for n in sorted(names))

    if not named:
        train, val = carve(everything, seed)
        parts = {"all": everything, "train": train, "val": val}
        protocol = f"no splits/ folder; val: a tenth of all, seed {seed}"
    elif "train" not in named or ("test" in named and "val" in named):
        parts, protocol = dict(named), "splits as listed in splits/"
    else:
        train, val = carve(named["train"], seed)
        held = "test" if "test" in named else "val"
        parts = {**named, "train": train, "val": val}
        if held in named:
            parts["test"] = named[held]
        protocol = (
            f"honest: test is splits/{held}.txt; val: a tenth of splits/train.txt, "
            f"seed {seed}"
        )
    return Dataset(root, {k: samples(v) for k, v in parts.items()}, protocol)


def carve(names: tuple[str, ...], seed: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Seeded split of names into (training, validation); at least one each."""
    if len(names) < 2:
        raise InputError(
            f"Expected at least 2 images to carve validation from, found {len(names)}; "
            "add images or a splits/ folder."
        )
    shuffled = sorted(names)
    random.Random(seed).shuffle(shuffled)
    n = max(1, round(len(names) * VALIDATION_FRACTION))
    return tuple(shuffled[n:]), tuple(shuffled[:n])


def _by_stem(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise InputError(
            f"Expected a data folder with images/ and masks/, but {folder} is not "
            "there; see the data layout in training/README.md."
        )
    return {
        p.stem: p
        for p in sorted(folder.iterdir())
        if p.suffix.lower() in SUFFIXES and not p.name.startswith(".")
    }
