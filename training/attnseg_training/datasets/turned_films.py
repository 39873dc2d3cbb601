"""Masks of a film that asks to be shown turned or mirrored, by its display matrix.

Frames are read as they are shown. Some programs, such as older versions of OpenCV, give
them as they are stored, and masks that were drawn there lie otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets.frame_masks import Mask, numbers_of
from napari_attnseg.errors import InputError
from napari_attnseg.io.dataset_toml import FILE
from napari_attnseg.io.readers import Frames

Labels = NDArray[np.uint8]


def placing(
    film: Frames,
    masks: Mapping[int, Mask],
    orientation: str,
    name: str,
    out: str,
    tell: Callable[[str], None],
) -> Callable[[Labels], Labels]:
    """Return what brings a mask (H, W) on the frames as they are shown.

    Parameters
    ----------
    film : Frames
        A film, or other frames, which are never turned.
    masks : mapping
        Frame → its mask; at least one.
    orientation : str
        ``shown`` or ``stored``: the frames on which masks were drawn. Empty: not known.
    name, out : str
        Names of the masks and of the training set, for messages.
    tell : callable
        Called with a sentence if masks are turned, or their sizes say on which frames
        they were drawn.

    Raises
    ------
    InputError
        If it is not known, and the sizes of masks do not say it.
    """
    said = film.facts.said
    mirrored, angle = bool(said.get("mirrored")), int(said.get("rotation") or 0)
    if not mirrored and not angle:
        return _same
    shown = film.facts.height, film.facts.width
    stored = shown[::-1] if angle % 180 else shown
    shape = numbers_of(next(iter(masks.values()))).shape
    if orientation == "shown" or shape not in (shown, stored):  # told when it is added
        return _same
    turn = f"turned by {angle} degrees" if angle else ""
    turn += " counter-clockwise" if angle % 180 else ""
    words = " and ".join(filter(None, ["mirrored" if mirrored else "", turn]))
    asks = f"{film.name} asks to be shown {words} (its display matrix)"
    if orientation == "stored" and shape == stored:
        tell(f"{asks}; masks in {name} were turned with its frames, as {FILE} asks.")

        def turned(labels: Labels) -> Labels:
            flipped = labels[:, ::-1] if mirrored else labels
            return np.ascontiguousarray(np.rot90(flipped, angle // 90))

        return turned
    if shape == shown != stored:
        tell(f"{asks}; masks in {name} have the size of the frames that are so shown.")
        return _same
    raise InputError(
        f"Expected to know on which frames masks in {name} were drawn, as {asks}, and "
        "they have the size of frames as they are stored; look at both together, and "
        f'write orientation = "stored" into the {FILE} of {out}, which may hold '
        "nothing else yet, if masks were drawn on frames as they are stored, or "
        'orientation = "shown" if on frames as players and FFmpeg show them.'
    )


def _same(labels: Labels) -> Labels:
    return labels
