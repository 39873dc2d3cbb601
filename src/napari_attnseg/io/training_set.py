"""Add a corrected mask, with its image, to a folder that ``attnseg-train`` reads.

Files are named by the hash of the image's pixels, and what is recorded of them holds
neither a path nor a layer's name: either may contain the name of a patient. The same
image has the same name, so that a second correction replaces the first.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from napari_attnseg.errors import AttnSegError, InputError
from napari_attnseg.hashing import array_sha256
from napari_attnseg.io.atomic import remove, write_together
from napari_attnseg.io.dataset_toml import FILE, Descriptor, read_descriptor
from napari_attnseg.io.folders import entries, name_key
from napari_attnseg.io.images import read_image, turned
from napari_attnseg.io.text_files import decoded

IMAGES, MASKS, RECORDS = "images", "masks", "corrections"
#: Value of the lesion in a mask of one class, and the one that is used where that is
#: the value of pixels to ignore.
LESION, OTHER_LESION = 255, 1


@dataclass(frozen=True, slots=True, eq=False)
class Correction:
    """An image and its mask, on the way to a training set.

    Attributes
    ----------
    pixels : ndarray, shape (H, W), (H, W, 3) or (H, W, 4)
    mask : ndarray of int or bool, shape (H, W)
        0 is background. With one class, every other number is the lesion; with several,
        c + 1 is class c.
    classes : sequence of str
        Names of the classes; may be empty if there is only one.
    record : mapping
        JSON-ready provenance.
    file : Path or None
        File that the pixels were read from.
    """

    pixels: NDArray[np.generic]
    mask: NDArray[Any]
    classes: Sequence[str] = ()
    record: Mapping[str, Any] = field(default_factory=dict)
    file: Path | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing is marked."""
        return not self.mask.any()


@dataclass(frozen=True, slots=True, eq=False)
class Addition:
    """Files to write into a training set.

    Attributes
    ----------
    folder : Path
    name : str
        Name of image and mask without a suffix.
    files : mapping of Path to bytes
        Files to write, the mask last.
    replaced : tuple of Path
        Existing files of that name that would be replaced or removed.
    unlisted : bool
        Whether the folder has lists of names and none of them has this one.
    """

    folder: Path
    name: str
    files: Mapping[Path, bytes]
    replaced: tuple[Path, ...]
    unlisted: bool

    def write(self) -> None:
        """Write all files, or none.

        Raises
        ------
        InputError
            If the folder cannot be written or the disk is full.
        """
        write_together(self.files)
        for path in self.replaced:
            if path not in self.files:  # of another suffix
                remove(path)


def addition(folder: Path, correction: Correction, name: str | None = None) -> Addition:
    """Prepare the files of a correction; nothing is written yet.

    An image that lies in the folder's ``images/`` keeps its name and file.

    Parameters
    ----------
    folder : Path
    correction : Correction
    name : str, optional
        Name of a new image; None: the name by `image_name`, so that equal images are
        stored only once.

    Raises
    ------
    InputError
        If the folder is neither a training set nor empty, its ``dataset.toml`` cannot
        be read or has other classes, or image and mask differ in size.
    """
    _expect_training_set(folder)
    pixels, mask = correction.pixels, correction.mask
    if pixels.shape[:2] != mask.shape:
        raise InputError(
            "Expected a mask of its image's size, "
            f"{' × '.join(map(str, pixels.shape[:2]))}, but it has "
            f"{' × '.join(map(str, mask.shape))} pixels; choose the mask of this image."
        )
    descriptor, files = _classes(folder, correction)
    values = _mask_values(descriptor, correction)
    sha256 = array_sha256(pixels)
    own = _own_file(folder, correction)
    name = own.stem if own is not None else name or image_name(sha256)
    written: dict[Path, bytes] = dict(files)
    record = {
        "name": name,
        "image_sha256": sha256,
        "mask_sha256": array_sha256(values),
        "empty": correction.empty,
        **correction.record,
    }
    text = json.dumps(record, indent=1, ensure_ascii=False) + "\n"
    written[folder / RECORDS / f"{name}.json"] = text.encode()
    images = [] if own else _of_name(folder / IMAGES, name)
    if own is None:
        suffix, data = _encoded(pixels)
        written[folder / IMAGES / f"{name}{suffix}"] = data
    written[folder / MASKS / f"{name}.png"] = _png(values)
    return Addition(
        folder,
        name,
        written,
        (*images, *_of_name(folder / MASKS, name)),
        _unlisted(folder / descriptor.splits, name),
    )


def image_name(sha256: str) -> str:
    """Name of an image in a training set, by the hash of its pixels."""
    return f"image-{sha256[:12]}"


