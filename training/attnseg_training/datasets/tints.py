"""Find images in which lesions were tinted, or what lies around them was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

#: Pixels from an outline at which colours of both sides are compared, and those farther
#: off that give the slope there. Outlines blur over one pixel, and chroma over two.
NEAR, FAR = 1, 4
#: So many places of an outline are enough, and about so many are looked at.
PLACES, MOST = 30, 800
#: An image counts if the step has so many levels of 255, the colours of both sides are
#: alike but for it (correlation), and it is in so large a share of the places.
LEVELS, ALIKE, SHARE = 6.0, 0.3, 0.75
#: It is at least the first share of the whole slope, which objects that are out of
#: focus spread over more pixels (as JPEG does a little), if colours inside differ at
#: most the second number of times as much as those outside. Beside nuclei that shine on
#: black there is but their glow; where all around lesions was made darker, it is sharp.
SHARP = ((0.45, 1.3), (0.7, 3.0))
#: Steps of one set go in one direction up to this cosine.
DIRECTION = 0.7
#: So many images are no chance, and this share. In Kvasir-SEG's 880 it is 0.01.
FEW, IMAGES = 4, 0.2

Step = tuple[float, float, float]


def tint_of(rgb: NDArray[np.uint8], lesion: NDArray[np.bool_]) -> Step | None:
    """Direction of a sharp step of colour along the outline; None if there is none.

    A tint leaves the texture of the image: colours on both sides of an outline stay
    alike but for one step. Real lesions have soft slopes, which are subtracted.

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
    """Names of the images whose steps go in one direction, if they are no chance."""
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
    """Pixels inside along an outline, and the way out; with room on both sides."""
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
    """Mean correlation of the channels (n, 3); 0 for one of a single value."""
    one, other = one - one.mean(0), other - other.mean(0)
    spread = np.sqrt((one**2).mean(0) * (other**2).mean(0))
    each = np.where(spread > 0, (one * other).mean(0) / np.maximum(spread, 1e-6), 0)
    return float(each.mean())
