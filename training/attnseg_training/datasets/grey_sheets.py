"""Masks of one grey or white alone, in a data set that is drawn in colours on it.

Where lesions are red on white paper, a white sheet has no lesion. As a number, its 255
would be one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from attnseg_training.datasets.drawn_colours import SAME
from attnseg_training.datasets.mask_reading import MaskKind, MaskReading
from attnseg_training.datasets.mask_traits import Colour, MaskTraits
from attnseg_training.datasets.masks import read
from napari_attnseg.errors import InputError

#: So many masks with a background in colours tell what it is; so many are looked at.
TOLD, LOOKED_AT = 3, 200
_LARGEST = 255


def read_among(
    mask: MaskReading, others: Sequence[Path], ignore: int | None
) -> MaskReading:
    """Return a mask, or an empty one if it is the background of the other masks.

    Parameters
    ----------
    mask : MaskReading
        A mask of one class that was read by its own content alone.
    others : sequence of Path
        Masks of the data set, this one among them.
    ignore : int or None
        Number of pixels that do not count.
    """
    alone = mask.how is MaskKind.TWO_VALUES and len(mask.values) == 1
    if not alone or not others or not 0 < mask.values[0] <= _LARGEST:
        return mask
    grey = (mask.values[0],) * 3
    # Compression and other programs change a colour by a few levels.
    # A few of them, which may be written again: by their times, too.
    chosen = np.random.default_rng(0).permutation(len(others))[:LOOKED_AT]
    key = tuple((others[i], others[i].stat().st_mtime_ns) for i in chosen)
    grounds = _grounds(key, ignore)
    if not any(np.abs(np.subtract(grey, one)).max() <= SAME for one in grounds):
        return mask
    empty = np.zeros_like(mask.planes)
    kind, traits = MaskKind.COLOURS, MaskTraits(background=grey)
    return MaskReading(empty, None, kind, mask.orientation, traits=(traits,))


@lru_cache(maxsize=4)
def _grounds(
    masks: tuple[tuple[Path, int], ...], ignore: int | None
) -> tuple[Colour, ...]:
    """Colours of the background of some masks (path, time) drawn in colours."""
    found: list[Colour] = []
    for path, _ in masks:
        try:
            mask = read(path, ignore=ignore, among_others=True)
        except InputError:  # told when it is read as a part of the data set
            continue
        found += [one.background for one in mask.traits if one.background is not None]
        if len(found) >= TOLD:
            break
    return tuple(found)
