"""Masks of three objects as arrays, and files of each kind that hold them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

H, W = 60, 80
Y, X = np.mgrid[:H, :W]


def objects() -> np.ndarray:
    """Object numbers (H, W): three discs, two of which touch, and one at the border."""
    labels = np.zeros((H, W), np.uint8)
    for number, (y, x, r) in enumerate([(20, 20, 9), (20, 35, 8), (50, 76, 8)], 1):
        labels[((Y - y) ** 2 + (X - x) ** 2 < r * r) & (labels == 0)] = number
    return labels


LABELS = objects()
TRUTH = LABELS > 0
WHITE = TRUTH.astype(np.uint8) * 255
COLOURS = np.array([(0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255)], np.uint8)


def soft(top: int = 255) -> np.ndarray:
    """A mask with an edge of many levels."""
    large = Image.fromarray(WHITE).resize((4 * W, 4 * H), Image.Resampling.BILINEAR)
    small = large.resize((W, H), Image.Resampling.BOX)
    return (np.asarray(small).astype(float) * top / 255).round().astype(np.uint8)


def photo() -> np.ndarray:
    """A picture: a bright blob on noisy tissue with a gradient."""
    noise = np.random.default_rng(0).normal(0, 9, (H, W, 3))
    light = 60 + X[..., None] + 0.5 * Y[..., None] * np.array([1, 0.5, 0.4])
    return (light + noise + 60 * TRUTH[..., None]).clip(0, 255).astype(np.uint8)


def rgba(colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    picture = np.zeros((H, W, 4), np.uint8)
    picture[..., :3], picture[..., 3] = colour, alpha
    return picture


def palette(index: np.ndarray, colours: list[tuple[int, int, int]]) -> Image.Image:
    image = Image.fromarray(index.astype(np.uint8))
    image = image.convert("P") if image.mode != "P" else image
    image = Image.frombytes("P", (W, H), index.astype(np.uint8).tobytes())
    image.putpalette([v for colour in colours for v in colour])
    return image


def png(values: np.ndarray | Image.Image) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        image = values if isinstance(values, Image.Image) else Image.fromarray(values)
        image.save(folder / "m.png")
        return folder / "m.png"

    return write


def jpeg(values: np.ndarray, quality: int = 75) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        Image.fromarray(values).save(folder / "m.jpg", quality=quality)
        return folder / "m.jpg"

    return write


def tiff(values: np.ndarray, **options: object) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        tifffile.imwrite(folder / "m.tif", values, **options)
        return folder / "m.tif"

    return write


def pillow_tiff(values: np.ndarray, **options: object) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        Image.fromarray(values).save(folder / "m.tif", **options)
        return folder / "m.tif"

    return write


def frames(suffix: str, *pages: np.ndarray) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        first, *others = [Image.fromarray(page) for page in pages]
        options = {"save_all": True, "append_images": others, "lossless": True}
        first.save(folder / f"m{suffix}", **options)
        return folder / f"m{suffix}"

    return write


VOID = np.where(TRUTH, LABELS > 0, 0).astype(np.uint8)
VOID[(Y - 50) ** 2 + (X - 40) ** 2 < 30] = 255
shifted = np.roll(WHITE, 3, 1)
