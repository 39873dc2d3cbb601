"""Augmentation on the device; its random parameters are drawn on the CPU.

Every draw depends only on numbers (seed, image, view), so that a resumed run and an
uninterrupted one use the same images.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

NDMatrix = NDArray[np.float64]
#: Weights of R, G, B in grey.
LUMA = (0.299, 0.587, 0.114)


class Geometry(NamedTuple):
    """One affine warp per image, from output to input coordinates in [-1, 1]."""

    matrix: Tensor  # (N, 2, 3)


class Colour(NamedTuple):
    """One 3×4 colour matrix, blur and noise level per image, RGB in [0, 1]."""

    matrix: Tensor  # (N, 3, 4)
    blur: Tensor  # (N,) Gaussian sigma in pixels, 0 for none
    noise: Tensor  # (N,) standard deviation, 0 for none
    seeds: list[int]  # N, of each image's noise


def draw_geometry(rng: np.random.Generator, most: float = 1.4) -> NDMatrix:
    """Flip, rotation, scale, shift and shear of one image, as a 2×3 matrix.

    Half of the images are rotated by up to 180°, because endoscopic images have no
    fixed top. The scale lies between `most` and its inverse, the shift is up to 12 %,
    the shear up to 8°, and both flips have probability one half.
    """
    angle = rng.uniform(-math.pi, math.pi) if rng.random() < 0.5 else 0.0
    scale = math.exp(rng.uniform(-math.log(most), math.log(most)))
    shear = math.tan(math.radians(rng.uniform(-8, 8)))
    flip = np.diag(rng.choice([-1.0, 1.0], 2))
    turn = np.array(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    )
    linear = turn @ np.array([[1.0, shear], [0.0, 1.0]]) @ flip / scale
    return np.concatenate([linear, rng.uniform(-0.24, 0.24, (2, 1))], axis=1)


def draw_colour(rng: np.random.Generator) -> tuple[NDMatrix, float, float]:
    """Draw brightness, contrast, saturation, hue, blur and noise for one image."""
    saturation, contrast = rng.uniform(0.6, 1.4), rng.uniform(0.7, 1.3)
    brightness, hue = rng.uniform(-0.12, 0.12), rng.uniform(-0.05, 0.05)
    grey = np.tile(np.array(LUMA), (3, 1))
    saturate = saturation * np.eye(3) + (1 - saturation) * grey
    # A small hue turn: rotation of the colour cube about its grey diagonal.
    c, s = math.cos(2 * math.pi * hue), math.sin(2 * math.pi * hue)
    third, root = (1 - c) / 3, s / math.sqrt(3)
    turn = np.full((3, 3), third) + np.eye(3) * c
    turn += root * np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]])
    linear = contrast * (turn @ saturate)
    # Contrast about mid-grey; the matrices before it leave grey where it is.
    offset = np.full((3, 1), 0.5 * (1 - contrast) + brightness)
    blur = rng.uniform(0.5, 2.0) if rng.random() < 0.2 else 0.0
    noise = rng.uniform(0.01, 0.04) if rng.random() < 0.2 else 0.0
    return np.concatenate([linear, offset], axis=1), blur, noise


def geometry(seeds: list[tuple[int, ...]], most: float = 1.4) -> Geometry:
    """Draw one warp per image from its seed numbers; the scale is at most `most`."""
    drawn = [draw_geometry(np.random.default_rng((0, *s)), most) for s in seeds]
    return Geometry(torch.from_numpy(np.stack(drawn)).float())


def colour(seeds: list[tuple[int, ...]]) -> Colour:
    """Draw one colour change per image from its seed numbers."""
    drawn = [draw_colour(np.random.default_rng((1, *s))) for s in seeds]
    matrix, blur, noise = zip(*drawn, strict=True)
    return Colour(
        torch.from_numpy(np.stack(matrix)).float(),
        torch.tensor(blur),
        torch.tensor(noise),
        [int(np.random.default_rng((2, *s)).integers(2**31)) for s in seeds],
    )


def warp(images: Tensor, geometry: Geometry) -> Tensor:
    """Warp float maps (N, C, H, W); values outside the image are 0."""
    matrix = geometry.matrix.to(images.device)
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", align_corners=False)


def recolour(images: Tensor, colour: Colour) -> Tensor:
    """Change the colours of RGB (N, 3, H, W) in [0, 1]; clips the result to [0, 1]."""
    matrix = colour.matrix.to(images.device)
    out = torch.einsum("nij,njhw->nihw", matrix[:, :, :3], images)
    out = (out + matrix[:, :, 3, None, None]).clamp(0, 1)
    for i in torch.nonzero(colour.blur).flatten().tolist():
        out[i : i + 1] = blur(out[i : i + 1], float(colour.blur[i]))
    for i in torch.nonzero(colour.noise).flatten().tolist():
        # One for each image: a view is the same in whichever batch it is drawn.
        generator = torch.Generator(out.device).manual_seed(colour.seeds[i])
        noise = torch.randn(out[i].shape, generator=generator, device=out.device)
        out[i] = (out[i] + colour.noise[i] * noise).clamp(0, 1)
    return out


def blur(image: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of RGB (N, 3, H, W) with `sigma` in pixels."""
    radius = math.ceil(3 * sigma)
    x = torch.arange(-radius, radius + 1, device=image.device, dtype=image.dtype)
    kernel = torch.exp(-0.5 * (x / sigma) ** 2)
    kernel = (kernel / kernel.sum()).repeat(3, 1, 1)
    image = F.pad(image, (radius,) * 4, mode="replicate")
    image = F.conv2d(image, kernel[:, :, None, :], groups=3)
    return F.conv2d(image, kernel[:, :, :, None], groups=3)
