"""Find images in which the lesions, or their surroundings, were tinted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

#: Distance from an outline, in pixels, at which the colours of both sides are
#: compared, and a larger one that gives the slope there. Outlines blur over one pixel,
#: chroma over two.
NEAR, FAR = 1, 4
#: Least number of places of an outline, and about the largest that is examined.
PLACES, MOST = 30, 800
#: An image counts if the step has at least so many levels of 255, the colours of both
#: sides correlate at least so much, and at least this share of the places has the step.
LEVELS, ALIKE, SHARE = 6.0, 0.3, 0.75
#: Pairs of limits, one of which has to hold: the step is at least the first number as a
#: share of the whole slope, and the colours inside vary at most the second number of
#: times as much as those outside. The slope of objects out of focus covers more pixels,
#: so that the share is smaller (JPEG lowers it a little). Nuclei that shine on black
#: have only a glow beside them; where everything around lesions was made darker, the
#: step is sharp.
SHARP = ((0.45, 1.3), (0.7, 3.0))
#: Least cosine between a step and the mean step of the set.
DIRECTION = 0.7
#: A hint is given for more images than this number, and more than this share; of
#: Kvasir-SEG's 880 images, the share is 0.01.
FEW, IMAGES = 4, 0.2

Step = tuple[float, float, float]


def tint_of(rgb: NDArray[np.uint8], lesion: NDArray[np.bool_]) -> Step | None:
    """Direction of a sharp step of colour along an outline; None if there is none.

    A tint does not change the texture of the image: colours on both sides of the
    outline stay alike except for one step. Real lesions have soft slopes, which are
    subtracted.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (H, W, 3)
    lesion : ndarray of bool, shape (H, W)

    Returns
    -------
    tuple of float or None
        Red, green and blue of a vector of length 1, from outside to inside.
    """
    parts = list(_places(lesion))
    if sum(len(y) for y, *_ in parts) < PLACES:
        return None
    sides = [
        np.concatenate([rgb[y + dy * k, x + dx * k] for y, x, dy, dx in parts]).astype(
            np.float32
        )
        for k in (-NEAR, -FAR, NEAR + 1, FAR + 1)
    ]
    inside, deeper, outside, beyond = sides
    steps = inside - outside - ((deeper - inside) + (outside - beyond)) / 2
    mean = steps.mean(0)
    size = float(np.linalg.norm(mean))
    if size < LEVELS or (steps @ mean > 0).mean() < SHARE:
        return None
    whole = float(np.linalg.norm((deeper - beyond).mean(0)))
    share = float(np.linalg.norm((inside - outside).mean(0))) / max(whole, 1e-6)
    contrast = float(inside.std(0).mean()) / max(float(outside.std(0).mean()), 1e-6)
    if not any(share >= least and contrast <= most for least, most in SHARP):
        return None
    if _correlation(inside, outside) < ALIKE:
        return None
    red, green, blue = (mean / size).tolist()
    return red, green, blue


def tinted(steps: Mapping[str, Step], total: int) -> tuple[str, ...]:
    """Names of the images whose steps have one direction; empty if few have one."""
    if not steps:
        return ()
    each = np.array(list(steps.values()))
    mean = each.mean(0)
    alike = each @ mean > DIRECTION * np.linalg.norm(mean)
    names = tuple(name for name, same in zip(steps, alike, strict=True) if same)
    return names if len(names) > max(FEW, IMAGES * total) else ()


def _places(
    lesion: NDArray[np.bool_],
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp], int, int]]:
    """Pixels inside along an outline: rows, columns and the step (y, x) outwards.

    Only pixels with enough room on both sides of the outline.
    """
    across, down = lesion[:, 1:] != lesion[:, :-1], lesion[1:] != lesion[:-1]
    height, width = lesion.shape
    for edges, step_y, step_x in ((across, 0, 1), (down, 1, 0)):
        before_y, before_x = np.nonzero(edges)
        every = len(before_y) // (MOST // 2) + 1
        before_y, before_x = before_y[::every], before_x[::every]
        out = lesion[before_y, before_x]
        for sign, chosen in ((1, out), (-1, ~out)):
            dy, dx = sign * step_y, sign * step_x
            y = before_y[chosen] + (dy < 0)
            x = before_x[chosen] + (dx < 0)
            room_y, room_x = step_y * (FAR + 1), step_x * (FAR + 1)
            there = (y >= room_y) & (y < height - room_y)
            there &= (x >= room_x) & (x < width - room_x)
            y, x = y[there], x[there]
            clear = np.ones(len(y), bool)
            for k in range(1, FAR + 1):
                clear &= lesion[y - dy * k, x - dx * k]
                clear &= ~lesion[y + dy * (k + 1), x + dx * (k + 1)]
            yield y[clear], x[clear], dy, dx


def _correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Mean correlation of the channels (n, 3); a constant channel counts as 0."""
    one, other = one - one.mean(0), other - other.mean(0)
    spread = np.sqrt((one**2).mean(0) * (other**2).mean(0))
    each = np.where(spread > 0, (one * other).mean(0) / np.maximum(spread, 1e-6), 0)
    return float(each.mean())
