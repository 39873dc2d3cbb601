"""Recognise masks whose lesions are filled with a pattern: dithers, hatches, dots."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, minimum_filter

from attnseg_training.datasets.crops import cropped

Plane = NDArray[np.bool_]

#: Where a row or a column of such pixels begins or ends, as a share of them: lines and
#: dots are at most so many pixels wide.
ENDS = 0.3
#: Gaps that are closed, in pixels; what is then filled is at least twice as wide.
GAPS = (2, 4, 8)
#: Share of what is filled then that is gaps, and of the lesion that lies in it.
OPEN, INSIDE = 0.15, 0.6
#: Lesions or gaps of a dither are single pixels: so many have none of them beside them.
SINGLE = 0.5
#: Correlation of a pattern with itself, moved on by its period; by half of it, it is
#: below `HALF`. A period has at most so many pixels.
AGAIN, HALF, PERIOD = 0.5, 0.1, 16
#: Pixels at random are correlated with those beside them by less than this.
NOISE = 0.2
#: So many pixels have to be filled.
FILLED = 100


def is_patterned(lesion: Plane) -> bool:
    """Whether most of a lesion consists of single pixels, dots or stripes.

    The pattern must fill an area regularly. Vessels and scattered cells do not fill an
    area, and the gaps between dense ones are not regular.

    Parameters
    ----------
    lesion : ndarray of bool, shape (H, W)
    """
    box = cropped(lesion)
    if box.size == 0:
        return False
    area = np.count_nonzero(box)
    ends = np.count_nonzero(box[1:] != box[:-1])
    ends += np.count_nonzero(box[:, 1:] != box[:, :-1])
    if ends < ENDS * area:
        return False
    padded = np.pad(box, max(GAPS))
    for gap in GAPS:
        filled = _opened(_closed(padded, gap + 1), 2 * gap + 1)
        inside, size = np.count_nonzero(padded & filled), np.count_nonzero(filled)
        if size < FILLED or inside < INSIDE * area or size - inside < OPEN * size:
            continue
        inner = _eroded(filled, 2 * (gap // 2) + 1)
        if _is_single(padded, filled, gap):
            return True
        like = _likeness(padded, inner)
        if like is not None and (_is_noise(like) or _is_regular(like)):
            return True
    return False


def _is_single(lesion: Plane, filled: Plane, gap: int) -> bool:
    """Whether lesions or gaps of what is filled are single pixels."""
    if gap > GAPS[0]:
        return False
    for one in (lesion, ~lesion):
        beside = np.zeros(one.shape, bool)
        for axis in (0, 1):
            for step in (1, -1):
                beside |= np.roll(one, step, axis)
        own = one & filled
        if np.count_nonzero(own & ~beside) > SINGLE * np.count_nonzero(own):
            return True
    return False


def _likeness(lesion: Plane, inside: Plane) -> NDArray[np.float64] | None:
    """Correlation of a pattern within an area with itself, moved by up to `PERIOD`.

    None without an area.
    """
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    if len(rows) == 0:
        return None
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    where = inside[box].astype(np.float64)
    wave = (lesion[box] - lesion[inside].mean()) * where
    pairs, products = _correlated(where), _correlated(wave)
    with np.errstate(divide="ignore", invalid="ignore"):
        like = products / pairs / (products[PERIOD, PERIOD] / pairs[PERIOD, PERIOD])
    like[pairs < FILLED / 2] = 0
    return np.asarray(like)


def _is_noise(like: NDArray[np.float64]) -> bool:
    """Whether pixels say nothing of those beside them, as at random."""
    beside = like[PERIOD + 1, PERIOD], like[PERIOD, PERIOD + 1]
    return bool(max(np.abs(beside)) < NOISE)


def _is_regular(like: NDArray[np.float64]) -> bool:
    """Whether a pattern repeats itself, by how it is like itself."""
    for y, x in zip(*np.nonzero(like > AGAIN), strict=True):
        dy, dx = y - PERIOD, x - PERIOD
        if dy * dy + dx * dx < 4:
            continue
        halves = {
            (PERIOD + round(dy / 2 + a), PERIOD + round(dx / 2 + b))
            for a in (-0.1, 0.1)
            for b in (-0.1, 0.1)
        }
        if min(like[half] for half in halves) < HALF:
            return True
    return False


def _correlated(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums of products (2 · PERIOD + 1, …) of values and those moved by up to it."""
    shape = [n + PERIOD for n in values.shape]
    power = np.abs(np.fft.rfft2(values, shape)) ** 2
    sums = np.fft.irfft2(power, shape)
    moves = np.arange(-PERIOD, PERIOD + 1)
    return np.asarray(sums[np.ix_(moves % shape[0], moves % shape[1])].round(6))


def _closed(lesion: Plane, size: int) -> Plane:
    wide: Plane = maximum_filter(lesion, size, mode="constant")
    return _eroded_back(wide, size)


def _eroded_back(wide: Plane, size: int) -> Plane:
    """Undo a dilation, whose window of even size is not centred."""
    shift = 0 if size % 2 else -1
    return np.asarray(minimum_filter(wide, size, mode="constant", origin=shift))


def _eroded(lesion: Plane, size: int) -> Plane:
    return np.asarray(minimum_filter(lesion, size, mode="constant"))


def _opened(lesion: Plane, size: int) -> Plane:
    shift = 0 if size % 2 else -1
    narrow = minimum_filter(lesion, size, mode="constant")
    return np.asarray(maximum_filter(narrow, size, mode="constant", origin=shift))
