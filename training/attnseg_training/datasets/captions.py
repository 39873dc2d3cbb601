"""Recognise masks into which text was drawn, such as a caption beside each lesion."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects

#: Letters are at least so many pixels high, and at most this share of the shorter side.
HEIGHT, SHARE = 5, 0.15
#: A row has at least so many letters, or so many digits, which have the same height. A
#: mask of more pieces than `PIECES` shows cells.
LETTERS, DIGITS, PIECES = 4, 3, 400
#: Lowest and largest height of a letter, as a share of the height of the first one in
#: its row; largest width of a letter, or of some that touch, in heights.
HEIGHTS, WIDTH = (0.65, 1.55), 4.0
#: Largest gap between letters, and largest distance of their ends from one line, as
#: shares of the height; this share of the letters ends on that line.
GAP, LINE, ON_LINE = 1.0, 0.1, 0.6
#: Letters are lines: they fill at most this share of their boxes, and are at most so
#: thick, as a share of their height.
FILLED, THIN = 0.7, 0.25
#: Of all pieces that are as large as letters, at least this share is in such rows.
IN_ROWS = 0.5


def has_text(pieces: NDArray[np.int32], areas: NDArray[np.int64]) -> bool:
    """Whether pieces of a mask lie in a row and look like letters.

    Letters are about as high as those beside them, end on one line, and are made of
    thin lines. Cells in a row do not have these properties.

    Parameters
    ----------
    pieces : ndarray of int, shape (H, W)
        Number of the piece that each pixel belongs to; 0 is background.
    areas : ndarray of int
        Pixels of each piece.
    """
    if not DIGITS <= len(areas) <= PIECES:
        return False
    found = find_objects(pieces)
    rows = np.array([(y.start, y.stop) for y, _ in found])
    columns = np.array([(x.start, x.stop) for _, x in found])
    most = SHARE * min(pieces.shape)
    for along, across in ((columns, rows), (rows, columns)):
        letters, found_rows = _rows(along, across, most)
        drawn = [
            row
            for row in found_rows
            if _is_drawn([pieces[found[k]] == k + 1 for k in row])
        ]
        if drawn and sum(map(len, drawn)) >= IN_ROWS * letters:
            return True
    return False


def _rows(
    along: NDArray[np.int64], across: NDArray[np.int64], most: float
) -> tuple[int, list[NDArray[np.int64]]]:
    """Number of pieces as large as letters, and rows of them that end on one line.

    Parameters
    ----------
    along, across : ndarray of int, shape (n, 2)
        First and last pixels of the pieces along the rows of text, and across them.
    most : float
        Largest height of a letter, in pixels.
    """
    heights, widths = np.ptp(across, axis=1), np.ptp(along, axis=1)
    letters = (heights >= HEIGHT) & (heights <= most) & (widths <= WIDTH * heights)
    middles = across.mean(1)
    rows: list[NDArray[np.int64]] = []
    left = letters.copy()
    for first in np.flatnonzero(letters):
        if not left[first]:
            continue
        height = heights[first]
        alike = letters & (np.abs(middles - middles[first]) <= height / 2)
        alike &= (heights >= HEIGHTS[0] * height) & (heights <= HEIGHTS[1] * height)
        row = np.flatnonzero(alike)
        row = row[np.argsort(along[row, 0])]
        if len(row) < DIGITS:
            continue
        ends = np.maximum.accumulate(along[row, 1])
        breaks = np.flatnonzero(along[row[1:], 0] - ends[:-1] > GAP * height) + 1
        for part in np.split(row, breaks):
            if len(part) >= DIGITS and _on_line(across[part], height):
                rows.append(part)
                left[part] = False
    return int(np.count_nonzero(letters)), rows


def _on_line(across: NDArray[np.int64], height: int) -> bool:
    """Whether most pieces end on one line; or, of few, all on two, as digits do."""
    near = np.abs(across - np.median(across, axis=0)) <= max(1.0, LINE * height)
    if len(across) < LETTERS:
        return bool(near.all())
    return bool(near.mean(0).max() >= ON_LINE)


def _is_drawn(letters: list[NDArray[np.bool_]]) -> bool:
    """Whether most of these pieces, each of shape (H, W), are made of thin lines."""
    areas = np.array([np.count_nonzero(one) for one in letters])
    filled = areas / [one.size for one in letters]
    # A line has two sides, each as long as itself.
    thick = 2 * areas / [_outline(one) for one in letters]
    heights = np.array([min(max(one.shape), 2 * min(one.shape)) for one in letters])
    return bool(np.median(filled) <= FILLED and np.median(thick / heights) <= THIN)


def _outline(piece: NDArray[np.bool_]) -> int:
    padded = np.pad(piece, 1)
    edge = int(np.count_nonzero(padded[1:] != padded[:-1]))
    return edge + int(np.count_nonzero(padded[:, 1:] != padded[:, :-1]))
