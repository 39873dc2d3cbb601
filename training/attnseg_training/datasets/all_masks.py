"""Read all masks of a data set before work begins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from attnseg_training.datasets.findings import MasksSeen
from attnseg_training.datasets.masks import MaskReading
from attnseg_training.datasets.sample import Sample


def look_at_masks(
    samples: Iterable[Sample],
    keep: Callable[[str, Sequence[MaskReading]], None] = lambda name, readings: None,
) -> MasksSeen:
    """Read all masks, and the headers of all images, before work begins.

    Parameters
    ----------
    samples : iterable of Sample
    keep : callable
        Called with the name of each image and its masks.

    Raises
    ------
    InputError
        If a mask cannot be read or has another size than its image, or if it is not
        clear what is lesion in one mask or in all of them together.
    """
    seen = MasksSeen()
    for sample in samples:
        readings = sample.read_masks()
        sample.expect_sizes(readings)
        keep(sample.name, readings)
        if readings:
            planes, ignored = sample.united(readings)
            said = sample.stated, sample.ignore
            seen.add(sample.name, planes, ignored, None, readings, *said)
        else:
            seen.add(sample.name, np.zeros((sample.classes, 1, 1), np.uint8))
    for error in seen.contradictions():
        raise error
    return seen
