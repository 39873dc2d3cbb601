"""A data set of drawn masks, and what is found in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from attnseg_training.datasets.check import check

H, W = 60, 80
Y, X = np.mgrid[:H, :W]


def disc(y: int, x: int, r: int) -> np.ndarray:
    return (Y - y) ** 2 + (X - x) ** 2 < r * r


def photo(number: int) -> np.ndarray:
    """A picture that no two numbers share."""
    wave = 100 + 50 * np.sin(Y / (5 + 4 * number)) + 40 * np.cos(X / (4 + 5 * number))
    return np.dstack([wave, 0.8 * wave, 0.6 * wave]).astype(np.uint8)


def save(file: Path, mask: np.ndarray, orientation: int = 1) -> None:
    if mask.dtype.kind == "f":
        tifffile.imwrite(file.with_suffix(".tif"), mask)
        return
    exif = Image.Exif()
    if orientation > 1:
        exif[274] = orientation
    Image.fromarray(mask).save(file, exif=exif)


def folder(
    root: Path,
    mask: Callable[[int], np.ndarray],
    *,
    orientation: int = 1,
    toml: str = "",
    suffix: str = ".png",
    count: int = 3,
) -> Path:
    """A data set of a few images; `mask` draws that of each number."""
    for name in ("images", "masks"):
        (root / name).mkdir(parents=True)
    for i in range(count):
        save(root / "images" / f"a{i}.png", photo(i), orientation)
        save(root / "masks" / f"a{i}{suffix}", mask(i))
    if toml:
        (root / "dataset.toml").write_text(toml)
    return root


def found(root: Path) -> dict[str, list[str]]:
    """Kind of finding → names."""
    names: dict[str, list[str]] = {}
    report = check(root)
    for kind, name, _ in report.found:
        names.setdefault(kind, []).append(name)
    for hint in report.questions:
        assert str(hint.rule) not in names
        names[str(hint.rule)] = list(hint.names)
    return names


def nested(i: int) -> np.ndarray:
    organ, tumour = disc(30, 30 + 5 * i, 16), disc(30, 28 + 5 * i, 6)
    return organ.astype(np.uint8) + tumour.astype(np.uint8)
