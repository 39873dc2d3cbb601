"""Recognise images on which a box around the lesion, or calipers, were drawn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

Plane = NDArray[np.bool_]

#: Red, green and blue of what is drawn differ by so much.
VIVID = 150
#: A box lies at most so many pixels inside the box around a lesion, and outside of it
#: at most so many, or this share of the shorter side of the image.
WITHIN, BEYOND, SHARE = 4, 12, 0.06
#: Of the pixels of a line, one of so many is looked at.
EVERY = 2
#: Share of a line of a box that differs by so much, grey left out, from the pixels that
#: lie so far to both sides; its sides differ in their distance by so many pixels.
LINE, STEP, WIDTH, UNEVEN = 0.6, 40.0, 4, 3
#: Calipers are at most this share of the box around a lesion, and at least so many
#: pixels. Such a share has one colour, but for so much.
FEW, LEAST, SAME, ONE_COLOUR = 0.06, 8, 40, 0.8
#: They reach the ends of a lesion within so many pixels, or this share of its length.
ENDS, OF_LENGTH = 8, 0.05
#: Such a share of them lies within so many pixels from the lines between these ends.
BESIDE_LINE, ON_LINES = 6, 0.9


def is_marked(rgb: NDArray[np.uint8], lesion: Plane) -> bool:
    """Whether an image (H, W, 3) shows a box around its lesion (H, W), or calipers.

    Only vivid colours count. A network would learn to find these marks.
    """
    pieces, count = label(lesion, np.ones((3, 3)))
    if count == 0:
        return False
    sizes = np.bincount(pieces.ravel())[1:]
    largest = pieces == 1 + int(sizes.argmax())
    rows, columns = np.flatnonzero(largest.any(1)), np.flatnonzero(largest.any(0))
    beyond = max(BEYOND, round(SHARE * min(lesion.shape)))
    top, left = max(rows[0] - beyond, 0), max(columns[0] - beyond, 0)
    part = slice(top, rows[-1] + 1 + beyond), slice(left, columns[-1] + 1 + beyond)
    colours = rgb[part]
    box = rows[0] - top, columns[0] - left, rows[-1] + 1 - top, columns[-1] + 1 - left
    if _has_box(colours, tuple(map(int, box))):
        return True
    # Faster than the largest and smallest along the last axis.
    red, green, blue = np.moveaxis(colours, -1, 0)
    highest = np.maximum(np.maximum(red, green), blue)
    vivid = highest - np.minimum(np.minimum(red, green), blue) >= VIVID
    if np.count_nonzero(vivid) < LEAST:
        return False
    return _has_calipers(colours, vivid, largest[part])


def _has_box(colours: NDArray[np.uint8], box: tuple[int, ...]) -> bool:
    """Whether coloured lines lie along all sides of a box that are inside the image."""
    top, left, bottom, right = box
    height, width = colours.shape[:2]
    turned = colours.transpose(1, 0, 2)
    offsets = []
    for plane, first, low, high in (
        (colours, top, left, right),
        (colours[::-1], height - bottom, left, right),
        (turned, left, top, bottom),
        (turned[::-1], width - right, top, bottom),
    ):
        # From the border of the part inwards, or from as far as a box may lie.
        lines = plane[: first + WITHIN + WIDTH, low:high:EVERY].astype(np.float32)
        if first <= WIDTH or len(lines) <= 2 * WIDTH:
            continue
        lines -= lines.mean(-1, keepdims=True)
        middle = lines[WIDTH:-WIDTH]
        # To both sides: a tinted lesion differs to one.
        sides = (lines[: -2 * WIDTH], lines[2 * WIDTH :])
        steps = [((middle - side) ** 2).sum(-1) >= STEP**2 for side in sides]
        shares = (steps[0] & steps[1]).mean(1)
        most = int(shares.argmax())
        if shares[most] < LINE:
            return False
        offsets.append(first - most - WIDTH)
    return len(offsets) > 1 and max(offsets) - min(offsets) <= UNEVEN


def _has_calipers(colours: NDArray[np.uint8], vivid: Plane, lesion: Plane) -> bool:
    """Whether few vivid pixels of one colour mark both ends of a lesion."""
    if np.count_nonzero(vivid) > FEW * vivid.size:
        return False
    drawn = colours[vivid].astype(np.float64)
    same = np.abs(drawn - np.median(drawn, axis=0)).max(-1) <= SAME
    if same.mean() < ONE_COLOUR:
        return False
    places = np.argwhere(vivid)[same].astype(np.float64)
    inside = np.argwhere(lesion).astype(np.float64)
    if len(inside) < LEAST:
        return False
    centred = inside - inside.mean(0)
    beside = np.full(len(places), np.inf)
    found = False
    for axis in np.linalg.eigh(centred.T @ centred)[1].T:
        along = centred @ axis
        last = along <= along.min() + 1, along >= along.max() - 1
        limit = max(ENDS, OF_LENGTH * float(np.ptp(along)))
        near = [_within(places, inside[one], limit) for one in last]
        if np.ptp(along) <= 4 * limit or not all(map(len, near)):
            continue
        found = True
        ends = [one.mean(0) for one in near]
        length = float(np.linalg.norm(ends[1] - ends[0]))
        line = (ends[1] - ends[0]) / max(length, 1)
        share = ((places - ends[0]) @ line).clip(0, length)
        off = np.linalg.norm(places - ends[0] - share[:, None] * line, axis=1)
        beside = np.minimum(beside, off)
    return found and bool((beside <= BESIDE_LINE).mean() >= ON_LINES)


def _within(
    places: NDArray[np.float64], others: NDArray[np.float64], limit: float
) -> NDArray[np.float64]:
    """Places (n, 2) that lie within a distance of any of others (m, 2)."""
    gaps = np.linalg.norm(places[:, None] - others[None], axis=-1)
    return np.asarray(places[gaps.min(1) <= limit])
