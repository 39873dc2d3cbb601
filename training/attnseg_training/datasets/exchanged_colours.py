"""Find images of which some have red and blue exchanged."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

#: Every eighth pixel of each eighth line says what the colour of an image is.
EVERY = 8
#: Red minus blue as a share of all light: from here on an image has a colour.
COLOURED = 0.05
#: So many images have to be of each kind, and so many in all.
EACH, LEAST = 2, 8
#: Colours of both kinds are alike, once exchanged, up to this share of red minus blue;
#: green up to this share of all light.
ALIKE, GREEN = 0.4, 0.05

Colour = tuple[float, float]


def colour_of(rgb: NDArray[np.uint8]) -> Colour:
    """Red minus blue and green, as shares of all light of an image (H, W, 3)."""
    red, green, blue = rgb[::EVERY, ::EVERY].mean((0, 1)).tolist()
    light = max(red + green + blue, 1.0)
    return (red - blue) / light, green / light


def exchanged(colours: Mapping[str, Colour]) -> tuple[str, ...]:
    """Names of the smaller of two groups that are alike once red is blue; or none.

    OpenCV writes blue first what other programs gave it red first. Every image has to
    be in a group, far from grey.
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
