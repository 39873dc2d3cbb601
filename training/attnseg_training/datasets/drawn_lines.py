"""Recognise images on which a coloured line was drawn along the outline of a lesion."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.bool_]

#: Most and fewest places of an outline that are looked at.
MOST, PLACES = 300, 20
#: Half of the side of a window that gives the direction across an outline, and how far
#: its centre of lesion lies off the middle, summed over all pixels, where it is clear.
WINDOW, CLEAR = 4, 20.0
#: A line differs from what lies so many pixels to both sides, or this share of the
#: shorter side of the image, so that it is at most nearly twice as wide. It lies at
#: most so many times as far inside and outside.
APART, SHARE, INSIDE, OUTSIDE = 4, 0.012, 1.5, 2.25
#: It differs by so much, grey left out. Its colour differs by no more from the median
#: colour, of which red, green and blue differ by so much.
STEP, SAME, VIVID = 40.0, 60.0, 60.0
#: How bright a colour looks, and how much that differs from the median in the middle:
#: 5 where lines were drawn, 9 where such images were made smaller, and 14 or more where
#: a stain shines along the edges of cells.
LUMA, EVEN = np.array([0.299, 0.587, 0.114], np.float32), 11.0
#: Share of the places with such a line; 0.11 at most in 60 images of Kvasir-SEG.
LINE = 0.4
#: So near to its colour is that of the gaps between cells side by side to what is
#: around them; share of places at which such a colour occurs beyond the line.
LIKE, BEYOND = 24.0, 0.25


def has_line(rgb: NDArray[np.uint8], lesion: Plane) -> bool:
    """Whether an image (H, W, 3) shows a line of one colour along its lesion's outline.

    A network would learn to follow such a line instead of finding lesions. The image
    around it may be as vivid as the line: what counts is a thin ridge of colour that
    goes along with the outline.
    """
    apart = max(APART, round(SHARE * min(lesion.shape)))
    inside, outside = round(INSIDE * apart), round(OUTSIDE * apart)
    colours = _across(rgb, lesion, inside + apart, outside + apart)
    if len(colours) < PLACES:
        return False
    hues = colours - colours.mean(-1, keepdims=True)
    middle = hues[:, apart:-apart]
    before, after = middle - hues[:, : -2 * apart], middle - hues[:, 2 * apart :]
    # A ridge, not a step: it differs from both sides in the same way.
    ridge = np.minimum((before**2).sum(-1), (after**2).sum(-1))
    ridge[(before * after).sum(-1) <= 0] = 0
    best, each = ridge.argmax(1), np.arange(len(ridge))
    there = ridge[each, best] >= STEP**2
    if there.mean() < LINE:
        return False
    drawn = colours[each, apart + best]
    colour = np.median(drawn[there], axis=0)
    if np.ptp(colour) < VIVID:
        return False
    bright = drawn[there] @ LUMA
    line = there & (np.abs(drawn - colour).max(-1) <= SAME)
    uneven = np.median(np.abs(bright - np.median(bright)))
    if line.mean() < LINE or uneven > EVEN:
        return False
    ends = np.abs(colours[:, [0, -1]] - colour).max(-1) <= LIKE
    return bool(ends.any(1).mean() <= BEYOND)


def _across(
    rgb: NDArray[np.uint8], lesion: Plane, inside: int, outside: int
) -> NDArray[np.float32]:
    """Colours (n, inside + 1 + outside, 3) along lines across an outline, outwards.

    Only of lines that lie within the image.
    """
    height, width = lesion.shape
    padded = np.pad(lesion, 1)
    deep = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    y, x = np.nonzero(lesion & ~deep)
    every = len(y) // MOST + 1
    y, x = y[::every], x[::every]
    down, right = np.mgrid[-WINDOW : WINDOW + 1, -WINDOW : WINDOW + 1]
    padded = np.pad(lesion, WINDOW)
    around = padded[y[:, None, None] + down + WINDOW, x[:, None, None] + right + WINDOW]
    normal = -np.stack([(around * one).sum((1, 2)) for one in (down, right)], 1)
    length = np.hypot(*normal.T.astype(np.float64))
    clear = length > CLEAR
    steps = np.arange(-inside, outside + 1)
    unit = normal[clear] / length[clear, None]
    rows = np.rint(y[clear, None] + unit[:, :1] * steps).astype(np.intp)
    columns = np.rint(x[clear, None] + unit[:, 1:] * steps).astype(np.intp)
    there = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    whole = there.all(1)
    return np.asarray(rgb[rows[whole], columns[whole]], np.float32)
