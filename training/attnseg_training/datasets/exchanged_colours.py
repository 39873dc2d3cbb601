"""Find images of which some have red and blue exchanged."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

#: The colour of an image is computed from every eighth pixel of every eighth line.
EVERY = 8
#: Least difference of red and blue, as a share of their sum with green, of an image
#: that is not grey.
COLOURED = 0.05
#: Least number of images in each group, and in all.
EACH, LEAST = 2, 8
#: Largest difference of both groups, once red and blue are exchanged: in red minus
#: blue, as a share of it; in green, as a share of the sum of red, green and blue.
ALIKE, GREEN = 0.4, 0.05

Colour = tuple[float, float]


def colour_of(rgb: NDArray[np.uint8]) -> Colour:
    """Red minus blue, and green, of an image (H, W, 3), as shares of all three."""
    red, green, blue = rgb[::EVERY, ::EVERY].mean((0, 1)).tolist()
    light = max(red + green + blue, 1.0)
    return (red - blue) / light, green / light


def exchanged(colours: Mapping[str, Colour]) -> tuple[str, ...]:
    """Names of images that have red and blue exchanged; empty if there are none.

    OpenCV expects blue first; if a program gives it red first, it writes exchanged
    colours. Then images form two groups that are alike once red and blue are exchanged,
    and the smaller group is returned. No image may be grey.
    """
    if len(colours) < LEAST:
        return ()
    names = np.array(list(colours))
    values = np.array(list(colours.values()))
    if (np.abs(values[:, 0]) < COLOURED).any():
        return ()
    reddish = values[:, 0] > 0
    few, many = sorted((reddish, ~reddish), key=np.count_nonzero)
    if np.count_nonzero(few) < EACH:
        return ()
    one, other = values[few].mean(0), values[many].mean(0)
    alike = abs(one[0] + other[0]) <= ALIKE * max(abs(one[0]), abs(other[0]))
    if not alike or abs(one[1] - other[1]) > GREEN:
        return ()
    return tuple(names[few].tolist())
