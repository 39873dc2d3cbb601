"""Mask files of every kind → one plane of 0 and 1 per class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from attnseg_training.datasets.nifti import is_nifti, read_nifti
from napari_attnseg.errors import InputError

LOSSY = (".jpg", ".jpeg")
Values = NDArray[Any]


def read_values(path: Path) -> Values:
    """What is stored in a mask file: (H, W) numbers.

    A palette index is a class, unless the colours in use are greys that differ: then
    it is a grey picture that was saved with a palette, in any order.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    if is_nifti(path):
        return read_nifti(path)
    try:
        with Image.open(path) as file:
            if file.mode in ("P", "1"):
                return _palette_values(file)
            # Numbers of more than 8 bits are kept: "L" would cut them at 255.
            wide = file.mode[0] in "IF"
            return np.asarray(file if wide else file.convert("L"))
    # The decoders raise many kinds for a damaged file; each means the same to a user.
    except Exception as error:
        raise InputError(
            f"The mask {path.name} cannot be read ({error}); expected a PNG, JPEG or "
            "TIFF image: replace it."
        ) from error


def _palette_values(file: Image.Image) -> Values:
    index = np.asarray(file)
    if file.mode == "1":
        return index
    colours = np.asarray(file.convert("RGB"))
    grey = colours[..., 0]
    if not (colours == grey[..., None]).all():
        return index
    # As many greys as indices: nothing gets lost by taking the greys.
    same = len(np.unique(grey)) == len(np.unique(index))
    return grey if same else index


def read_mask(path: Path) -> NDArray[np.uint8]:
    """Mask file of one class → uint8 (H, W) of 0 and 1; see `foreground`."""
    return foreground(read_values(path), path.suffix.lower() in LOSSY)


def foreground(values: Values, lossy: bool = False) -> NDArray[np.uint8]:
    """Numbers of a mask of one class → uint8 (H, W) of 0 and 1.

    Masks of 0/1 and of 0/255 both read right; above 127 is foreground where values
    exceed 1, so that JPEG masks lose their ringing, and above half of the largest where
    they exceed 255. Two other values, 0 and 38 for example, are background and
    foreground, but not in a `lossy` file.
    """
    top = values.max()
    cut = (0 if values.dtype.kind in "bui" else 0.5) if top <= 1 else 127
    if top > 255:
        cut = top / 2
    mask = values > cut
    if not lossy and 1 < top <= cut:
        found = np.unique(values)
        if len(found) == 2 and found[0] == 0:
            mask = values > 0
    return mask.astype(np.uint8)


def planes(values: Values, classes: tuple[int, ...], name: str) -> NDArray[np.uint8]:
    """Label values → uint8 (classes, H, W) of 0 and 1.

    Parameters
    ----------
    values : ndarray, shape (H, W)
        0 is background.
    classes : tuple of int
        Value of each class.
    name : str
        Of the file, for messages.

    Raises
    ------
    InputError
        If there are other values: a class that nobody named would vanish.
    """
    found = np.unique(values)
    others = [v for v in found.tolist() if v and v not in classes]
    if others:
        shown = ", ".join(f"{v:g}" for v in others[:5]) + (" …" if others[5:] else "")
        hint = (
            "JPEG changes label values: export it as PNG"
            if Path(name).suffix.lower() in LOSSY
            else "export it so, or give the values in dataset.toml: "
            "classes = {name = value, …}"
        )
        raise InputError(
            f"Expected the values 0 and {', '.join(map(str, classes))} in the mask "
            f"{name}, found also {shown}; {hint}."
        )
    return np.stack([values == v for v in classes]).astype(np.uint8)
