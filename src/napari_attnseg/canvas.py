"""Recognise a small picture on a large canvas of one colour.

The whole image is resized to the input of the network. A picture that fills only a part
of the image, as in a screenshot, is therefore small for the model.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Share of an image from which its canvas is told. Images of Kvasir-SEG, cut to their
#: fields of view, stay well below it; an endoscope's uncut wide frame may not.
MUCH = 0.5
#: Levels of 255 by which pixels of one colour may differ after lossy compression.
_ALIKE = 2
#: Pixels that are looked at, at most; the others lie between them.
_PIXELS = 1_000_000

CANVAS_WORDS = (
    "More than half of this image is one single colour, so that the picture on it is "
    "small for the model: crop it, or segment only a box."
)


def mostly_canvas(image: NDArray[Any]) -> bool:
    """Whether at least `MUCH` of an image has the colour of one of its corners.

    The image has the shape (H, W) or (H, W, C). False if all of it has one colour.
    """
    step = math.ceil(math.sqrt(max(1, math.prod(image.shape[:2]) / _PIXELS)))
    some = image[::step, ::step].astype(np.float32)
    if some.ndim == 2:
        some = some[..., None]
    alike = _ALIKE if image.dtype == np.uint8 else 0
    corners = (some[i, j] for i in (0, -1) for j in (0, -1))
    shares = [(np.abs(some - c).max(-1) <= alike).mean() for c in corners]
    return bool(MUCH <= max(shares) < 1)
