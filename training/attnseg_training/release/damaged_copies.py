"""Make damaged copies of images and masks, which are harder to segment.

Each function takes an image (1, 3, S, S) in [0, 1], its mask (1, 1, S, S), which is NaN
where pixels are ignored, and a random generator. It returns a new image and a new mask.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from attnseg_training.transforms import blur

Pair = tuple[Tensor, Tensor]
Copy = Callable[[Tensor, Tensor, np.random.Generator], Pair]
#: Rows and columns of a part of an image: top, left, height, width.
Box = tuple[int, int, int, int]
#: A corner counts as a frame without a lesion from this share of the frame on.
CORNER = 0.4
#: Pixels between such a corner and the lesion, as a share of the side.
GAP = 0.01


def _seen(change: Callable[[Tensor, np.random.Generator], Tensor]) -> Copy:
    """A copy whose mask stays."""
    return lambda image, mask, rng: (change(image, rng).clamp(0, 1), mask)


def _noisy(image: Tensor, sd: float, rng: np.random.Generator) -> Tensor:
    drawn = torch.from_numpy(rng.standard_normal(image.shape, dtype=np.float32))
    return image + sd * drawn.to(image.device)


def _blurred(image: Tensor, share: float) -> Tensor:
    return blur(image, share * image.shape[-1])


def _jpeg(image: Tensor, quality: int) -> Tensor:
    pixels = (image[0].permute(1, 2, 0).cpu().numpy() * 255).round().astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    back = torch.from_numpy(np.array(Image.open(file))).permute(2, 0, 1)[None]
    return back.float().to(image.device) / 255


def _moved(image: Tensor, pixels: int) -> Tensor:
    """Motion blur along the diagonal."""
    n = 2 * (pixels // 2) + 1
    kernel = torch.eye(n, device=image.device).expand(3, 1, n, n) / n
    return F.conv2d(F.pad(image, (n // 2,) * 4, mode="replicate"), kernel, groups=3)


def _highlights(image: Tensor, rng: np.random.Generator) -> Tensor:
    side = image.shape[-1]
    rows, columns = np.mgrid[:side, :side]
    bright = np.zeros((side, side), bool)
    for _ in range(12):
        (row, column), (a, b) = rng.uniform(0, side, 2), rng.uniform(0.015, 0.06, 2)
        where = ((rows - row) / (a * side)) ** 2 + (
            (columns - column) / (b * side)
        ) ** 2
        bright |= where < 1
    return image.masked_fill(torch.from_numpy(bright).to(image.device), 1.0)


def _occluded(image: Tensor, mask: Tensor, rng: np.random.Generator) -> Pair:
    """A dark rectangle; what it hides belongs to no mask."""
    side = image.shape[-1]
    height, width = (rng.uniform(0.35, 0.65, 2) * side).astype(int)
    top, left = rng.integers(side - height), rng.integers(side - width)
    image, mask, shade = image.clone(), mask.clone(), image.mean((2, 3), keepdim=True)
    image[..., top : top + height, left : left + width] = shade / 2
    mask[..., top : top + height, left : left + width] = 0
    return image, mask


def _cropped(share: float) -> Copy:
    """A part of the image, enlarged, with some of the lesion in it where possible."""

    def crop(image: Tensor, mask: Tensor, rng: np.random.Generator) -> Pair:
        side = image.shape[-1]
        n = int(share * side)
        box: Box = (0, 0, n, n)
        for _ in range(100):
            top, left = (int(v) for v in rng.integers(side - n + 1, size=2))
            box = (top, left, n, n)
            if float(mask[..., top : top + n, left : left + n].nanmean()) > 0.02:
                break
        return window(image, mask, box)

    return crop


def _small(image: Tensor, mask: Tensor, rng: np.random.Generator) -> Pair:
    """The image at 0.4 of its size in a black frame."""
    side = image.shape[-1]
    n = int(0.4 * side)
    at = slice((side - n) // 2, (side - n) // 2 + n)
    small, truth = torch.zeros_like(image), torch.zeros_like(mask)
    small[..., at, at] = F.interpolate(image, (n, n), mode="bilinear", antialias=True)
    truth[..., at, at] = F.interpolate(mask, (n, n))
    return small.clamp(0, 1), truth


def window(image: Tensor, mask: Tensor, box: Box) -> Pair:
    """Enlarge a part of image and mask to their full size."""
    top, left, height, width = box
    rows, columns = slice(top, top + height), slice(left, left + width)
    size = (image.shape[-2], image.shape[-1])
    part = F.interpolate(image[..., rows, columns], size, mode="bilinear")
    return part.clamp(0, 1), F.interpolate(mask[..., rows, columns], size)


def without_lesion(mask: Tensor) -> Box | None:
    """Largest rectangle beside, above or below a mask; None below `CORNER`."""
    marked = (mask[0, 0] != 0).cpu().numpy()  # NaN too
    side = marked.shape[-1]
    rows, columns = np.flatnonzero(marked.any(1)), np.flatnonzero(marked.any(0))
    if not len(rows):
        return (0, 0, side, side)
    gap = max(1, round(GAP * side))
    above, left = int(rows[0]) - gap, int(columns[0]) - gap
    below, right = int(rows[-1]) + 1 + gap, int(columns[-1]) + 1 + gap
    boxes: list[Box] = [
        (0, 0, above, side),
        (below, 0, side - below, side),
        (0, 0, side, left),
        (0, right, side, side - right),
    ]
    best = max(boxes, key=lambda box: max(box[2], 0) * max(box[3], 0))
    large = best[2] > 0 and best[3] > 0 and best[2] * best[3] >= CORNER * side**2
    return best if large else None


#: Name → copy.
COPIES: dict[str, Copy] = {
    "slightly blurred": _seen(lambda x, rng: _blurred(x, 0.01)),
    "blurred": _seen(lambda x, rng: _blurred(x, 0.025)),
    "strongly blurred": _seen(lambda x, rng: _blurred(x, 0.05)),
    "moved": _seen(lambda x, rng: _moved(x, x.shape[-1] // 10)),
    "slightly noisy": _seen(lambda x, rng: _noisy(x, 0.1, rng)),
    "noisy": _seen(lambda x, rng: _noisy(x, 0.3, rng)),
    "very noisy": _seen(lambda x, rng: _noisy(x, 0.6, rng)),
    "dark": _seen(lambda x, rng: 0.4 * x),
    "very dark": _seen(lambda x, rng: (0.12 * x * 255).round() / 255),
    "overexposed": _seen(lambda x, rng: 2.2 * x),
    "low contrast": _seen(lambda x, rng: torch.lerp(x.mean().expand_as(x), x, 0.25)),
    "jpeg": _seen(lambda x, rng: _jpeg(x, 8)),
    "highlights": _seen(_highlights),
    "grey": _seen(lambda x, rng: x.mean(1, keepdim=True).expand(-1, 3, -1, -1)),
    "green": _seen(
        lambda x, rng: x * x.new_tensor([0.55, 1.15, 1.1]).reshape(1, 3, 1, 1)
    ),
    "red and blue exchanged": _seen(lambda x, rng: x.flip(1)),
    "dark, blurred and noisy": _seen(
        lambda x, rng: _noisy(_blurred(0.35 * x, 0.012), 0.08, rng)
    ),
    "occluded": _occluded,
    "half the side": _cropped(0.5),
    "a third of the side": _cropped(0.3),
    "small in a black frame": _small,
}
