"""Errors of masks whose colours cannot be read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets.rules import OneColourError, Rule, UnclearMaskError

_SENTENCE = (
    "Expected black or one colour along the border, and any other for lesions, in the "
    "mask {name}, found {came}; export it as a mask of 0 and 255."
)


def unclear(name: str, came: str) -> UnclearMaskError:
    """Make the error for a mask in which it is not clear which colour is lesion."""
    return UnclearMaskError(
        Rule.UNCLEAR_COLOURS, _SENTENCE.format(name=name, came=came)
    )


def picture(name: str) -> UnclearMaskError:
    """Make the error for a mask that seems to be a picture."""
    return unclear(
        name,
        "as many colours as in a picture, such as a heat map or a photo with an "
        "outline drawn on it",
    )


def one_colour(name: str, colour: NDArray[np.float64]) -> OneColourError:
    """Make the error for a mask that has only one colour (3,)."""
    red, green, blue = (float(value) for value in colour)
    came = "one colour alone, not black: it may be empty or full"
    sentence = _SENTENCE.format(name=name, came=came)
    return OneColourError(Rule.UNCLEAR_COLOURS, sentence, (red, green, blue))