def _expect_training_set(folder: Path) -> None:
    if not folder.is_dir():
        return
    begun = {IMAGES, MASKS, RECORDS, FILE}
    there = [path for path in entries(folder) if path.name not in begun]
    if there and not (folder / IMAGES).is_dir():
        raise InputError(
            f"Expected an empty folder, or one with {IMAGES}/ and {MASKS}/ to add to, "
            f"but {folder} holds other things; choose another one."
        )
    masks = folder / MASKS
    if masks.is_dir() and any(path.is_dir() for path in entries(masks)):
        raise InputError(
            f"The masks in {folder} lie in a folder for each class, to which a mask "
            "cannot be added here; choose another folder."
        )


def _classes(
    folder: Path, correction: Correction
) -> tuple[Descriptor, dict[Path, bytes]]:
    """Read the rules for the masks of a folder; write them for new classes."""
    descriptor = read_descriptor(folder)
    masks = folder / MASKS
    new = not (masks.is_dir() and entries(masks))
    if len(correction.classes) < 2 or descriptor.classes:
        return descriptor, {}
    if not new or (folder / FILE).is_file():
        raise InputError(
            f"This mask has the classes {', '.join(correction.classes)}, but {folder} "
            f"names none; write classes = [names] into its {FILE}, or choose another "
            "folder."
        )
    # A list of texts is the same in JSON and in TOML.
    names = json.dumps(list(correction.classes), ensure_ascii=False)
    numbers = tuple(range(1, len(correction.classes) + 1))
    own = Descriptor(classes=tuple(correction.classes), values=numbers)
    return own, {folder / FILE: f"classes = {names}\n".encode()}


def _mask_values(descriptor: Descriptor, correction: Correction) -> NDArray[np.uint8]:
    """The mask with the numbers that the folder has for its classes."""
    mask, classes = correction.mask, list(correction.classes)
    if len(classes) < 2:
        if len(descriptor.classes) > 1:
            raise InputError(
                "This mask has one class, but the folder has "
                f"{', '.join(descriptor.classes)}; choose another folder."
            )
        lesion = OTHER_LESION if descriptor.ignore == LESION else LESION
        numbers = {1: descriptor.values[0] if descriptor.values else lesion}
        mask = (mask != 0).astype(np.uint8)
    else:
        if sorted(classes) != sorted(descriptor.classes):
            raise InputError(
                f"This mask has the classes {', '.join(classes)}, but the folder has "
                f"{', '.join(descriptor.classes)}; choose another folder."
            )
        of_name = dict(zip(descriptor.classes, descriptor.values, strict=True))
        numbers = {c + 1: of_name[name] for c, name in enumerate(classes)}
        strange = sorted({int(v) for v in np.unique(mask)} - {0, *numbers})
        if strange:
            raise InputError(
                f"Expected the labels 1 to {len(classes)} in this mask, one for each "
                f"class, but it has {strange[0]} too; paint it as another label."
            )
    # 0 is background, unless it is a class.
    ground = descriptor.background[0] if 0 in descriptor.values else 0
    if not all(0 <= value <= 255 for value in (ground, *numbers.values())):
        raise InputError(
            f"The {FILE} of the folder has mask values below 0 or above 255, which an "
            "8-bit mask cannot hold; choose another folder."
        )
    table = np.full(max(numbers) + 1, ground, np.uint8)
    for number, value in numbers.items():
        table[number] = value
    values: NDArray[np.uint8] = table[mask]
    return values


def _own_file(folder: Path, correction: Correction) -> Path | None:
    """The file of the image in the training set itself, if it holds just its pixels."""
    file = correction.file
    if file is None or file.resolve().parent != (folder / IMAGES).resolve():
        return None
    try:
        same = not turned(file) and array_sha256(read_image(file)) == array_sha256(
            correction.pixels
        )
    except AttnSegError:
        return None
    return file if same else None


def _of_name(folder: Path, name: str) -> list[Path]:
    """Files of a folder that the trainer would take for those of a name."""
    if not folder.is_dir():
        return []
    return [p for p in entries(folder) if name_key(p.stem) == name_key(name)]


def _unlisted(lists: Path, name: str) -> bool:
    """Whether there are lists of names and none of them has this one."""
    found = list(lists.glob("*.txt")) + list(lists.glob("*.lst"))
    lines = [
        Path(line.strip().replace("\\", "/"))
        for path in found
        for line in decoded(path.read_bytes(), "replace").splitlines()
    ]
    named = {form for line in lines for form in (line.name, line.stem)}
    return bool(found) and name not in named


def _encoded(pixels: NDArray[np.generic]) -> tuple[str, bytes]:
    """Suffix and bytes of a file that holds just these pixels."""
    if pixels.dtype == bool:
        pixels = pixels.astype(np.uint8) * np.uint8(255)
    if pixels.dtype == np.uint8:
        return ".png", _png(pixels)
    buffer = io.BytesIO()
    colour = pixels.ndim == 3
    tifffile.imwrite(buffer, pixels, photometric="rgb" if colour else "minisblack")
    return ".tif", buffer.getvalue()


def _png(pixels: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "PNG")
    return buffer.getvalue()
