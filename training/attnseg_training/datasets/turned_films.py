"""Masks of a film that asks to be shown turned or mirrored, by its display matrix.

Frames are read as they are shown. Some programs, such as older versions of OpenCV, give
them as they are stored, and masks that were drawn there lie otherwise.
"""

from __future__ import annotations

import numpy as np

from attnseg_training.datasets.drawn_masks import DrawnMasks, Labels, Turn
from napari_attnseg.io.dataset_toml import FILE
from napari_attnseg.io.readers import Frames


def turn_of_film(film: Frames, masks: DrawnMasks) -> Turn | None:
    """Return what brings a mask on the frames as they are shown.

    Parameters
    ----------
    film : Frames
        A film, or other frames, which are never turned.
    masks : DrawnMasks

    Returns
    -------
    callable or None
        None if the masks lie so.

    Raises
    ------
    InputError
        If it is not known, and the sizes of masks do not say it.
    """
    said = film.facts.said
    mirrored, angle = bool(said.get("mirrored")), int(said.get("rotation") or 0)
    if not mirrored and not angle:
        return None
    shown = film.facts.height, film.facts.width
    stored = shown[::-1] if angle % 180 else shown
    shape, name = masks.shape, masks.name
    if masks.orientation == "shown" or shape not in (shown, stored):
        return None  # another size is told when it is added
    turn = f"turned by {angle} degrees" if angle else ""
    turn += " counter-clockwise" if angle % 180 else ""
    words = " and ".join(filter(None, ["mirrored" if mirrored else "", turn]))
    asks = f"{film.name} asks to be shown {words} (its display matrix)"
    if masks.orientation == "stored" and shape == stored:
        masks.tell(
            f"{asks}; masks in {name} were turned with its frames, as {FILE} asks."
        )

        def turned(labels: Labels) -> Labels:
            flipped = labels[:, ::-1] if mirrored else labels
            return np.ascontiguousarray(np.rot90(flipped, angle // 90))

        return turned
    if shape == shown != stored:
        masks.tell(
            f"{asks}; masks in {name} have the size of the frames that are so shown."
        )
        return None
    raise masks.not_known(
        "frames",
        f"{asks}, and they have the size of frames as they are stored",
        "frames as they are stored",
        "frames as players and FFmpeg show them",
    )
