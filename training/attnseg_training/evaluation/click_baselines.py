"""Baselines for a click head: a brush's disc, and growing by colour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.corrections.clicks import Click
from napari_attnseg.corrections.reach import Reach, reach_box
from napari_attnseg.corrections.rules import Mask, Proposal

#: Radius of a brush: part of the image's shorter side.
BRUSH = 1 / 16
#: How far growing may go: part of the image's shorter side.
GROWTH = 1 / 6
#: Distance in RGB, of [0, 1] each, within which a pixel is like the click.
LIKE = 0.1


class Brush:
    """`Corrector` that paints a disc at a click.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (H, W, 3)
        Image, of which only the size is used.
    """

    name, classes = "disc", 1
    radius = BRUSH

    def __init__(self, rgb: NDArray[np.uint8]) -> None:
        self._rgb = rgb
        far = max(1.0, min(rgb.shape[:2]) * self.radius)
        self.shape = rgb.shape[0], rgb.shape[1]
        self.reach = Reach(far, far)

    def propose(self, mask: Mask, clicks: Sequence[Click]) -> Proposal:
        """Propose a disc; the rules remove what lies outside the box."""
        box = reach_box(clicks[-1], self.reach, self.shape)
        return Proposal(box, np.full(mask[box].shape, clicks[-1].positive))


class Growing(Brush):
    """`Corrector` that grows a region over pixels of similar colour."""

    name = "region_growing"
    radius = GROWTH

    def propose(self, mask: Mask, clicks: Sequence[Click]) -> Proposal:
        """Propose a mask; the rules keep only what is connected to the click."""
        click = clicks[-1]
        box = reach_box(click, self.reach, self.shape)
        seen: NDArray[Any] = self._rgb[box].astype(np.float32) / 255
        near = self._rgb[
            max(click.row - 1, 0) : click.row + 2,
            max(click.column - 1, 0) : click.column + 2,
        ].reshape(-1, 3)
        distance = np.linalg.norm(seen - near.mean(0) / 255, axis=-1)
        inside = mask[box] == click.class_number
        inside[distance <= LIKE] = click.positive
        return Proposal(box, inside)
