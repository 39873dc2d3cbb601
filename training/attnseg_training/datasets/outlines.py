"""Recognise masks of which only outlines are drawn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import (
    binary_erosion,
    distance_transform_edt,
    find_objects,
    label,
)

from attnseg_training.datasets.crops import cropped

#: A line is at most twice so many pixels thick.
LINE = 2
#: A gap in an outline is at most twice this share of its length.
GAP = 0.05
#: What an outline encloses is at least this share of its length squared; a circle
#: encloses 0.05, if its length is counted along rows and columns.
ENCLOSED = 0.02
#: Share of an outline that lies along what it encloses; vessels have branches.
AROUND = 0.8
#: So many pieces of lines are looked at, each at least so many pixels long.
PIECES, LONG = 20, 16


def is_outlined(lesion: NDArray[np.bool_]) -> bool:
    """Whether most of a lesion consists of rings around a larger inside.

    A ring may have gaps, if it is a thin line. Vessels and membranes enclose many small
    areas and do not count. A ring that is not a thin line, such as a muscle around a
    cavity, counts only if its area is at most half of that of its inside.

    Parameters
    ----------
    lesion : ndarray of bool, shape (H, W)
    """
    box = cropped(lesion)
    if box.size == 0:
        return False
    inner = np.pad(box, 1)
    holes, count = label(~inner)  # 4-neighbours: a thin outline is closed for them
    if count < 2:
        return _is_open(inner)
    pieces, _ = label(inner, np.ones((3, 3)))
    areas = np.bincount(pieces.ravel())
    sizes = np.bincount(holes.ravel())
    first = np.zeros(count + 1, np.int64)
    first[holes.ravel()[::-1]] = np.arange(inner.size)[::-1]
    largest = np.zeros_like(areas)
    outside = holes[0, 0]
    for hole in range(1, count + 1):
        if hole != outside:
            # Above the first pixel of a hole is what encloses it.
            around = pieces.ravel()[first[hole] - inner.shape[1]]
            largest[around] = max(largest[around], sizes[hole])
    thick = binary_erosion(inner, np.ones((2 * LINE + 1, 2 * LINE + 1)))
    least = np.where(np.bincount(pieces[thick], minlength=len(areas)), 2 * areas, areas)
    rings = areas[1:][largest[1:] >= least[1:]].sum()
    return bool(2 * rings > areas[1:].sum()) or _is_open(inner)


def _is_open(lesion: NDArray[np.bool_]) -> bool:
    """Whether most of a lesion, or all of it, are thin rings that have a gap."""
    area = np.count_nonzero(lesion)
    if area > 2 * LINE * _length(lesion):
        return False
    pieces, _ = label(lesion, np.ones((3, 3)))
    areas = np.bincount(pieces.ravel())[1:]
    boxes = find_objects(pieces)
    rings = 0
    for k in np.argsort(areas)[::-1][:PIECES].tolist():
        piece = pieces[boxes[k]] == k + 1
        if areas[k] <= 2 * LINE * _length(piece) and _nearly_encloses(piece):
            rings += int(areas[k])
    return bool(2 * rings > area) or _nearly_encloses(lesion)


def _length(line: NDArray[np.bool_]) -> int:
    """Length of a thin line along rows and columns."""
    padded = np.pad(line, 1)
    edge = int(np.count_nonzero(padded[1:] != padded[:-1]))
    edge += int(np.count_nonzero(padded[:, 1:] != padded[:, :-1]))
    return edge // 2


def _nearly_encloses(line: NDArray[np.bool_]) -> bool:
    """Whether a line encloses much once its gaps are closed."""
    length = _length(line)
    if length < LONG or line.size < ENCLOSED * length**2:
        return False
    widest = int(np.ceil(GAP * length))
    apart = distance_transform_edt(~np.pad(line, widest + 1))
    width = 1
    while True:
        gaps, _ = label(apart > width)
        sizes = np.bincount(gaps.ravel())
        sizes[[0, gaps[0, 0]]] = 0
        if sizes.max() > 0:
            beyond = distance_transform_edt(gaps != sizes.argmax())
            enclosed = np.count_nonzero(beyond <= width)
            around = np.count_nonzero((apart == 0) & (beyond <= width + 2 * LINE + 1))
            large = enclosed >= ENCLOSED * length**2
            if large and around >= AROUND * np.count_nonzero(line):
                return True
        if width == widest:
            return False
        width = min(width + (width + 1) // 2, widest)
