"""Find the colours with which a mask is drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

Colours = NDArray[np.float64]
Plane = NDArray[np.bool_]

#: All colours are taken as of 0 to 255. Channels that differ by less are grey in a file
#: whose compression has changed them, and colours are the same colour.
SAME = 12
#: Colours that differ by less than this are one colour that a lossy file has spread.
APART = 60
#: More colours than this are a picture, or objects of which each has its own.
MANY = 64
#: Of those objects at least so many pixels lie beside one of the same colour; they and
#: their background have so much of the area; a colour has about one piece.
BESIDE, GROUND, PIECES = 0.9, 0.2, 1.2
#: A heat map has so many hues between its colours, each in this share of them, on this
#: share of the area.
HUES, OF_ONE_HUE, BETWEEN = 6, 0.03, 0.03
#: Soft edges along a curve have so many pixels beside all lines, more than this share
#: of those that are far from the colours drawn, and so many shades.
CURVE, OFF, SHADES = 12, 0.5, 6
#: After a thin line's colour is added, so many of them are left at most.
LINE = 0.1
#: Or no neighbours that differ by more than this share of the distance of its colours
#: from the background, and colours whose hues differ by this cosine.
STEEP, HUE = 0.2, 0.9
#: How bright a colour looks; so far from those of all colours it is in between.
LUMA, BETWEEN_LEVELS = np.array([0.299, 0.587, 0.114]), 24


def drawn_colours(rgb: Colours, hidden: Plane, lossy: bool) -> tuple[Colours, bool]:
    """Colours (n, 3) with which a mask is drawn, without those of its edges.

    Also returns whether lossy compression has changed them, now or earlier.
    """
    drawn = np.empty((0, 3)) if lossy else _exact_colours(rgb, hidden)
    noisy = _are_noisy(drawn) and not _are_flat(rgb)
    if lossy or noisy or _are_missing(drawn, rgb, hidden):
        return _lossy_colours(rgb, hidden), True
    return drawn, False


def _are_noisy(drawn: Colours) -> bool:
    """Whether colours are some that a lossy format has spread, although not this file.

    Most of them then have another one beside them.
    """
    if not 1 < len(drawn) <= 4096 or np.ptp(drawn, axis=0).max() <= APART:
        return False
    gaps = np.stack([np.abs(drawn - one).max(-1) for one in drawn])
    np.fill_diagonal(gaps, np.inf)
    return bool((gaps.min(0) <= SAME).mean() >= 0.5)


def _are_flat(rgb: Colours) -> bool:
    """Whether few exact colours fill regions, as no lossy format leaves them."""
    numbers = codes(rgb)
    if len(np.unique(numbers)) > MANY:
        return False
    inner = numbers[1:, 1:]
    beside = (inner == numbers[:-1, 1:]) | (inner == numbers[1:, :-1])
    return bool(beside[inner > 0].mean() >= BESIDE) if inner.any() else False


def _are_missing(drawn: Colours, rgb: Colours, hidden: Plane) -> bool:
    """Whether most pixels of other colours than these lie in regions, not at edges."""
    if len(drawn) == 0 or len(drawn) > MANY:
        return False
    other = (distance(rgb, drawn).min(-1) > SAME) & ~hidden
    regions = _lossy_colours(rgb, ~other)
    if len(regions) == 0:
        return False
    near = distance(rgb[other][None], regions).min(-1) <= 2 * SAME
    return bool(near.mean() > 0.4)


def _exact_colours(rgb: Colours, hidden: Plane) -> Colours:
    """The colours that are drawn: all, if they are few; else those of flat regions."""
    whole = codes(rgb)
    seen, counts = np.unique(whole[~hidden], return_counts=True)
    flat = np.unique(whole[1:-1, 1:-1][_flat(whole) & ~hidden[1:-1, 1:-1]])
    if len(seen) <= 3 or (len(seen) <= MANY and len(flat) == len(seen)):
        flat = seen
    elif len(flat) == 0:
        flat = seen[counts > 0.02 * counts.sum()]
    colours = np.stack([flat // 2**32, flat // 2**16 % 2**16, flat % 2**16], -1)
    return colours.astype(np.float64) / 256


def _lossy_colours(rgb: Colours, hidden: Plane) -> Colours:
    """Centres of the colours of flat regions, the commonest first."""
    size = 1 + 2 * (min(rgb.shape[:2]) >= 3)
    views = np.lib.stride_tricks.sliding_window_view(rgb, (size, size), (0, 1))
    flat = np.ptp(views, (-2, -1)).max(-1) <= 2 * SAME
    edge = size // 2
    inner = slice(edge, rgb.shape[0] - edge), slice(edge, rgb.shape[1] - edge)
    pixels = rgb[inner][flat & ~hidden[inner]]
    centres: list[Colours] = []
    least = max(4, 0.0002 * rgb.shape[0] * rgb.shape[1])
    while len(pixels) >= least and len(centres) <= MANY:
        bins = (pixels // 16).astype(np.int64) @ np.array([256, 16, 1])
        centre = np.median(pixels[bins == np.bincount(bins).argmax()], axis=0)
        centres.append(centre)
        pixels = pixels[np.abs(pixels - centre).max(-1) > APART]
    return np.array(centres).reshape(-1, 3)


def are_objects(rgb: Colours, hidden: Plane) -> bool:
    """Whether many colours on black belong to objects, each in one flat piece.

    Colours must be exact. In a picture, or at soft edges, most colours occur in several
    pieces or in single pixels.
    """
    if hidden.any():
        return False
    found, numbers = np.unique(codes(rgb), return_inverse=True)
    numbers = numbers.reshape(hidden.shape)
    areas = np.bincount(numbers.ravel())
    if len(found) <= MANY or found[0] != 0 or areas[0] != areas.max():
        return False
    objects = numbers > 0
    if areas[0] < GROUND * objects.size:
        return False
    beside = np.zeros(objects.shape, bool)
    for a, b in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
        same = numbers[a] == numbers[b]
        beside[a] |= same
        beside[b] |= same
    if np.count_nonzero(beside & objects) < BESIDE * np.count_nonzero(objects):
        return False
    return _pieces(numbers) <= PIECES * (len(found) - 1)


def _pieces(numbers: NDArray[Any]) -> int:
    """Number of connected regions of one number, 0 left out."""
    rows, columns = numbers.shape
    # Twice as large, with what lies between two equal pixels filled.
    wide = np.zeros((2 * rows - 1, 2 * columns - 1), bool)
    wide[::2, ::2] = numbers > 0
    wide[1::2, ::2] = (numbers[1:] == numbers[:-1]) & (numbers[1:] > 0)
    wide[::2, 1::2] = (numbers[:, 1:] == numbers[:, :-1]) & (numbers[:, 1:] > 0)
    return int(label(wide)[1])


def beside_lines(rgb: Colours, drawn: Colours, hidden: Plane, lossy: bool) -> Colours:
    """Distance of visible pixels (H, W) from all lines between drawn colours.

    Colours of a soft edge lie on such a line. If there is only one drawn colour, the
    distance is 0.
    """
    least = np.zeros(rgb.shape[:2])
    if len(drawn) < 2:
        return least
    away = distance(rgb, drawn).min(-1)
    edges = ~hidden & (away > (2 * SAME if lossy else SAME))
    pixels, nearest = rgb[edges], away[edges]
    for i, one in enumerate(drawn):
        for other in drawn[i + 1 :]:
            line = other - one
            along = ((pixels - one) @ line / (line @ line)).clip(0, 1)
            off = np.linalg.norm(pixels - one - along[:, None] * line, axis=-1)
            nearest = np.minimum(nearest, off)
    least[edges] = nearest
    return least


def are_of_many_hues(
    rgb: Colours, ground: Colours, hidden: Plane, beside: Colours
) -> bool:
    """Whether colours run through many hues, as those of a heat map do.

    Parameters
    ----------
    rgb, ground : ndarray
        Colours (H, W, 3), and the colour of the background.
    hidden : ndarray of bool, shape (H, W)
    beside : ndarray, shape (H, W)
        See `beside_lines`.
    """
    between = beside > APART
    if np.count_nonzero(between) < max(BETWEEN * np.count_nonzero(~hidden), 1):
        return False
    towards = rgb[between] - ground
    towards /= np.linalg.norm(towards, axis=-1, keepdims=True)
    _, counts = np.unique((2 * towards).round(), axis=0, return_counts=True)
    return bool(np.count_nonzero(counts > OF_ONE_HUE * len(towards)) >= HUES)


def are_along_a_curve(
    rgb: Colours,
    drawn: Colours,
    ground: Colours,
    hidden: Plane,
    beside: Colours,
    lossy: bool,
) -> bool:
    """Whether most edge pixels of many colours lie on no line between two colours.

    For parameters see `are_of_many_hues` and `beside_lines`.
    """
    off = beside > (APART if lossy else 2 * SAME)
    away = distance(rgb, drawn).min(-1)
    edges = ~hidden & (away > (2 * APART if lossy else APART))
    if lossy:  # JPEG blurs the hues of a hard edge, and not how bright it is
        bright, levels = rgb @ LUMA, drawn @ LUMA
        off &= np.abs(bright[..., None] - levels).min(-1) > BETWEEN_LEVELS
    count = np.count_nonzero(off)
    shades = len(np.unique((rgb[off] // 16) @ np.array([256, 16, 1])))
    if count >= CURVE and shades >= SHADES and count > OFF * np.count_nonzero(edges):
        return lossy or not _has_line(rgb, drawn, ground, hidden, beside)
    return _turns(rgb, drawn, ground, hidden)


def _has_line(
    rgb: Colours, drawn: Colours, ground: Colours, hidden: Plane, beside: Colours
) -> bool:
    """Whether a thin line of one colour more explains what lies beside all lines.

    It is too thin to have an area of its own, and no shadow, which is nearer to the
    background than what is drawn.
    """
    farthest = rgb.reshape(-1, 3)[beside.argmax()]
    reach = np.linalg.norm(drawn - ground, axis=-1).max()
    if np.linalg.norm(farthest - ground) < reach:
        return False
    left = beside_lines(rgb, np.vstack([drawn, farthest]), hidden, False)
    count = np.count_nonzero(left > 2 * SAME)
    return bool(count <= LINE * np.count_nonzero(beside > 2 * SAME))


def _turns(rgb: Colours, drawn: Colours, ground: Colours, hidden: Plane) -> bool:
    """Whether one hue turns into another within a piece, without any hard edge."""
    reach = float(np.linalg.norm(drawn - ground, axis=-1).max())
    seen = np.where(hidden[..., None], ground, rgb)
    for axis in (0, 1):
        step = np.linalg.norm(np.diff(seen, axis=axis), axis=-1)
        if step.size and step.max() > STEEP * reach:
            return False
    which = distance(seen, drawn).argmin(-1)
    towards = drawn - ground
    far = np.linalg.norm(towards, axis=-1) > APART
    pieces, _ = label(far[which], np.ones((3, 3)))
    pairs = np.unique(np.stack([pieces[far[which]], which[far[which]]], -1), axis=0)
    for piece in np.unique(pairs[:, 0]):
        own = towards[pairs[pairs[:, 0] == piece, 1]]
        own = own / np.linalg.norm(own, axis=-1, keepdims=True)
        if (own @ own.T).min() < HUE:
            return True
    return False


def codes(rgb: Colours) -> NDArray[np.int64]:
    """Encode each colour as one number, exact to 1/256 of a level."""
    whole = (rgb * 256).round().astype(np.int64)
    if whole.shape[-1] == 1:
        whole = np.repeat(whole, 3, -1)
    return np.asarray((whole[..., 0] * 2**16 + whole[..., 1]) * 2**16 + whole[..., 2])


def _flat(codes: NDArray[np.int64]) -> Plane:
    """Inner pixels whose 3×3 neighbourhood has one colour."""
    if min(codes.shape) < 3:
        return np.zeros((max(codes.shape[0] - 2, 0), max(codes.shape[1] - 2, 0)), bool)
    views = np.lib.stride_tricks.sliding_window_view(codes, (3, 3))
    same: Plane = (views == views[..., 1:2, 1:2]).all((-2, -1))
    return same


def distance(rgb: Colours, colours: Colours) -> Colours:
    """Euclidean distance of each pixel to each colour: (H, W, colours)."""
    return np.stack([np.linalg.norm(rgb - one, axis=-1) for one in colours], -1)


def border_of(values: NDArray[Any]) -> NDArray[Any]:
    """Values along the border of (H, W, …), each pixel once."""
    return np.concatenate([values[0], values[-1], values[1:-1, 0], values[1:-1, -1]])
