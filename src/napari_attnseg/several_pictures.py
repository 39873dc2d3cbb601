"""Recognise a page that holds several pictures: a report, a slide, a contact sheet.

A page is cut along lines that have its own colour only, from edge to edge, then each
part again. What cannot be cut any more is a picture, or a letter.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Key, in provenance, of the number of pictures on a page.
PICTURES = "pictures_on_page"
#: Sentence about such an image, with places for it, how many pictures, what helps.
PICTURES_WORDS = (
    "{} seems to be a page of {} pictures, each of which is small for the "
    "model: {} around one of them, or cut them out."
)
#: Pixels along the longer side that are looked at, at most: a gutter has a few only.
_SIDE = 1500
#: Levels of 255 by which a page may differ from its colour, after a scan and JPEG, and
#: share of the pixels of a line that may differ more: dust.
_ALIKE, _DUST = 24, 0.005
#: Share of the border that has one colour, at least, for it to be that of the page.
_BORDER = 0.5
#: Sides of a picture, at least, as a share of those of the page and in pixels.
_SHARE, _LEAST = 0.05, 8
#: Area of a picture, at least, as a share of the largest one: a navigator in a corner
#: of an endoscope's image is no picture of its own.
_AS_LARGE = 0.2
#: Share of a picture, of its four edges and of each of them that is not of the page's
#: colour, at least. A frame of an endoscope with dark corners still has straight edges
#: (training/results/pictures-on-page-kvasir-seg.json); a knee or a hand touches them in
#: a few places, or two of them only, and a round field of view each with 0.16.
_FILLED, _EDGE, _EACH = 0.5, 0.3, 0.1
#: Depth of an edge, as a share of the side.
_DEEP = 1 / 64
#: Grey levels, of 64, that a picture has, and the share of its pixels in each.
_LEVELS, _IN_LEVEL = 12, 0.002


def pictures_on_page(image: NDArray[Any]) -> int:
    """Number of pictures on a page; 0 if an image does not look like one.

    The image has the shape (H, W) or (H, W, C). Gutters are white, black, or of the
    colour of the image's border. A picture that fades into their colour may be missed.
    """
    step = math.ceil(max(image.shape[:2]) / _SIDE)
    some = _bytes(image[::step, ::step])
    border = np.concatenate([some[0], some[-1], some[:, 0], some[:, -1]])
    colours = {(255,) * some.shape[-1], (0,) * some.shape[-1]}
    usual = np.median(border, axis=0)
    # Of a ramp, the middle of its border is no colour of a page.
    if (np.abs(border - usual).max(axis=-1) <= _ALIKE).mean() >= _BORDER:
        colours.add(tuple(int(one) for one in usual))
    return max(_count(some, one) for one in colours)


def _bytes(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Levels from 0 to 255 of an image (H, W, 1) or (H, W, 3)."""
    some = image[..., None] if image.ndim == 2 else image[..., :3]
    if some.dtype != np.uint8:
        values = some.astype(np.float64)
        low, high = float(values.min()), float(values.max())
        some = (values - low) * (255 / max(high - low, 1e-9))
    return some.astype(np.uint8)


def _count(image: NDArray[np.uint8], colour: tuple[int, ...]) -> int:
    drawn: NDArray[np.bool_] = np.zeros(image.shape[:2], bool)
    for channel, level in zip(np.moveaxis(image, -1, 0), colour, strict=True):
        if level > _ALIKE:
            drawn |= channel < level - _ALIKE
        if level < 255 - _ALIKE:
            drawn |= channel > level + _ALIKE
    least = [max(_LEAST, round(_SHARE * side)) for side in drawn.shape]
    parts = _parts(drawn, least)
    areas: list[int] = []
    for rows, columns in parts if len(parts) > 1 else []:
        if _is_picture(drawn[rows, columns], image[rows, columns]):
            areas.append((rows.stop - rows.start) * (columns.stop - columns.start))
    found = sum(area >= _AS_LARGE * max(areas) for area in areas)
    return found if found > 1 else 0


def _parts(drawn: NDArray[np.bool_], least: list[int]) -> list[tuple[slice, slice]]:
    """Cut a page until no line of its colour is left; drops what is small."""
    left = [(slice(0, drawn.shape[0]), slice(0, drawn.shape[1]))]
    found = []
    while left:
        place = left.pop()
        part = drawn[place]
        pieces = [_runs(part.mean(axis=1 - axis) > _DUST) for axis in (0, 1)]
        large = [
            [(a, b) for a, b in runs if b - a >= side]
            for runs, side in zip(pieces, least, strict=True)
        ]
        if not large[0] or not large[1]:
            continue
        if all(runs == [(0, n)] for runs, n in zip(pieces, part.shape, strict=True)):
            found.append(place)
            continue
        top, at = place[0].start, place[1].start
        left += [
            (slice(top + a, top + b), slice(at + c, at + d))
            for a, b in large[0]
            for c, d in large[1]
        ]
    return found


def _runs(lines: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last line, exclusive, of each run of lines that are true."""
    edges = np.flatnonzero(np.diff(lines.astype(np.int8), prepend=0, append=0))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _is_picture(drawn: NDArray[np.bool_], pixels: NDArray[np.uint8]) -> bool:
    """Whether a part of a page is a filled rectangle of many grey levels."""
    deep = [max(1, int(n * _DEEP)) for n in drawn.shape]
    edges = (
        *(
            drawn[: deep[0]],
            drawn[-deep[0] :],
            drawn[:, : deep[1]],
            drawn[:, -deep[1] :],
        ),
    )
    shares = [one.mean() for one in edges]
    if drawn.mean() < _FILLED or np.mean(shares) < _EDGE or min(shares) < _EACH:
        return False
    levels = np.bincount(pixels.mean(axis=-1).astype(int).ravel() // 4, minlength=64)
    return int((levels >= _IN_LEVEL * drawn.size).sum()) >= _LEVELS
