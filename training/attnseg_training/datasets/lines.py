"""Recognise masks of thin lines: brush strokes in lesions, diameters, centre lines."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import convolve, find_objects, label

from attnseg_training.datasets.crops import cropped

Plane = NDArray[np.bool_]

#: Largest width of a line, in pixels or as a share of the shorter side of a mask.
WIDTH, SHARE = 3.0, 0.03
#: Least length of a line, in widths.
LONG = 6.0
#: Least number of branches of a network of vessels, and least size of its bounding
#: box, as a share of both sides of the mask.
BRANCHES, SPAN = 10, 0.5
_AROUND = np.ones((3, 3), int)


def is_lines(lesion: Plane) -> bool:
    """Whether most of a lesion consists of thin lines that form no network.

    Strokes may cross and lie side by side. Networks of vessels have many branches and
    reach across the image.

    Parameters
    ----------
    lesion : ndarray of bool, shape (H, W)
    """
    from skimage.morphology import skeletonize

    box = cropped(lesion)
    if box.size == 0:
        return False
    padded = np.pad(box, 1)
    area, widest = np.count_nonzero(box), max(WIDTH, SHARE * min(lesion.shape))
    # Half of its outline along rows and columns is at least as long as a line.
    ends = np.count_nonzero(padded[1:] != padded[:-1])
    ends += np.count_nonzero(padded[:, 1:] != padded[:, :-1])
    if area > widest * ends / 2:
        return False
    middle = skeletonize(padded)
    pieces, count = label(padded, _AROUND)
    areas = np.bincount(pieces.ravel(), minlength=count + 1)[1:]
    lengths = _lengths(middle, pieces, count)
    widths = areas / lengths
    thin = (widths <= widest) & (lengths >= LONG * widths)
    if 2 * areas[thin].sum() <= area:
        return False
    return not _is_network(middle, lesion.shape)


def _lengths(middle: Plane, pieces: NDArray[np.int32], count: int) -> NDArray[Any]:
    """Length of the thinned lines of each piece, in pixels, plus one."""
    found = np.ones(count + 1)
    for y, x in ((0, 1), (1, 0), (1, 1), (1, -1)):
        to = np.roll(middle, (-y, -x), (0, 1))
        step = middle & to
        if y and x:  # unless there is a way around the corner
            step &= ~np.roll(middle, -y, 0) & ~np.roll(middle, -x, 1)
        found += np.bincount(pieces[step], minlength=count + 1) * np.hypot(y, x)
    return found[1:]


def _is_network(middle: Plane, shape: tuple[int, ...]) -> bool:
    """Whether thinned lines branch often within a piece that reaches far."""
    pieces, _ = label(middle, _AROUND)
    for k, box in enumerate(find_objects(pieces), start=1):
        sides = [part.stop - part.start for part in box]
        if any(a < SPAN * b for a, b in zip(sides, shape, strict=True)):
            continue
        own = pieces[box] == k
        beside = convolve(own.astype(int), _AROUND, mode="constant") - 1
        _, branches = label(own & (beside > 2), _AROUND)
        if branches >= BRANCHES:
            return True
    return False
