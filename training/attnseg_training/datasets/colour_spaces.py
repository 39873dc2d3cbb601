"""Find images that were saved in another colour space than the others, as if RGB."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]

#: Side of the grid on which an image is sampled.
SIDE = 16
#: So many times the limit between two groups is moved to the middle of their means.
ROUNDS = 10
#: Least number of images, and least share of them in each of both groups.
LEAST, EACH = 8, 0.15
#: Groups are at least so far apart, as shares of red and green in all light, and in
#: multiples of how far the colours of one group spread.
APART, SPREADS = 0.1, 3.0
#: Read in another space, a group lies so near to the other one, as a share of what lies
#: between them otherwise.
NEAR = 0.3
#: A group whose mean colour lies so near to grey is of grey images.
GREY = 0.02
#: Percentage of each group whose colours are left out as stray ones.
STRAY = 10


def sampled(rgb: Pixels) -> Pixels:
    """Sample an image (H, W, 3) on a small grid."""
    at = (np.arange(SIDE) + 0.5) / SIDE
    rows, columns = (np.floor(at * n).astype(int) for n in rgb.shape[:2])
    return np.asarray(rgb[np.ix_(rows, columns)])


def other_space(samples: Mapping[str, Pixels]) -> tuple[tuple[str, ...], str]:
    """Names of images in another colour space, and the name of it; empty if none.

    Images form two groups of colours, and one of them has the colours of the other once
    its numbers are read as those of that space.

    Parameters
    ----------
    samples : mapping
        Name → what `sampled` returns.
    """
    if len(samples) < LEAST:
        return (), ""
    pixels = np.stack(list(samples.values())).reshape(len(samples), -1, 3)
    colours = _colours(pixels)
    few = _smaller_group(colours)
    if few is None:
        return (), ""
    found: list[tuple[float, str, NDArray[np.bool_]]] = []
    if any(np.abs(colours[one].mean(0) - 1 / 3).max() < GREY for one in (few, ~few)):
        return (), ""
    for group in (few, ~few):
        right = colours[~group].mean(0)
        between = np.linalg.norm(colours[group].mean(0) - right)
        contrast = _contrast(pixels[~group])
        for space, read in _readings():
            as_rgb = read(pixels[group])
            away = float(np.linalg.norm(_colours(as_rgb).mean(0) - right) / between)
            # Light or stain of another colour changes both alike; a space does not.
            other = np.linalg.norm(_contrast(as_rgb) - contrast)
            if other <= NEAR * np.linalg.norm(_contrast(pixels[group]) - contrast):
                found.append((away, space, group))
    away, space, group = min(found, key=lambda one: one[0], default=(1.0, "", few))
    if away > NEAR:
        return (), ""
    return tuple(np.array(list(samples))[group].tolist()), space


def _smaller_group(colours: NDArray[np.float64]) -> NDArray[np.bool_] | None:
    """Which of the colours (n, 2) are in the smaller of two groups; None if in one."""
    centred = colours - colours.mean(0)
    axis = np.linalg.svd(centred, full_matrices=False)[2][0]
    along = centred @ axis
    cut = along.mean()
    for _ in range(ROUNDS):
        high = along > cut
        if high.all() or not high.any():
            return None
        cut = (along[high].mean() + along[~high].mean()) / 2
    high = along > cut
    few = high if np.count_nonzero(high) <= len(high) / 2 else ~high
    if np.count_nonzero(few) < EACH * len(few):
        return None
    gap = np.percentile(along[high], STRAY) - np.percentile(along[~high], 100 - STRAY)
    spread = max(along[high].std(), along[~high].std())
    return few if gap >= max(APART, SPREADS * spread) else None


def _colours(pixels: NDArray[np.generic]) -> NDArray[np.float64]:
    """Shares of red and green in all light (n, 2), of images (n, pixels, 3)."""
    mean = pixels.astype(np.float64).mean(1)
    return np.asarray(mean[:, :2] / np.maximum(mean.sum(1, keepdims=True), 1.0))


def _contrast(pixels: NDArray[np.generic]) -> NDArray[np.float64]:
    """How much each channel varies in images (n, pixels, 3), as a share of its mean."""
    each = pixels.astype(np.float64)
    return np.asarray((each.std(1) / np.maximum(each.mean(1), 1.0)).mean(0))


def _readings() -> Iterator[tuple[str, Callable[[Pixels], Pixels]]]:
    """Names of colour spaces, each with what makes RGB of its numbers."""
    turns = np.array([255 / 180, 1, 1])
    spaces: tuple[tuple[str, Callable[[Pixels], Pixels]], ...] = (
        ("HSV", lambda a: _converted(a, "HSV")),
        ("HSV", lambda a: _converted((a * turns).clip(0, 255).astype(np.uint8), "HSV")),
        ("YCbCr", lambda a: _converted(a, "YCbCr")),
        ("YCbCr", lambda a: _converted(a[..., [0, 2, 1]], "YCbCr")),
        ("LAB", _of_lab),
    )
    for space, read in spaces:
        yield space, read
        # Written by OpenCV, which puts the first channel last.
        yield space, lambda a, read=read: read(a[..., ::-1])  # type: ignore[misc]


def _converted(pixels: Pixels, space: str) -> Pixels:
    image = Image.fromarray(np.ascontiguousarray(pixels), space)
    return np.asarray(image.convert("RGB"))


def _of_lab(pixels: Pixels) -> Pixels:
    """RGB of CIE L*a*b* in 8 bits: L times 2.55, and a and b plus 128 (D65)."""
    lightness, a, b = np.moveaxis(pixels.astype(np.float64), -1, 0)
    y = (lightness / 2.55 + 16) / 116
    root = np.stack([y + (a - 128) / 500, y, y - (b - 128) / 200], -1)
    linear = np.where(root > 6 / 29, root**3, 3 * (6 / 29) ** 2 * (root - 4 / 29))
    xyz = linear * np.array([0.9505, 1.0, 1.089])
    to_rgb = np.array(
        [[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.204, 1.057]]
    )
    rgb = (xyz @ to_rgb.T).clip(0, 1)
    shown = np.where(rgb <= 0.0031308, 12.92 * rgb, 1.055 * rgb ** (1 / 2.4) - 0.055)
    return np.asarray((shown * 255).round().astype(np.uint8))
